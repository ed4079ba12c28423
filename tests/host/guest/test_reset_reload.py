# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine is reset in a phase of a reload, while a file system lies above the module.

``Before`` with the phase in TWOSTEP_STEP, then the reset, then ``After``. After the boot the next call says that an agent has died, brings
back what the boot has not, and finishes; the file system is whole, and the initramfs carries what is loaded.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import bench
from package import BUILDS, MODULE, Package
from power import remember, remembered, stop_in

from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger, module_state, reload_folder

FSTAB = pathlib.Path("/etc/fstab")
NOW, BY_THE_BOOT = "/srv/cached ext4 noauto 0 0", "/srv/cached ext4 nofail,x-systemd.requires=cached.service 0 0"


class Before(Package):
    def come_up_by_the_boot(self) -> None:
        text = FSTAB.read_text()
        if BY_THE_BOOT in text:
            return
        self.assertIn(NOW, text)
        FSTAB.write_text(text.replace(NOW, BY_THE_BOOT))
        bench.run("systemctl", "daemon-reload")
        bench.run("systemctl", "add-wants", "multi-user.target", "cached.service", "srv-cached.mount", "writer-cached.service")

    def test_an_agent_stops_in_its_phase(self) -> None:
        self.come_up_by_the_boot()
        loaded = module_state.loaded(self.this.paths, MODULE)
        (wanted,) = [build for build in BUILDS if not loaded.is_same(module_state.identity_of(str(build), self.this.run))]
        self.install(wanted)
        bench.run("sync")  # as a package manager does it
        stop_in(os.environ["TWOSTEP_STEP"], "reload", lambda: self.job().apply())
        request = reload_folder.unfinished(self.this.paths)
        assert request is not None
        entries = [entry for entry in ledger.read(self.this.paths) if entry.swap_id == request.reload_id]
        now = module_state.loaded(self.this.paths, MODULE)
        print(f"stopped: in {entries[-1].phase} {entries[-1].event}, from {loaded}, loaded {now}", file=sys.stderr)
        remember(reload_id=request.reload_id, wanted=str(wanted))


class After(Package):
    def test_the_host_knows_where_it_stands(self) -> None:
        note = remembered()
        outcome = self.job().apply()
        self.assertTrue(any(f"The agent of reload {note['reload_id']} " in told for told in outcome.notes), outcome.notes)
        print(f"booted: {outcome.notes}", file=sys.stderr)
        self.assertLoaded(pathlib.Path(note["wanted"]))
        self.assertSettled(note["reload_id"])
        bench.run("sh", "/root/carry.sh", "same")
        bench.run("systemctl", "stop", "writer-cached.service", "srv-cached.mount")
        checked = subprocess.run(["e2fsck", "-f", "-n", "/dev/mapper/cached"], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        bench.run("systemctl", "start", "srv-cached.mount", "writer-cached.service")
        self.assertNothingIsMissing()
