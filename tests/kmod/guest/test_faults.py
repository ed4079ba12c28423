# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""On the debug kernel: each allocation of the swap path fails in turn, and a lower device fails in a probation.

Whatever fails, the old child serves at its generation or the new one at the next; the operation succeeds when it is asked for again;
and no memory is lost. The first allocations are failed one by one, the later ones of a long operation in growing steps, all of them
with TWOSTEP_LONG set.
"""

from __future__ import annotations

import os
import sys
import unittest
from typing import Callable

import bench
import faults
import leaks
from case import Kernel

MOST = 2000  # allocations of one operation; more means that the sweep does not end
EACH = MOST if os.environ.get("TWOSTEP_LONG") else 16  # so many one by one
DEADLINE_MS = 5000


class Allocations(Kernel):
    def setUp(self) -> None:
        super().setUp()
        for version in ("1.0.0", "1.1.0", "2.0.0"):
            bench.load(bench.module_of(version))
        faults.aim()
        leaks.forget()

    def sweep(self, name: str, operation: Callable[[], None], after: Callable[[bool], None], *, by_worker: bool) -> None:
        """Fail the first allocation of ``operation``, then the second, until there is none left to fail.

        ``after`` is told whether the operation succeeded; it judges what stands, and makes ready for the next turn.
        """
        refused, survived, number = 0, 0, 1
        while number < MOST:
            trial = faults.attempt(operation, number, faults.workers() if by_worker else [faults.OWN])
            after(trial.error is None)
            if trial.injected:
                refused, survived = refused + (trial.error is not None), survived + (trial.error is None)
                number += 1 if number < EACH else number // 2
            elif trial.counted:
                break
            # Else a worker took it that was not there before: this number's turn comes again.
        else:
            self.fail(f"{name}: no end after {MOST} allocations")
        self.assertIsNone(trial.error)
        self.assertGreater(refused, 0)
        print(f"{name}: allocations failed in turn: {refused} refused, {survived} survived", file=sys.stderr)

    def handover(self, old: str, new: str, *, by_worker: bool) -> None:
        def swap() -> None:
            self.slot.swap(new, deadline_ms=DEADLINE_MS)

        def after(done: bool) -> None:
            if not done:
                self.assertServes(old, self.before)
                if by_worker:  # else there may not have been the memory to begin
                    self.assertIn(self.slot.get("last_swap/result"), ("returned", "failed"))
            else:
                self.assertServes(new, self.before + 1)
                self.slot.commit()
                self.slot.swap(old, deadline_ms=DEADLINE_MS)
                self.slot.commit()
            self.before = self.slot.generation

        self.before = self.slot.generation
        self.sweep(f"{old} -> {new}", swap, after, by_worker=by_worker)

    def test_of_a_handover(self) -> None:
        self.slot.swap("1.0.0")
        self.handover("1.0.0", "1.1.0", by_worker=True)
        self.handover("1.0.0", "1.1.0", by_worker=False)
        self.assertEqual(leaks.find(), [])

    def test_of_a_handover_by_pages(self) -> None:
        self.slot.swap("1.1.0")
        self.slot.swap("2.0.0")
        self.slot.commit()
        self.handover("2.0.0", "1.1.0", by_worker=True)
        self.slot.swap("1.1.0")
        self.slot.commit()
        self.handover("1.1.0", "2.0.0", by_worker=True)
        self.assertEqual(leaks.find(), [])

    def test_of_a_first_adoption(self) -> None:
        def after(done: bool) -> None:
            self.assertEqual(self.slot.get("state"), "serving" if done else "empty")
            if done:
                self.slot.remove()
                self.slot = bench.Slot()

        self.sweep("first adoption", lambda: self.slot.swap("1.0.0"), after, by_worker=True)
        self.assertEqual(leaks.find(), [])

    def test_of_a_slot(self) -> None:
        folder = bench.CONFIG / "other"

        def after(done: bool) -> None:
            self.assertEqual((bench.STATUS / "slots/other").exists(), done)
            if done:
                os.rmdir(folder)

        self.sweep("mkdir", lambda: os.mkdir(folder), after, by_worker=False)
        self.assertEqual(leaks.find(), [])

    def test_of_a_commit(self) -> None:
        self.slot.swap("1.0.0")
        turn, number, trial = ["1.1.0", "1.0.0"], 0, None
        while trial is None or trial.injected:
            number += 1
            self.slot.swap(turn[0], deadline_ms=DEADLINE_MS)
            turn.reverse()
            trial = faults.attempt(self.slot.commit, number, [faults.OWN])
            # A commit that is under way needs no memory: it is only not announced.
            self.assertEqual((trial.error, self.slot.get("parked")), (None, ""))
        self.assertGreater(number, 1)
        self.assertEqual(leaks.find(), [])


class Lower(Kernel):
    def test_one_failure_of_the_lower_device_in_a_probation(self) -> None:
        self.slot.swap("1.0.0")
        with bench.Fio(self.slot.device):
            self.slot.swap("1.1.0", deadline_ms=DEADLINE_MS)
            with faults.failing_disk("vdb", times=1):
                bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the return")
        self.assertEqual(self.slot.get("last_swap/reason"), "probation: 1 requests failed, the last one with -5")
        bench.wait_until(lambda: self.slot.get("probation") == "none", "the end of the probation")
        self.assertServes("1.0.0", 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
