# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parent tells about its swaps: uevents, tracepoints, the hold histogram, who served before."""

from __future__ import annotations

import pathlib
import unittest

import bench
from case import Kernel
from uevents import Uevents

TRACING = pathlib.Path("/sys/kernel/tracing")
PHASES = ("prepare", "quiesce", "drain", "abandon", "adopt", "release", "hold")


class Told(Kernel):
    def setUp(self) -> None:
        super().setUp()
        self.slot.swap("1.0.0")
        bench.run("udevadm", "settle")

    def test_transitions_are_announced_and_nobody_scans_the_disk(self) -> None:
        with Uevents() as uevents:
            self.slot.swap("1.1.0")
            self.slot.commit()
        told = [(event["TWOSTEP_SLOT"], event["TWOSTEP_VERSION"], event["TWOSTEP_GENERATION"]) for event in uevents.of("twostep")]
        self.assertEqual(told, [("t", "1.1.0", "2")] * 2)  # adopted, committed
        self.assertEqual(uevents.of("block"), [])

    def test_each_phase_is_traced(self) -> None:
        if not TRACING.joinpath("trace").exists():
            bench.run("mount", "-t", "tracefs", "tracefs", str(TRACING))
        enable = TRACING / "events/twostep/enable"
        (TRACING / "trace").write_text("")
        enable.write_text("1")
        self.addCleanup(enable.write_text, "0")
        self.slot.swap("1.1.0")
        lines = (TRACING / "trace").read_text().splitlines()
        for phase in PHASES:
            self.assertEqual(sum(f"twostep_phase: slot=t phase={phase} " in line for line in lines), 1, phase)
        self.assertTrue(any('version=1.1.0 generation=2 reason="adopted"' in line for line in lines))

    def test_held_requests_are_counted_by_their_time(self) -> None:
        self.broken("adopt_late", delay_ms=200)
        with bench.Fio(self.slot.device):
            self.slot.swap("9.1.0", deadline_ms=5000)
        histogram = [int(count) for count in self.slot.get("hold_histogram").split()]
        self.assertEqual(len(histogram), 24)
        self.assertEqual(sum(histogram), self.slot.number("last_swap/held_requests"))
        # 200 ms are 2^17.6 us: requests that came at the beginning of the hold.
        self.assertGreater(sum(histogram[18:]), 0)

    def test_who_serves_and_who_did(self) -> None:
        self.slot.swap("1.1.0")
        self.assertEqual(self.slot.get("previous"), "1.0.0")
        srcversion = pathlib.Path("/sys/module/twostep_remap_1_1_0/srcversion").read_text().strip()
        self.assertEqual(self.slot.get("srcversion"), srcversion)
        registered = bench.STATUS / "children/twostep_remap_1_1_0/srcversion"
        self.assertEqual(registered.read_text().strip(), srcversion)


if __name__ == "__main__":
    unittest.main(verbosity=2)
