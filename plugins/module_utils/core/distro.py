# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of packages that differ between distributions, for the next step in a message. Nothing is installed by it."""

from __future__ import annotations


def _families(os_release: str) -> list[str]:
    values = {}
    for line in os_release.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            values[key.strip()] = value.strip().strip("\"'").lower()
    return [values.get("ID", ""), *values.get("ID_LIKE", "").split()]


def headers_package(os_release: str, kernel: str) -> str:
    """Return the package with the headers of `kernel`, or an empty string for a distribution that is not known.

    :param os_release: text of /etc/os-release.
    """
    for name in _families(os_release):
        if name in ("debian", "ubuntu"):
            return f"linux-headers-{kernel}"
        if name in ("rhel", "fedora", "centos"):
            return f"kernel-devel-{kernel}"
        if name in ("suse", "opensuse", "sles", "opensuse-leap", "opensuse-tumbleweed"):
            return f"kernel-{kernel.rsplit('-', 1)[-1]}-devel"
    return ""
