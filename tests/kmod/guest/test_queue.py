# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The slot's queue: its shapes, exhausted tags, its settings changed in a hold, its timeouts."""

from __future__ import annotations

import errno
import mmap
import os
import pathlib

import bench
import neighbour
from neighbour import EXPIRES_MS, Hold, Neighbour


class SeveralQueues(Neighbour):
    settings = (("hw_queues", 4),)

    def test_each_processor_has_one(self) -> None:
        # The block layer makes no more queues than there are processors.
        queues = [path.name for path in (self.sysfs / "mq").iterdir()]
        self.assertEqual(len(queues), min(4, os.cpu_count()))
        with bench.Fio(self.slot.device, "--numjobs=4", "--size=8m", "--offset_increment=8m", "--cpus_allowed_policy=split",
                       f"--cpus_allowed=0-{os.cpu_count() - 1}"):  # fmt: skip
            self.change()


class LargeBlocks(Neighbour):
    def lower(self) -> str:
        return neighbour.null_block(self, blocksize=4096, discard=1)

    def test_blocks_of_4_kib(self) -> None:
        self.assertEqual((self.queue / "logical_block_size").read_text(), "4096\n")
        with bench.Fio(self.slot.device):
            self.change()
        disk = os.open(self.slot.device, os.O_RDONLY | os.O_DIRECT)
        self.addCleanup(os.close, disk)
        self.assertRefused(errno.EINVAL, os.preadv, disk, [mmap.mmap(-1, 4096)], 512)
        self.assertEqual((self.queue / "dma_alignment").read_text(), "4095\n")  # in memory, too


class FewTags(Neighbour):
    """K29: many more requests than tags."""

    settings = (("queue_depth", 1),)

    def test_pieces_of_one_request_do_not_wait_for_each_other(self) -> None:
        (self.queue / "max_sectors_kb").write_text("64")
        for scheduler in ("none", "mq-deadline"):
            (self.queue / "scheduler").write_text(scheduler)
            self.ended(self.start("dd", f"if={self.slot.device}", "of=/dev/null", "bs=1M", "count=8", "iflag=direct"), seconds=60)

    def test_all_jobs_go_on(self) -> None:
        jobs, depth = 8, 32

        def moved() -> dict[str, int]:
            found = {}
            for child in pathlib.Path(f"/proc/{fio.process.pid}/task/{fio.process.pid}/children").read_text().split():
                counts = pathlib.Path(f"/proc/{child}/io").read_text().split()
                found[child] = int(counts[counts.index("read_bytes:") + 1]) + int(counts[counts.index("write_bytes:") + 1])
            return found

        for scheduler in ("none", "mq-deadline"):
            (self.queue / "scheduler").write_text(scheduler)
            with bench.Fio(
                self.slot.device, f"--numjobs={jobs}", f"--iodepth={depth}", "--size=4m", "--offset_increment=4m", "--fsync=0"
            ) as fio:
                self.assertEqual(len(moved()), jobs)
                for _swap in range(3):
                    self.change(1)
                    before = moved()
                    bench.wait_until(lambda before=before: all(now > before[job] for job, now in moved().items()), "each job goes on", 5)


class Settings(Neighbour):
    """K26: a setting that freezes the queue waits for the end of the hold, and is set then."""

    settings = (("hw_queues", 1),)
    CHANGES = (
        ("scheduler", "none"), ("scheduler", "mq-deadline"), ("nr_requests", "64"), ("wbt_lat_usec", "0"), ("max_sectors_kb", "64"),
        ("read_ahead_kb", "64"), ("io_timeout", "20000"), ("write_cache", "write through"), ("nomerges", "1"), ("rq_affinity", "2"),
    )  # fmt: skip
    # A change of the scheduler sets these anew, and which of the writers comes last is not ours to say.
    OF_SCHEDULER = ("scheduler", "nr_requests", "wbt_lat_usec")

    def set_in(self, hold: Hold) -> None:
        names = [(name, value) for name, value in self.CHANGES if (self.queue / name).exists()]
        with bench.Fio(self.slot.device):
            with hold:
                started = []
                for name, value in names:
                    writer = self.start("sh", "-c", f"printf '%s' '{value}' > {self.queue}/{name}")
                    if name == "scheduler" and value == "none":
                        neighbour.wait_for_sleep(writer, "the change of the scheduler waits")
                    started.append(writer)
                self.assertTrue(hold.lasts())
                self.assertIsNone(started[0].poll())
            for writer in started:
                self.ended(writer, seconds=10)
            self.change(2)
        for name, value in names:
            if name not in self.OF_SCHEDULER:
                self.assertEqual((self.queue / name).read_text(), f"{value}\n", name)

    def test_changed_in_a_hold(self) -> None:
        self.set_in(Hold(self.slot))

    def test_changed_in_a_hold_that_expires(self) -> None:
        self.set_in(Hold(self.slot, deadline_ms=EXPIRES_MS, expires=True))


class Timeout(Neighbour):
    """K42: requests that wait in a hold do not time out."""

    def lower(self) -> str:
        lower = super().lower()
        sectors = int(pathlib.Path("/sys/block/vdb/size").read_text())
        bench.run("dmsetup", "create", "below", "--table", f"0 {sectors} linear {lower} 0")
        self.addCleanup(bench.run, "dmsetup", "remove", "--retry", "below")
        self.addCleanup(self.slot.remove)
        return "/dev/mapper/below"

    def setUp(self) -> None:
        super().setUp()
        (self.queue / "io_timeout").write_text("1000")
        probes = pathlib.Path("/sys/kernel/tracing/kprobe_events")
        probes.write_text("p:neighbours/expired twostep:twostep_timeout\n")
        self.addCleanup(probes.write_text, "")  # opening it for writing removes all

    def test_a_request_that_waits_does_not_expire(self) -> None:
        with neighbour.Trace("neighbours/expired") as trace, bench.Fio(self.slot.device):
            with Hold(self.slot, deadline_ms=3000, expires=True):
                pass
            self.assertGreaterEqual(self.slot.number("last_swap/hold_ns"), 3000 * 10**6)
            self.change(2)
        self.assertNotIn("expired:", trace.text)

    def test_a_request_in_the_child_may(self) -> None:
        with neighbour.Trace("neighbours/expired") as trace:
            bench.run("dmsetup", "suspend", "--noflush", "--nolockfs", "below")
            try:
                reader = self.start("dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct")
                bench.wait_until(lambda: "expired:" in (trace.folder / "trace").read_text(), "the request's timeout")
            finally:
                bench.run("dmsetup", "resume", "below")
            self.ended(reader)
