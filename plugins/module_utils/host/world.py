# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a swap touches outside of itself, in one place, so that a test can give it another world."""

from __future__ import annotations

import datetime
import os
import time
from dataclasses import dataclass
from typing import Callable

from .kernel_control import Control
from .module_image import Loader
from .paths import Paths
from .runner import Run, run
from .slots import Status


def utc_now() -> str:
    """Return the time of day, UTC, ISO 8601, in microseconds."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class World:
    """The host as a swap sees it."""

    paths: Paths
    run: Run
    status: Status
    control: Control
    loader: Loader
    now: Callable[[], str]
    monotonic_ns: Callable[[], int]
    sleep: Callable[[float], None]
    release: str

    def monotonic_s(self) -> float:
        """Return the monotonic clock in seconds."""
        return self.monotonic_ns() / 1_000_000_000


def real() -> World:
    """Return this host."""
    paths = Paths()
    status = Status(paths)
    return World(paths, run, status, Control(paths, status), Loader(), utc_now, time.monotonic_ns, time.sleep, os.uname().release)
