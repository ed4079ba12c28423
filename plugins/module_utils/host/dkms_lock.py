# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One DKMS action at a time: DKMS itself has no lock, and two of its builds of one version share a folder."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Callable, Iterator

from . import lock
from .paths import Paths


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
    with lock.held(os.path.join(folder, "twostep-dkms.lock"), "a build by DKMS", timeout_s, "dkms_busy", now, sleep):
        yield
