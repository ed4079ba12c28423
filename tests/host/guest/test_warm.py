# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a warm upgrade is killed at its durable steps and before its commands: what it had stopped is brought back by the next call.

On the slots of molecule/warm/files/stack.sh.
"""

from __future__ import annotations

import os
import pathlib
import sys
import time

import bench
from host import STRIDE, Host

ARRAY = pathlib.Path("/sys/block/md0/md")


def out(*argv: str) -> list[str]:
    return bench.run(*argv, check=False).stdout.split()


class Warm(Host):
    old, new = "1.0.0", "2.0.0"
    mode = "warm"

    def killed_at(self, call: str) -> None:
        """Kill agents at each such call; begins and ends with ``new``."""
        begun = time.monotonic()
        self.swap(self.old)
        steps, phases = self.killed_at_each(call, stride=STRIDE)
        self.assertGreater(steps, 1)
        print(f"killed: {steps} times at {call}, in {sorted(phases)}; {time.monotonic() - begun:.0f} s", file=sys.stderr)
        self.swap(self.old)
        self.swap(self.new)


class AboveAMount(Warm):
    slot = "more"
    units = ("reader.service",)

    def assertNothingIsMissing(self) -> None:
        mounts = out("findmnt", "--noheadings", "--list", "--output=TARGET", "--source=/dev/twostep/more")
        self.assertEqual(sorted(mounts), ["/srv/more", "/srv/twice"])
        self.assertEqual(out("systemctl", "is-active", "reader", "writer"), ["active", "active"])

    def test_killed_before_a_command(self) -> None:
        self.killed_at("vfork")

    def test_somebody_unknown_keeps_it_busy(self) -> None:
        bench.run("systemd-run", "--unit=keeper", "sh", "-c", "cd /srv/more && exec sleep infinity")
        (pid,) = out("systemctl", "show", "--property=MainPID", "--value", "keeper")
        bench.wait_until(lambda: os.readlink(f"/proc/{pid}/cwd") == "/srv/more", "somebody works there")
        try:
            outcome = self.swap(self.old)
        finally:
            bench.run("systemctl", "stop", "keeper")
        assert outcome.result is not None
        self.assertEqual((outcome.result.outcome, outcome.result.code), ("returned", "consumer_not_stopped"))
        self.assertIn("target is busy", outcome.result.message)
        self.assertCommitted(self.new)
        self.assertNothingIsMissing()


class InAnArray(Warm):
    slot = "data"

    def assertNothingIsMissing(self) -> None:
        self.assertTrue((ARRAY / "dev-twostep!data").exists())
        bench.wait_until(lambda: (ARRAY / "degraded").read_text() == "0\n", "the array has both halves", 120)

    def test_killed_at_a_durable_step(self) -> None:
        self.killed_at("fsync")


class SwapArea(Warm):
    slot = "room"

    def assertNothingIsMissing(self) -> None:
        self.assertEqual(out("swapon", "--show=NAME,PRIO", "--noheadings", "--raw"), ["/dev/twostep/room", "7"])

    def test_there_and_back(self) -> None:
        for version in (self.old, self.new):
            self.swap(version)
            self.assertCommitted(version)
            self.assertNothingIsMissing()
