# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine is reset in a phase of a warm upgrade, while the slot is one half of an array that is written to.

``Before`` with the phase in TWOSTEP_STEP, then the reset, then ``After``. After the boot the slot serves what is committed, the array has
lost nothing that was on the disk, the next call brings the slot back into it, and the one after that finishes.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import bench
from host import Host
from power import remember, remembered, stop_in

from ansible_collections.twostep.hotswap.plugins.module_utils.host import swap_folder

ARRAY = pathlib.Path("/sys/block/md0/md")
COUNT = pathlib.Path("/srv/data/count")
UNIT = pathlib.Path("/etc/systemd/system/lab-array.service")
# What a host of its own would have in mdadm.conf and fstab. The lab assembles no array by itself.
ASSEMBLE = """[Unit]
After=twostep-slots.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'test -e /sys/block/md0 || mdadm --assemble --run /dev/md0 /dev/twostep/data /dev/vdc'
ExecStart=/bin/sh -c 'mountpoint --quiet /srv/data || mount /dev/md0 /srv/data'
[Install]
WantedBy=multi-user.target
"""
WRITER = "n=0; while :; do n=$((n + 1)); echo $n >> /srv/data/count; sync /srv/data/count; done"


class Reset(Host):
    slot = "data"
    old, new = "1.0.0", "2.0.0"
    mode = "warm"

    def other(self) -> str:
        return self.new if self.booted() == self.old else self.old

    def assertWhole(self) -> None:
        self.assertTrue((ARRAY / "dev-twostep!data").exists())
        bench.wait_until(lambda: (ARRAY / "degraded").read_text() == "0\n", "the array has both halves", 120)

    def lines(self) -> int:
        return len(COUNT.read_text().splitlines())


class Before(Reset):
    def test_an_agent_stops_in_its_phase(self) -> None:
        if not UNIT.exists():
            UNIT.write_text(ASSEMBLE)
            bench.run("systemctl", "enable", "--now", "lab-array.service")
            bench.run(
                "sh", "-c", "dd if=/dev/urandom of=/srv/data/content bs=1M count=8; sha256sum /srv/data/content > /root/content.sha256"
            )
        COUNT.unlink(missing_ok=True)
        before, wanted = self.booted(), self.other()
        self.assertCommitted(before)
        bench.run("systemd-run", "--unit=lab-count", "sh", "-c", WRITER)
        bench.wait_until(lambda: COUNT.exists() and self.lines() > 10, "it is written to")
        stop_in(os.environ["TWOSTEP_STEP"], "swap", lambda: self.swap(wanted))
        request = swap_folder.unfinished(self.this.paths, self.slot)
        assert request is not None
        lines = self.lines()
        bench.wait_until(lambda: self.lines() > lines + 3, "the array is written to while the agent stands still")
        is_half = not (ARRAY / "dev-twostep!data").exists()
        print(f"stopped: in {self.last_phase(request.swap_id)}, {'half' if is_half else 'whole'}, boot {self.booted()}", file=sys.stderr)
        remember(swap_id=request.swap_id, boot=self.booted(), wanted=wanted, lines=lines)


class After(Reset):
    def test_the_host_knows_where_it_stands(self) -> None:
        note = remembered()
        slot = self.this.status.slot(self.slot)
        self.assertEqual((slot.state, slot.version, self.booted()), ("serving", note["boot"], note["boot"]))
        was_half = not (ARRAY / "dev-twostep!data").exists()
        outcome = self.swap(note["boot"])  # which serves: there is only what the dead agent has left to be put right
        (told,) = outcome.notes
        self.assertIn(f"The agent of swap {note['swap_id']} ended in phase ", told)
        self.assertEqual("Brought back: /dev/twostep/data in md0." in told, was_half, told)
        self.assertSettled(note["swap_id"])
        self.assertWhole()
        print(f"booted: {'half' if was_half else 'whole'}; {told}", file=sys.stderr)
        self.swap(note["wanted"])
        self.assertCommitted(note["wanted"])
        self.assertWhole()
        bench.run("sha256sum", "--quiet", "--check", "/root/content.sha256")
        whole = [line for line in COUNT.read_text().splitlines() if line.isdigit()]
        self.assertEqual([int(line) for line in whole[: note["lines"]]], list(range(1, note["lines"] + 1)))
        bench.run("umount", "/srv/data")
        checked = subprocess.run(["e2fsck", "-f", "-n", "/dev/md0"], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        bench.run("mdadm", "--action=check", "/dev/md0")
        bench.run("mdadm", "--wait", "/dev/md0", check=False)  # which is 1 where it is over already
        self.assertEqual((ARRAY / "mismatch_cnt").read_text(), "0\n")
        bench.run("mount", "/dev/md0", "/srv/data")
