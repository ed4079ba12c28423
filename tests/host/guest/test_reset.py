# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine is reset while an agent stands still at one of its durable steps; whoever resets it runs these tests around that.

``Before`` with the step's number in TWOSTEP_STEP, then the reset, then ``After``.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import pathlib
import sys
import threading

import bench
from host import DEVICE, NEW, OLD, SLOT, Host, python_that_gets

from ansible_collections.twostep.hotswap.plugins.module_utils.host import swap_folder

NOTE = pathlib.Path("/root/reset.json")
LENGTH = 1 << 20


def stands_still(pid: str) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "Tt"
    except OSError:
        return False


def agents() -> list[str]:
    """Return the processes that run an agent, without the tracer's."""
    return bench.run("pgrep", "--full", "^/usr/bin/python3 -I .*agent-.* swap ", check=False).stdout.split()


def content() -> str:
    """Return the digest of what the slot's first MiB holds, read past every cache."""
    descriptor = os.open(DEVICE, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, LENGTH) as buffer:
            assert os.preadv(descriptor, [buffer], 0) == LENGTH
            return hashlib.sha256(buffer).hexdigest()
    finally:
        os.close(descriptor)


class Before(Host):
    def test_an_agent_stops_at_its_step(self) -> None:
        self.assertCommitted(OLD)
        data = os.urandom(LENGTH)
        descriptor = os.open(DEVICE, os.O_WRONLY)
        self.assertEqual(os.pwrite(descriptor, data, 0), LENGTH)
        os.fsync(descriptor)
        os.close(descriptor)
        python = python_that_gets("STOP", int(os.environ["TWOSTEP_STEP"]), "fsync")
        threading.Thread(target=lambda: self.swap(NEW, python), daemon=True).start()
        bench.wait_until(lambda: any(map(stands_still, agents())), "the agent stands still", 120)
        request = swap_folder.unfinished(self.this.paths, SLOT)
        assert request is not None
        slot = self.this.status.slot(SLOT)
        phase = self.last_phase(request.swap_id)
        print(f"stopped: after {phase}, serving {slot.version}, boot {self.booted()}", file=sys.stderr)
        NOTE.write_text(json.dumps({"swap_id": request.swap_id, "boot": self.booted(), "sha256": hashlib.sha256(data).hexdigest()}))
        bench.run("sync", str(NOTE))


class After(Host):
    def test_the_host_knows_where_it_stands(self) -> None:
        note = json.loads(NOTE.read_text())
        slot = self.this.status.slot(SLOT)
        self.assertEqual((slot.state, slot.version), ("serving", self.booted()))
        self.assertEqual(self.booted(), note["boot"])
        self.assertEqual(content(), note["sha256"])
        self.swap(NEW)
        self.assertCommitted(NEW)
        self.assertSettled(note["swap_id"])
        self.assertEqual(content(), note["sha256"])
        self.swap(OLD)
        self.assertCommitted(OLD)
