# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading and unloading a kernel module without starting a process. Standard library only."""

from __future__ import annotations

import ctypes
import errno
import os
import time

INIT_MODULE, DELETE_MODULE = 175, 176  # x86-64
_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    """Return 0 or the errno."""
    return 0 if _libc.syscall(number, *arguments) == 0 else ctypes.get_errno()


def insert(image: bytes, parameters: str = "") -> None:
    """Insert a module whose file was read beforehand."""
    failed = _call(INIT_MODULE, image, ctypes.c_ulong(len(image)), parameters.encode())
    if failed:
        raise OSError(failed, os.strerror(failed))


def remove(name: str, seconds: float = 10.0) -> None:
    """Remove a module, as soon as nobody uses it."""
    end = time.monotonic() + seconds
    while True:
        failed = _call(DELETE_MODULE, name.encode(), os.O_NONBLOCK)
        if not failed:
            return
        if failed not in (errno.EAGAIN, errno.EBUSY) or time.monotonic() > end:
            raise OSError(failed, f"rmmod {name}: {os.strerror(failed)}")
        time.sleep(0.0001)
