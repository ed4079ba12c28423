# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is reloaded by the tests: the devices of molecule/reload/files/stack.sh, and two builds of their module.

/root/old.ko is another build of dm_writeboost than the one that is installed first, of which a copy is made.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import unittest

import bench
from host import PYTHON

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent_archive, ledger, module_state, reload_folder, world
from ansible_collections.twostep.hotswap.plugins.module_utils.host.reload_job import Job

MODULE = "dm_writeboost"
BUILDS = (pathlib.Path("/root/old.ko"), pathlib.Path("/root/new.ko"))


class Package(unittest.TestCase):
    """dm-writeboost below a mounted file system, of which there are two builds."""

    def setUp(self) -> None:
        self.this = world.real()
        bench.run("dmesg", "--clear")
        self.installed = pathlib.Path(module_state.installed(self.this.run, self.this.release, MODULE) or "")
        if not BUILDS[1].exists():
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

    def assertSettled(self, reload_id: str) -> None:
        """The reload whose agent died has an end, and nothing waits for one."""
        self.assertIsNone(reload_folder.unfinished(self.this.paths))
        entries = [entry for entry in ledger.read(self.this.paths) if entry.swap_id == reload_id]
        self.assertEqual((entries[-1].phase, entries[-1].event), ("settle", "end"))
