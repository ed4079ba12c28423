# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent is killed at each of its durable steps in turn, under verified I/O: the next call knows, and finishes or begins anew.

strace kills it as it enters the Nth call of one kind; N goes up until the agent gets to its end.
"""

from __future__ import annotations

import itertools
import os
import sys
import time

import bench
from host import CONTROL, DEVICE, NEW, OLD, Host, python_that_gets

from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger

MOST_STEPS = 60
STRIDE = int(os.environ.get("TWOSTEP_STRIDE", "1"))  # every step, or each third one, and so on


class Killed(Host):
    def setUp(self) -> None:
        super().setUp()
        if not ledger.read(self.this.paths):  # a new ledger takes one step more
            self.swap(NEW)
            self.swap(OLD)

    def killed_at_each(self, call: str, *paths: str, stride: int = 1) -> tuple[int, set[str]]:
        """Kill an agent at each ``call`` in turn, there and back; return how often, and in which phases."""
        phases: set[str] = set()
        before, wanted = NEW, OLD
        for times, number in enumerate(itertools.count(1, stride)):
            self.assertLess(number, MOST_STEPS)
            before, wanted = wanted, before
            with self.subTest(call=call, number=number):
                outcome = self.swap(wanted, python_that_gets("KILL", number, call, *paths))
                assert outcome.result is not None
                if outcome.result.is_good:
                    self.assertCommitted(wanted)
                    return times, phases
                self.assertEqual(outcome.result.code, "agent_died", outcome.result.message)
                slot = self.this.status.slot("data")
                self.assertEqual(slot.state, "serving")  # never left held
                self.assertIn(slot.version, (before, wanted))
                phases.add(self.last_phase(outcome.result.swap_id))
                left = "swap" if slot.version == before else "none" if not slot.parked and self.booted() == wanted else "commit"
                self.assertEqual(self.swap(wanted).step.action, left)
                self.assertCommitted(wanted)
                self.assertSettled(outcome.result.swap_id)
        raise AssertionError

    def test_at_each_durable_step(self) -> None:
        begun = time.monotonic()
        with bench.Fio(DEVICE):
            steps, phases = self.killed_at_each("fsync", stride=STRIDE)
            self.swap(OLD)
        self.assertCommitted(OLD)
        wanted = {f"{phase} {event}" for phase in ("preload", "swap", "verify", "commit") for event in ("begin", "end")}
        self.assertGreaterEqual(len(wanted & phases), len(wanted) // STRIDE)
        print(f"killed: {steps} times, in {len(phases)} states of the ledger; {time.monotonic() - begun:.0f} s", file=sys.stderr)

    def test_before_the_kernel_is_asked(self) -> None:
        with bench.Fio(DEVICE):
            steps, phases = self.killed_at_each("write", f"{CONTROL}/swap", f"{CONTROL}/commit")
            self.swap(OLD)
        self.assertEqual((steps, phases), (2, {"swap begin", "commit begin"}))

    def test_a_torn_line_is_not_a_line(self) -> None:
        whole = ledger.read(self.this.paths)
        with open(self.this.paths.ledger, "ab") as stream:
            stream.write(b'{"schema": 1, "seq"')
        self.assertEqual(ledger.read(self.this.paths), whole)
        self.swap(NEW)
        self.swap(OLD)
        self.assertCommitted(OLD)
        self.assertGreater(len(ledger.read(self.this.paths)), len(whole))
