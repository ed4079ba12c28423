# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No swap moves a write across a flush: the sandwich, and the proof that it would be seen.

Run inside a guest: ``python3 -m unittest -v test_order``. TWOSTEP_SWAPS sets how many swaps.
"""

from __future__ import annotations

import os
import unittest

import bench
import case
import log_writes
import order
import replay
import sandwich
import stamp_writer
import stamps

SWAPS = int(os.environ.get("TWOSTEP_SWAPS", "20"))
# Of each thread for each swap; the swap begins when some are acknowledged and most are still to come.
WRITES, ACKNOWLEDGED = 16, 24


class Sandwich(case.Kernel):
    """Logs above and below a slot; ``extra`` devices of a test go between slot, log and disk."""

    def setUp(self) -> None:
        super().setUp()
        for module in ("dm-mod", "dm-log-writes", "dm-flakey"):
            bench.run("modprobe", module)
        self.plan = stamps.Plan(generation=int.from_bytes(os.urandom(4), "little"))
        bench.run("blkdiscard", "--zeroout", "--length", str(self.plan.all_blocks * stamps.BLOCK_BYTES), bench.LOWER)
        sandwich.make_logs()
        self.addCleanup(self.end)

    def end(self) -> None:
        sandwich.remove(sandwich.ABOVE)
        self.slot.remove()
        for name in ("between", sandwich.BELOW, "disk", f"log-{sandwich.ABOVE}", f"log-{sandwich.BELOW}"):
            sandwich.remove(name)

    def build(self, version: str = "1.0.0", lying: str = "") -> str:
        """Build the stack, with a disk that loses writes where ``lying`` says; returns the device on top."""
        disk = bench.LOWER
        if lying == "disk":
            disk = sandwich.create("disk", self.flakey(disk, lies=False))
        below = sandwich.record(sandwich.BELOW, disk)
        if lying == "between":
            below = sandwich.create("between", self.flakey(below, lies=False))
        self.slot.set("params", f"lower={below}")
        self.slot.swap(version)
        return sandwich.record(sandwich.ABOVE, self.slot.device)

    @staticmethod
    def flakey(device: str, lies: bool) -> str:
        """A table that passes everything on, or says yes to all writes and drops them."""
        size = sandwich.sectors(device)
        return f"0 {size} flakey {device} 0 0 1 1 drop_writes" if lies else f"0 {size} linear {device} 0"

    def swaps(self, writer: sandwich.Writer, count: int) -> int:
        """Swap there and back; returns how many requests waited in the holds."""
        held = 0
        for number in range(1, count + 1):
            writer.go_on(WRITES, ACKNOWLEDGED)
            sandwich.mark(f"begin-{number}")
            self.slot.swap("1.1.0" if self.slot.get("version") == "1.0.0" else "1.0.0", deadline_ms=5000)
            sandwich.mark(f"end-{number}")
            held += self.slot.number("last_swap/held_requests")
            self.slot.commit()
        writer.go_on(WRITES, ACKNOWLEDGED)
        sandwich.mark("complete")
        return held

    def judge(self, writer: sandwich.Writer) -> dict[str, list[str]]:
        """Take the stack down and return what each check found."""
        self.end_of_logging()
        with log_writes.Log(sandwich.log_of(sandwich.ABOVE)) as above_log, log_writes.Log(sandwich.log_of(sandwich.BELOW)) as below_log:
            above, below = (order.track(name, log, self.plan) for name, log in ((sandwich.ABOVE, above_log), (sandwich.BELOW, below_log)))
            self.assertEqual([name.marks[-2] for name in (above, below)], ["complete"] * 2)  # else a log was too small
            self.assertEqual(above.problems, [])
            ordered, matched = order.check_order(above, below)
            replayed, looked = replay.check_every_point(below, below_log, matched)
        on_disk = stamps.Reader(self.plan, limit=writer.granted)
        on_disk.promise_all(writer.acknowledged.items())
        found = {
            "order": ordered + below.problems,
            "counts": order.check_counts(above, below),
            "replay": replayed,
            "disk": stamp_writer.read(bench.LOWER, on_disk),
        }
        print(
            f"{len(above.place)} writes, {above.flushes} flushes, {above.fua_writes} FUA above; {below.flushes} flushes, "
            f"{below.fua_writes} FUA below; {looked} points replayed; {on_disk.summary()}; "
            + ", ".join(f"{name}: {len(problems)} problems" for name, problems in found.items())
        )
        return found

    def end_of_logging(self) -> None:
        """Both logs are complete once their devices are gone."""
        sandwich.remove(sandwich.ABOVE)
        self.slot.remove()
        sandwich.remove("between")
        sandwich.remove(sandwich.BELOW)


class Order(Sandwich):
    def test_swaps_move_no_write_across_a_flush(self) -> None:
        top = self.build()
        with sandwich.writing(top, self.plan) as writer:
            held = self.swaps(writer, SWAPS)
        self.assertGreater(held, 0)  # else no swap met a write
        self.assertEqual([problem for problems in self.judge(writer).values() for problem in problems][:10], [])


class Controls(Sandwich):
    """What the checks must see."""

    def lost(self, name: str, device: str) -> dict[str, list[str]]:
        """Write while a device forgets, remembers and forgets again."""
        top = self.build(lying=name)
        with sandwich.writing(top, self.plan) as writer:
            for lies in (False, True, False, True):
                sandwich.reload(name, self.flakey(device, lies))
                writer.go_on(WRITES, ACKNOWLEDGED)
            sandwich.mark("complete")
        return self.judge(writer)

    def test_writes_lost_between_slot_and_log(self) -> None:
        found = self.lost("between", f"/dev/mapper/{sandwich.BELOW}")
        self.assertNotEqual(found["order"], [])
        self.assertNotEqual(found["replay"], [])
        self.assertNotEqual(found["disk"], [])
        self.assertNotEqual(found["counts"], [])

    def test_writes_lost_below_the_log(self) -> None:
        found = self.lost("disk", bench.LOWER)
        self.assertEqual({name: found[name] for name in ("order", "counts", "replay")}, {"order": [], "counts": [], "replay": []})
        self.assertNotEqual(found["disk"], [])

    def swallowed(self, mode: str) -> dict[str, list[str]]:
        top = self.build("9.1.0")
        with sandwich.writing(top, self.plan) as writer:
            writer.go_on(WRITES, ACKNOWLEDGED)
            self.broken(mode)
            writer.go_on(4 * WRITES, 4 * ACKNOWLEDGED)
            self.broken("none")
            writer.go_on(WRITES, ACKNOWLEDGED)
            sandwich.mark("complete")
        return self.judge(writer)

    def test_a_child_that_swallows_flushes(self) -> None:
        found = self.swallowed("drop_flush")
        self.assertNotEqual(found["counts"], [])
        self.assertNotEqual(found["order"], [])
        self.assertNotEqual(found["replay"], [])

    def test_a_child_that_swallows_fua(self) -> None:
        self.assertNotEqual(self.swallowed("drop_fua")["counts"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
