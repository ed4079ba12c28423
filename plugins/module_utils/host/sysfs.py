# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a small file of sysfs, at one moment."""

from __future__ import annotations

import os

MAX_FILE_BYTES = 4096  # what a file of sysfs has at most, where pages are of that size


def read(path: str) -> str | None:
    """Return what a small file says, or None when it cannot be read.

    It is read once: some files of sysfs, those of md arrays among them, are made anew for each read, so that the second one would go on in
    the text of another moment. ``active`` and then ``active-idle`` would be read as ``active`` and ``idle``.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(handle, MAX_FILE_BYTES).decode("utf-8", "replace").strip()
        finally:
            os.close(handle)
    except OSError:
        return None
