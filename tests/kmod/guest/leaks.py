# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that nobody refers to any more: what the debug kernel's kmemleak finds of ours. Other kernels find nothing."""

from __future__ import annotations

import pathlib
import time

import bench

KMEMLEAK = pathlib.Path("/sys/kernel/debug/kmemleak")
AGE_S = 6.0  # it does not look at what is younger than five seconds
SCANS = 2  # an object must have kept its content between two of them


def available() -> bool:
    return KMEMLEAK.exists()


def forget() -> None:
    """Begin anew: what was found so far does not count."""
    if available():
        KMEMLEAK.write_text("clear")


def find() -> list[str]:
    """Return the records that name a module of ours. The modules must be loaded still, or it could not name them."""
    if not available():
        return []
    begun = time.monotonic()
    bench.wait_until(lambda: time.monotonic() > begun + AGE_S, "objects become old enough")
    for _scan in range(SCANS):
        KMEMLEAK.write_text("scan")
    records = KMEMLEAK.read_text().split("unreferenced object")
    return [record for record in records if "[twostep" in record]
