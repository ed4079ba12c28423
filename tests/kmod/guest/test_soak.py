# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many swaps in one boot under verified I/O: no error, no hold past its deadline, nothing that grows.

TWOSTEP_SWAPS says how many. Memory is judged when they are enough to tell growth from noise; it is printed in any case.
"""

from __future__ import annotations

import os
import pathlib
import re
import statistics
import sys
import unittest

import bench
from case import Kernel

SWAPS = int(os.environ.get("TWOSTEP_SWAPS", "24"))
WARM = max(SWAPS // 10, 8)  # swaps before the first look: caches fill, and both ways have been gone
JUDGED = 400  # fewer swaps after the first look say nothing about growth
DEADLINE_MS = 5000
ROUND = ("1.1.0", "2.0.0", "1.1.0", "1.0.0")  # by value, by pages, and back
# A leak of one object in two swaps is found, whatever its size; per-CPU and virtual memory come in pages.
OBJECTS_PER_SWAP = 0.5
BYTES_PER_SWAP = 32
MIXED = ("--bssplit=4k/60:8k/20:64k/20", "--size=24m")
# Discards beside them, on blocks of their own.
DISCARDS = (
    "--name=discard", "--rw=randtrimwrite", "--bs=64k", "--offset=32m", "--size=16m", "--iodepth=4", "--ioengine=libaio",
    "--direct=1", "--fsync=16", "--time_based", "--runtime=3600",
)  # fmt: skip


def memory() -> dict[str, int]:
    """Return what could grow: objects of each slab cache, and what /proc/meminfo calls Percpu and VmallocUsed, in bytes."""
    bench.run("udevadm", "settle")
    bench.run("sync")
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    lines = pathlib.Path("/proc/slabinfo").read_text().splitlines()[2:]
    found = {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith("kmalloc-") and not line.startswith("kmalloc-rcl")}
    for name, kib in re.findall(r"^(Percpu|VmallocUsed):\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text(), re.MULTILINE):
        found[name] = int(kib) * 1024
    return found


def names() -> list[str]:
    """Return the names that swaps come with: modules with their users, folders and files in sysfs."""
    modules = [" ".join(line.split()[:3]) for line in pathlib.Path("/proc/modules").read_text().splitlines() if line.startswith("twostep")]
    files = [str(path) for top in (bench.STATUS, pathlib.Path("/sys/block/twostep!t")) for path in top.rglob("*")]
    return sorted(modules + files)


class Soak(Kernel):
    def swap(self, turn: int) -> int:
        """Swap and commit once; return how long the hold was, in ns."""
        version = ROUND[turn % len(ROUND)]
        before = self.slot.generation
        self.slot.swap(version, deadline_ms=DEADLINE_MS)
        self.assertServes(version, before + 1)
        self.slot.commit()
        return self.slot.number("last_swap/hold_ns")

    def look(self) -> tuple[dict[str, int], list[str]]:
        return memory(), names()

    def test_swaps_in_one_boot(self) -> None:
        for version in ("1.0.0", "1.1.0", "2.0.0"):
            bench.load(bench.module_of(version))
        self.slot.swap("1.0.0")
        holds: list[int] = []
        before = None
        for count in (WARM - WARM % len(ROUND), SWAPS - SWAPS % len(ROUND)):
            with bench.Fio(self.slot.device, "--runtime=3600", *MIXED, *DISCARDS, f"--filename={self.slot.device}"):
                while len(holds) < count:
                    holds.append(self.swap(len(holds)))
            after = self.look()
            before = before or after
        self.told(holds, before[0], after[0])
        self.assertLess(max(holds), (DEADLINE_MS + 1) * 1000 * 1000)
        self.assertEqual(before[1], after[1])
        self.assertEqual(self.slot.get("inflight"), "0")
        self.assertEqual(self.slot.get("refused_ends"), "0")
        self.judge(before[0], after[0], len(holds) - WARM)

    def told(self, holds: list[int], before: dict[str, int], after: dict[str, int]) -> None:
        shown = sorted(ns / 1e6 for ns in holds)
        grown = {name: after[name] - before[name] for name in after if after[name] > before.get(name, 0)}
        print(
            f"{len(holds)} swaps; hold in ms: min {shown[0]:.2f}, median {statistics.median(shown):.2f}, "
            f"p90 {shown[len(shown) * 9 // 10]:.2f}, max {shown[-1]:.2f}; grown since swap {WARM}: {grown}",
            file=sys.stderr,
        )

    def judge(self, before: dict[str, int], after: dict[str, int], swaps: int) -> None:
        if swaps < JUDGED:
            print(f"memory is not judged: {swaps} swaps are fewer than {JUDGED}", file=sys.stderr)
            return
        bounds = {name: swaps * (OBJECTS_PER_SWAP if name.startswith("kmalloc-") else BYTES_PER_SWAP) for name in after}
        self.assertEqual({name: after[name] - before[name] for name in after if after[name] - before[name] > bounds[name]}, {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
