# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of an agent's death have around them: swaps by the host's own code, and an agent that strace stops where it is told.

Runs as root on a node whose slot serves one version and for which another is built; emulated, so deadlines are long.
"""

from __future__ import annotations

import itertools
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
MOST_STEPS = 60
STRIDE = int(os.environ.get("TWOSTEP_STRIDE", "1"))  # every step, or each third one, and so on


def python_that_gets(signal: str, number: int, call: str, *paths: str) -> str:
    """Return a Python that gets ``signal`` as it enters its ``number``-th ``call``, counting only those on ``paths`` if there are any."""
    made = pathlib.Path("/root/stopped-python")
    only = " ".join(f"--trace-path={path}" for path in paths)
    options = f"-qq -o /dev/null {only} -e trace={call} -e inject={call}:signal={signal}:when={number}"
    made.write_text(f'#!/bin/sh\nexec strace {options} {PYTHON} "$@"\n', encoding="ascii")
    made.chmod(0o700)
    return str(made)


class Host(unittest.TestCase):
    """A host whose agents die, and a kernel log without alarms afterwards.

    Swaps are of ``slot`` from ``old`` to ``new`` and back, in ``mode``; a warm one stops ``units``.
    """

    slot = SLOT
    old, new = OLD, NEW
    mode = "auto"
    units: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.this = world.real()
        bench.run("dmesg", "--clear")

    def tearDown(self) -> None:
        self.assertEqual([line for line in bench.kernel_log().splitlines() if bench.ALARMS.search(line)], [])

    def swap(self, version: str, python: str = PYTHON) -> Outcome:
        wanted = Wish(self.slot, version, self.mode, deadline_ms=DEADLINE_MS, units=self.units, timeout_s=600.0)
        return Job(self.this, wanted, python, lambda: agent_archive.install(self.this.paths), lambda: os.urandom(4).hex()).apply()

    def booted(self) -> str:
        """Return the version that a reboot would bring up."""
        configured = boot.read_slot(self.this.paths, self.slot)
        assert configured is not None
        return configured.version

    def assertCommitted(self, version: str) -> None:
        slot = self.this.status.slot(self.slot)
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
        self.assertIsNone(swap_folder.unfinished(self.this.paths, self.slot))

    def assertNothingIsMissing(self) -> None:
        """What stood on the slot before stands there now; where nothing did, there is nothing to look at."""

    def killed_at_each(self, call: str, *paths: str, stride: int = 1) -> tuple[int, set[str]]:
        """Kill an agent at each ``call`` in turn, there and back; return how often, and in which phases."""
        phases: set[str] = set()
        before, wanted = self.new, self.old
        for times, number in enumerate(itertools.count(1, stride)):
            self.assertLess(number, MOST_STEPS)
            before, wanted = wanted, before
            with self.subTest(call=call, number=number):
                outcome = self.swap(wanted, python_that_gets("KILL", number, call, *paths))
                assert outcome.result is not None
                self.assertNothingIsMissing()
                if outcome.result.is_good:
                    self.assertCommitted(wanted)
                    return times, phases
                self.assertEqual(outcome.result.code, "agent_died", outcome.result.message)
                slot = self.this.status.slot(self.slot)
                self.assertEqual(slot.state, "serving")  # never left held, nor down
                self.assertIn(slot.version, (before, wanted))
                phases.add(self.last_phase(outcome.result.swap_id))
                left = "swap" if slot.version == before else "none" if not slot.parked and self.booted() == wanted else "commit"
                self.assertEqual(self.swap(wanted).step.action, left)
                self.assertCommitted(wanted)
                self.assertSettled(outcome.result.swap_id)
                self.assertNothingIsMissing()
        raise AssertionError
