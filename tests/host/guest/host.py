# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of an agent's death have around them: swaps by the host's own code, and an agent that strace stops where it is told.

Runs as root on a node whose slot ``data`` serves 1.0.0 and for which 1.1.0 is built; emulated, so deadlines are long.
"""

from __future__ import annotations

import os
import pathlib
import unittest

import bench

from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_plan import Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent_archive, boot, ledger, swap_folder, world
from ansible_collections.twostep.hotswap.plugins.module_utils.host.swap_job import Job, Outcome

SLOT, OLD, NEW = "data", "1.0.0", "1.1.0"
DEVICE = f"/dev/twostep/{SLOT}"
CONTROL = f"/sys/kernel/config/twostep/{SLOT}"
PYTHON = "/usr/bin/python3"
DEADLINE_MS = 5000


def python_that_gets(signal: str, number: int, call: str, *paths: str) -> str:
    """Return a Python that gets ``signal`` as it enters its ``number``-th ``call``, counting only those on ``paths`` if there are any."""
    made = pathlib.Path("/root/stopped-python")
    only = " ".join(f"--trace-path={path}" for path in paths)
    options = f"-qq -o /dev/null {only} -e trace={call} -e inject={call}:signal={signal}:when={number}"
    made.write_text(f'#!/bin/sh\nexec strace {options} {PYTHON} "$@"\n', encoding="ascii")
    made.chmod(0o700)
    return str(made)


class Host(unittest.TestCase):
    """A host whose agents die, and a kernel log without alarms afterwards."""

    def setUp(self) -> None:
        self.this = world.real()
        bench.run("dmesg", "--clear")

    def tearDown(self) -> None:
        self.assertEqual([line for line in bench.kernel_log().splitlines() if bench.ALARMS.search(line)], [])

    def swap(self, version: str, python: str = PYTHON) -> Outcome:
        wanted = Wish(SLOT, version, deadline_ms=DEADLINE_MS)
        return Job(self.this, wanted, python, lambda: agent_archive.install(self.this.paths), lambda: os.urandom(4).hex()).apply()

    def booted(self) -> str:
        """Return the version that a reboot would bring up."""
        configured = boot.read_slot(self.this.paths, SLOT)
        assert configured is not None
        return configured.version

    def assertCommitted(self, version: str) -> None:
        slot = self.this.status.slot(SLOT)
        self.assertEqual((slot.state, slot.version, slot.parked, self.booted()), ("serving", version, None, version))

    def last_phase(self, swap_id: str) -> str:
        """Return where an agent was when it died, as the ledger has it."""
        entries = [entry for entry in ledger.read(self.this.paths) if entry.swap_id == swap_id and entry.phase != "settle"]
        return f"{entries[-1].phase} {entries[-1].event}" if entries else "nothing"

    def assertSettled(self, swap_id: str) -> None:
        """Every line of the ledger is whole, and the swap whose agent died has an end and a result."""
        entries = [entry for entry in ledger.read(self.this.paths) if entry.swap_id == swap_id]
        self.assertEqual(entries[-1].phase, "settle")
        result = swap_folder.read_result(self.this.paths, swap_id)
        assert result is not None
        self.assertEqual(result.outcome, "failed")
        self.assertIsNone(swap_folder.unfinished(self.this.paths, SLOT))
