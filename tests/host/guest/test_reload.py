# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a reload is killed at its durable steps and before its commands: what it had stopped is back by the next call."""

from __future__ import annotations

import itertools
import os
import pathlib
import shutil
import sys
import time

import bench
from host import MOST_STEPS, STRIDE, python_that_gets
from package import BUILDS, Package

from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger
from ansible_collections.twostep.hotswap.plugins.module_utils.host.reload_job import Outcome


class OfAPackage(Package):
    """A reload of it, there and back."""

    def died(self, outcome: Outcome, build: pathlib.Path) -> None:
        """Some build is loaded, everybody is there, the ledger says so, and the same call again finishes."""
        assert outcome.result is not None
        self.assertEqual(outcome.result.code, "agent_died", outcome.result.message)
        self.assertNothingIsMissing()
        self.assertSettled(outcome.result.reload_id)
        self.job().apply()
        self.assertLoaded(build)

    def killed_at(self, call: str) -> None:
        begun, phases = time.monotonic(), set()
        for times, number in enumerate(itertools.count(1, STRIDE)):
            self.assertLess(number, MOST_STEPS)
            build = BUILDS[times % 2]
            self.install(build)
            with self.subTest(call=call, number=number):
                outcome = self.job(python_that_gets("KILL", number, call)).apply()
                assert outcome.result is not None
                if outcome.result.is_good:
                    self.assertLoaded(build)
                    break
                entries = [entry for entry in ledger.read(self.this.paths) if entry.swap_id == outcome.result.reload_id]
                phases |= {entry.phase for entry in entries if entry.phase != "settle"}
                self.died(outcome, build)
        self.assertGreater(times, 1)
        print(f"killed: {times} times at {call}, by then through {sorted(phases)}; {time.monotonic() - begun:.0f} s", file=sys.stderr)
        self.install(BUILDS[1])
        self.job().apply()
        self.assertLoaded(BUILDS[1])

    def test_killed_before_a_command(self) -> None:
        self.killed_at("vfork")

    def test_killed_at_a_durable_step(self) -> None:
        self.killed_at("fsync")

    def test_a_device_unit_that_does_not_stop(self) -> None:
        """Somebody has the device open whom no list shows: everything goes back, and the old build is loaded all along."""
        self.install(BUILDS[0])
        handle = os.open("/dev/mapper/cached", os.O_RDONLY)
        try:
            outcome = self.job().apply()
        finally:
            os.close(handle)
        assert outcome.result is not None
        self.assertEqual((outcome.result.outcome, outcome.result.code), ("returned", "consumer_not_stopped"))
        self.assertLoaded(BUILDS[1])
        self.install(BUILDS[1])

    def test_an_initramfs_for_which_there_is_no_room(self) -> None:
        """The new build serves, the old initramfs is whole, and the next call makes up for it."""
        release = self.this.release
        image, config = (pathlib.Path(f"/boot/{name}-{release}") for name in ("initrd.img", "config"))
        before = image.read_bytes()
        self.install(BUILDS[0])
        bench.run("mkdir", "/root/boot")
        shutil.copy(image, "/root/boot")
        shutil.copy(config, "/root/boot")
        room = sum(path.stat().st_size for path in (image, config)) * 5 // 4
        bench.run("mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", "/boot")
        try:
            for path in pathlib.Path("/root/boot").iterdir():
                shutil.copy(path, "/boot")
            outcome = self.job().apply()
            left = {path.name: path.read_bytes() for path in pathlib.Path("/boot").iterdir()}
        finally:
            bench.run("umount", "/boot")
            shutil.rmtree("/root/boot")
        assert outcome.result is not None
        self.assertEqual((outcome.result.outcome, outcome.result.code), ("failed", "initramfs_failed"))
        self.assertLoaded(BUILDS[0])
        self.assertEqual(set(left), {image.name, config.name})
        self.assertEqual(left[image.name], before)
        again = self.job().apply()
        self.assertEqual((again.result, again.remade), (None, True))
        bench.run("sh", "/root/carry.sh", "same")
        self.install(BUILDS[1])
        self.job().apply()
        self.assertLoaded(BUILDS[1])
        bench.run("sh", "/root/carry.sh", "same")
