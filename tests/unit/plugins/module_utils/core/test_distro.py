# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import distro


@pytest.mark.parametrize(
    ("os_release", "kernel", "expected"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "6.1.0-56-cloud-amd64", "linux-headers-6.1.0-56-cloud-amd64"),
        ("ID=ubuntu\nID_LIKE=debian\n", "6.8.0-60-generic", "linux-headers-6.8.0-60-generic"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "6.8.0-60-generic", "linux-headers-6.8.0-60-generic"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "5.14.0-70.el9.x86_64", "kernel-devel-5.14.0-70.el9.x86_64"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "6.4.0-150600.23-default", "kernel-default-devel"),
        ('ID="sles"\nID_LIKE="suse"\n', "6.4.0-150600.23-rt", "kernel-rt-devel"),
        ("ID=somethingelse\n", "6.1.0", ""),
        ("", "6.1.0", ""),
        ("no equals sign", "6.1.0", ""),
    ],
)
def test_headers_package(os_release: str, kernel: str, expected: str) -> None:
    assert distro.headers_package(os_release, kernel) == expected
