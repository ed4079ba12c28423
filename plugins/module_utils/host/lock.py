# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that one process of this host at a time holds, and that says who does. The kernel drops it with the process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import Callable, Iterator

from ..core.errors import TwostepError

_POLL_S = 0.1
_MAX_BYTES = 200


@contextlib.contextmanager
def held(
    path: str,
    holder: str,
    wait_s: float,
    code: str,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the lock. Its folder is made if it is not there, for root alone.

    :param holder: what the others are told about us, e.g. `parent`; the process's number is added.
    :param wait_s: how long to wait for somebody else.
    :param code: of the error after that.
    :raises TwostepError: `code`, or `write_failed` where the file cannot be had.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise TwostepError(
            "write_failed", f"{path} cannot be written: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
        ) from None
    try:
        end = now() + wait_s
        while not _is_taken(handle):
            if now() >= end:
                raise _busy(handle, path, wait_s, code)
            sleep(_POLL_S)
        _say(handle, f"{holder} (process {os.getpid()})")
        yield
    finally:
        os.close(handle)


def _is_taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(handle: int, text: str) -> None:
    """Write who holds it; on a full disk nobody can, and the lock is held all the same."""
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode("ascii", "replace")[:_MAX_BYTES], 0)


def _busy(handle: int, path: str, wait_s: float, code: str) -> TwostepError:
    try:
        said = os.pread(handle, _MAX_BYTES, 0).decode("ascii", "replace").strip()
    except OSError:
        said = ""
    holder = said or "a process that has not said who it is"
    return TwostepError(
        code,
        f"{path} was held by {holder} for the {wait_s:g} s that were waited.",
        f"Wait until that has ended, then run again; fuser {path} shows the process.",
        {"holder": holder, "path": path},
    )
