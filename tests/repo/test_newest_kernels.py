# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the newest kernels are found and told."""

from __future__ import annotations

import newest_kernels
from newest_kernels import Result


def test_the_package_is_read_from_what_apt_says() -> None:
    told = "linux-headers-cloud-amd64\n  Depends: linux-base-cloud-amd64\n  Depends: linux-headers-7.3.4+deb13-cloud-amd64\n"
    assert newest_kernels.DEPENDS.findall(told) == ["linux-headers-7.3.4+deb13-cloud-amd64"]


def test_a_complaint_is_a_no() -> None:
    good, bad = (Result("sid", "7.2", "gcc-16", found, 1.0) for found in ([], ["x.c:1:1: warning: y"]))
    assert newest_kernels.table([good, bad]).splitlines()[2:] == ["| sid | 7.2 | gcc-16 | yes |", "| sid | 7.2 | gcc-16 | no |"]


def test_what_apt_fetches_is_signed() -> None:
    assert "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg" in newest_kernels.source("sid")
    assert "trusted" not in newest_kernels.source("sid")
