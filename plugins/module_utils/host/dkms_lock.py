# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One DKMS action at a time: DKMS itself has no lock, and two of its builds of one version share a folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import Callable, Iterator

from ..core.errors import TwostepError
from .paths import Paths

_WAIT_S = 1.0


@contextlib.contextmanager
def held(
    paths: Paths, timeout_s: float = 1800.0, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the lock; the kernel drops it with the process, so a dead one leaves nothing behind.

    It orders our own calls only: a package manager that runs DKMS does not take it.

    :raises TwostepError: `dkms_busy` after `timeout_s`.
    """
    folder = paths.at("/run/lock")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "twostep-dkms.lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = now() + timeout_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if now() >= deadline:
                    raise TwostepError(
                        "dkms_busy",
                        f"Another run holds {path} for more than {timeout_s:g} s.",
                        "Wait for the other build on this host, then run again.",
                    ) from None
                sleep(_WAIT_S)
        yield
    finally:
        os.close(handle)
