# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a reload is killed at its durable steps and before its commands: what it had stopped or unloaded is back by the next call.

On the devices of molecule/reload/files/stack.sh; /root/old.ko is another build of dm_writeboost than the one that is installed.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import shutil
import sys
import time
import unittest

import bench
from host import MOST_STEPS, PYTHON, STRIDE, python_that_gets

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent_archive, ledger, module_state, reload_folder, world
from ansible_collections.twostep.hotswap.plugins.module_utils.host.reload_job import Job, Outcome

MODULE = "dm_writeboost"
BUILDS = (pathlib.Path("/root/old.ko"), pathlib.Path("/root/new.ko"))


class OfAPackage(unittest.TestCase):
    """A reload of dm-writeboost below a mounted file system, there and back."""

    def setUp(self) -> None:
        self.this = world.real()
        bench.run("dmesg", "--clear")
        self.installed = pathlib.Path(module_state.installed(self.this.run, self.this.release, MODULE) or "")
        shutil.copy(self.installed, BUILDS[1])

    def tearDown(self) -> None:
        self.assertEqual([line for line in bench.kernel_log().splitlines() if bench.ALARMS.search(line)], [])

    def job(self, python: str = PYTHON) -> Job:
        wanted = reload.wish([MODULE], ["/dev/mapper/cached"], [], ["cached.service"])
        return Job(self.this, wanted, python, lambda: agent_archive.install(self.this.paths), lambda: os.urandom(4).hex())

    def install(self, build: pathlib.Path) -> None:
        """Do what a package does; a copy of what is loaded is kept before."""
        self.job().keep(check=False)
        shutil.copy(build, self.installed)
        bench.run("depmod")

    def assertNothingIsMissing(self) -> None:
        self.assertEqual(bench.run("findmnt", "--noheadings", "--output=SOURCE", "/srv/cached").stdout.split(), ["/dev/mapper/cached"])
        active = bench.run("systemctl", "is-active", "cached", "writer-cached", check=False).stdout.split()
        self.assertEqual(active, ["active", "active"])
        bench.run("sh", "-c", "cd /srv/cached && sha256sum --quiet --check /root/cached.sha256")

    def assertLoaded(self, build: pathlib.Path) -> None:
        wanted = module_state.identity_of(str(build), self.this.run)
        self.assertTrue(module_state.loaded(self.this.paths, MODULE).is_same(wanted))
        self.assertNothingIsMissing()

    def died(self, outcome: Outcome, build: pathlib.Path) -> None:
        """Some build is loaded, everybody is there, the ledger says so, and the same call again finishes."""
        assert outcome.result is not None
        self.assertEqual(outcome.result.code, "agent_died", outcome.result.message)
        self.assertNothingIsMissing()
        self.assertIsNone(reload_folder.unfinished(self.this.paths))
        entries = [entry for entry in ledger.read(self.this.paths) if entry.swap_id == outcome.result.reload_id]
        self.assertEqual((entries[-1].phase, entries[-1].event), ("settle", "end"))
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
