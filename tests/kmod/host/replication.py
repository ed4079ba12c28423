# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DRBD 8.4 between two nodes, each with its disk on a slot: the children of both are swapped under verified writes.

The connection must last, nothing may be copied anew, and afterwards both disks
must be equal: by DRBD's own comparison, and by a hash of what lies below the
slots. A block that is then changed behind DRBD must be found by both.

``replication.py [--image bookworm]``; TWOSTEP_SWAPS says how many turns of two
swaps and a hold each node takes. Needs the modules of ``make kmod`` and a lab session.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from node import Node

ROOT = Path(__file__).resolve().parents[3]
TURNS = int(os.environ.get("TWOSTEP_SWAPS", "3"))


class Replica(Node):
    """A node of the pair."""

    def command(self, verb: str) -> str:
        return f"cd /root/guest && exec python3 replica.py {verb}"

    def does(self, verb: str) -> str:
        """Run a verb of guest/replica.py; what it prints."""
        return self.run(self.command(verb)).strip()

    def begins(self, verb: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self.ssh(self.command(verb)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


class Pair:
    """Both nodes; n1 is where the application is."""

    def __init__(self, state: Path, image: str) -> None:
        self.primary, self.secondary = (Replica(state, image, name) for name in ("n1", "n2"))
        self.both = (self.primary, self.secondary)

    def at_once(self, verb: str) -> None:
        """Run a verb on both nodes at the same time."""
        begun = [(node, node.begins(verb)) for node in self.both]
        for node, process in begun:
            said = process.communicate()[0]
            if process.returncode:
                raise AssertionError(f"{node.name}: {verb}: {process.returncode}: {said}")

    def up(self, modules: Path) -> None:
        self.primary.ask("up", "--image", self.primary.image, "--nodes", "n1,n2")
        for node in self.both:
            node.fill(modules)
        self.at_once("start")
        self.primary.does("primary")

    def swapped_under_load(self) -> None:
        """Swap one node, the other, both; then hold each until its deadline. All while n1 writes and verifies."""
        writer = self.primary.begins("load")
        try:
            if (writer.stdout or sys.stdin).readline() != "working\n":
                raise AssertionError("the load did not begin")
            for _turn in range(TURNS):
                self.secondary.does("swap")
                self.primary.does("swap")
                self.at_once("swap")
            for node in self.both:
                node.does("hold")
        finally:
            said = writer.communicate()[0]
        if writer.returncode or "verified" not in said.splitlines():
            raise AssertionError(f"the load: {writer.returncode}: {said}")

    def trouble(self) -> list[str]:
        return [f"{node.name}: {line}" for node in self.both for line in node.does("trouble").splitlines()]

    def is_equal(self) -> bool:
        return self.primary.does("digest") == self.secondary.does("digest")


def replicate(pair: Pair) -> list[str]:
    """Return what is wrong."""
    for node in pair.both:
        node.does("quiet")
    pair.swapped_under_load()
    wrong = pair.trouble()
    differ, equal = pair.primary.does("check"), pair.is_equal()
    print(f"{TURNS} turns; {differ} KiB out of sync; lower disks {'equal' if equal else 'DIFFERENT'}", flush=True)
    if differ != "0" or not equal:
        wrong.append("the replicas differ")
    pair.secondary.does("spoil")
    differ, equal = pair.primary.does("check"), pair.is_equal()
    print(f"control, one block changed: {differ} KiB out of sync, as it must be", flush=True)
    if differ != "4" or equal:
        wrong.append("control: a block was changed, and was not found")
    for node in (pair.secondary, pair.primary):
        node.does("stop")
    return wrong + [line for node in pair.both for line in node.alarms()]


def main() -> int:
    parser = argparse.ArgumentParser(description="Swap below both sides of a DRBD mirror.")
    parser.add_argument("--image", default="bookworm")
    parser.add_argument("--modules", type=Path, help="folder of the built modules; default: those of make kmod")
    parser.add_argument("--work", type=Path, default=ROOT / "build/replication", help="made anew")
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    begun = time.monotonic()
    pair = Pair(args.work / "fleet", args.image)
    try:
        pair.up(args.modules or ROOT / f"build/kmod/{args.image}/modules")
        wrong = replicate(pair)
    finally:
        pair.primary.down()
    print(f"{'WRONG' if wrong else 'replicas equal'}; {time.monotonic() - begun:.1f} s")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
