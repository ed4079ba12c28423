# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what tells nobody that it has happened."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(is_so: Callable[[], bool], what: str, limit_s: float) -> None:
    """Ask again and again.

    :raises TimeoutError: it did not become so within ``limit_s``.
    """
    end = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {limit_s:.0f} s")
        time.sleep(0.5)  # between two questions
