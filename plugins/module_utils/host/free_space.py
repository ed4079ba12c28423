# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Free space, asked before a build: a full filesystem leaves a half tree and an unclear message behind."""

from __future__ import annotations

import os
from typing import Callable

from ..core.errors import TwostepError

Free = Callable[[str], int]


def free(path: str) -> int:
    """Return the bytes that root may still write to the filesystem of `path`."""
    facts = os.statvfs(path)
    return facts.f_bfree * facts.f_frsize


def _existing(path: str) -> str:
    while path not in ("", "/") and not os.path.isdir(path):
        path = os.path.dirname(path)
    return path or "/"


def folder_bytes(folder: str) -> int:
    """Return the bytes of the plain files below `folder`, 0 when it is not there."""
    total = 0
    for parent, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                total += os.path.getsize(path)
    return total


def check(needed: dict[str, int], ask: Free = free) -> None:
    """Raise `no_space` unless each filesystem has what all folders on it need together.

    :param needed: bytes for each folder; one that does not exist counts for the nearest that does.
    """
    wanted: dict[int, tuple[str, int]] = {}
    for folder, count in needed.items():
        existing = _existing(folder)
        device = os.stat(existing).st_dev
        shown, sum_before = wanted.get(device, (folder, 0))
        wanted[device] = (shown, sum_before + count)
    short = []
    for folder, count in wanted.values():
        available = ask(_existing(folder))
        if available < count:
            short.append({"path": folder, "needed": count, "available": available})
    if short:
        first = short[0]
        raise TwostepError(
            "no_space",
            f"The filesystem of {first['path']} has {first['available']} bytes free, the build needs {first['needed']}.",
            f"Free space on the filesystem of {first['path']}.",
            {"filesystems": short},
        )
