# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""K27, K28: a processor goes offline and comes back, in a hold and during swaps."""

from __future__ import annotations

import pathlib
import threading
import unittest

import bench
from neighbour import LONG, Hold, Neighbour

SECOND = pathlib.Path("/sys/devices/system/cpu/cpu1/online")


@unittest.skipUnless(SECOND.exists(), "no second processor that could go offline")
class Hotplug(Neighbour):
    settings = (("hw_queues", 2),)

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(SECOND.write_text, "1")

    def test_offline_in_a_hold_does_not_wait_for_it(self) -> None:
        waiting = pathlib.Path("/sys/kernel/debug/block/twostep!t/hctx1")
        with bench.Fio(self.slot.device, "--cpus_allowed=1", "--fsync=0"):
            with Hold(self.slot) as hold:
                bench.wait_until(lambda: "busy=0\n" not in (waiting / "tags").read_text(), "requests wait in the second queue")
                self.ended(self.start("sh", "-c", f"echo 0 > {SECOND}"), seconds=8)
                self.assertTrue(hold.lasts())
                self.assertEqual(SECOND.read_text(), "0\n")
            self.goes_on()
            self.change(2)
            SECOND.write_text("1")
            self.change(2)

    def test_a_storm(self) -> None:
        over, switched = threading.Event(), []

        def storm() -> None:
            while not over.is_set():
                for state in "01":
                    SECOND.write_text(state)
                    switched.append(state)

        thread = threading.Thread(target=storm)
        with bench.Fio(self.slot.device, "--numjobs=2", "--size=8m", "--offset_increment=8m"):
            thread.start()
            try:
                self.change(200 if LONG else 12)
            finally:
                over.set()
                thread.join()
        self.assertGreater(len(switched), 4)
