# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to hand I/O to a slot, each through swaps: io_uring, polling, RWF_NOWAIT, discard, flush and FUA."""

from __future__ import annotations

import concurrent.futures
import errno
import mmap
import os
import pathlib
import re
import sys

import bench
import neighbour
from neighbour import MIB, Hold, Neighbour


def direct(device: str, flags: int = os.O_RDWR) -> int:
    return os.open(device, flags | os.O_DIRECT)


class Ring(Neighbour):
    """io_uring."""

    def verified(self, *options: str) -> None:
        with bench.Fio(self.slot.device, "--ioengine=io_uring", *options):
            self.change()

    def test_plain(self) -> None:
        self.verified()

    def test_a_kernel_thread_submits(self) -> None:
        """It spins and never sleeps, and a commit waits until every task has slept: maybe as long as this load. Nobody else waits."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            with bench.Fio(self.slot.device, "--ioengine=io_uring", "--sqthread_poll=1"):
                self.slot.swap("1.1.0", deadline_ms=5000)
                commit = pool.submit(self.slot.commit)
                for _time in range(3):
                    self.goes_on()
            commit.result(timeout=30)
        self.assertServes("1.1.0", 2)
        self.change(2, works=False)

    def test_fixed_buffers_and_files(self) -> None:
        self.verified("--fixedbufs=1", "--registerfiles=1")

    def test_polling_is_answered_as_by_the_lower_device(self) -> None:
        self.assertEqual((self.queue / "io_poll").read_text(), "0\n")
        answers = {}
        for device in (self.slot.device, "/dev/vdc"):
            done = bench.run(
                "timeout", "60", "fio", "--name=poll", f"--filename={device}", "--ioengine=io_uring", "--hipri=1", "--direct=1",
                "--rw=randwrite", "--bs=4k", "--size=1m", "--iodepth=4", "--verify=crc32c", "--eta=never", check=False,
            )  # fmt: skip
            failed = re.search(r"fio: .*error=(.*)", done.stdout + done.stderr)
            answers[device] = (done.returncode, failed.group(1) if failed else "")
        print(f"io_uring hipri=1 without poll queues, {os.uname().release}: {answers[self.slot.device]}", file=sys.stderr)
        self.assertEqual(answers[self.slot.device], answers["/dev/vdc"])
        self.assertIn(answers[self.slot.device][0], (0, 1))  # served or refused, not timed out

    def test_polling_through_a_hold(self) -> None:
        poller = self.start(
            "fio", "--name=poll", f"--filename={self.slot.device}", "--ioengine=io_uring", "--hipri=1", "--direct=1", "--eta=never",
            "--rw=randwrite", "--bs=4k", "--size=8m", "--iodepth=4", "--verify=crc32c",
        )  # fmt: skip
        with Hold(self.slot):
            pass
        self.change(2, works=False)
        output = poller.communicate(timeout=60)[0]
        refused = os.strerror(errno.EOPNOTSUPP) in output
        self.assertEqual(poller.returncode, 1 if refused else 0, output)


class NoWait(Neighbour):
    """RWF_NOWAIT."""

    settings = (("queue_depth", 1), ("hw_queues", 1))  # one tag, on whatever processor somebody asks

    def setUp(self) -> None:
        super().setUp()
        (self.queue / "scheduler").write_text("none")
        self.data = mmap.mmap(-1, MIB)
        self.data.write(os.urandom(MIB))
        self.file = direct(self.slot.device)
        self.addCleanup(os.close, self.file)
        os.pwritev(self.file, [self.data], 0)

    def read(self, offset: int) -> bytes | None:
        """Return 4 KiB, or None if that would wait."""
        page = mmap.mmap(-1, 4096)
        try:
            self.assertEqual(os.preadv(self.file, [page], offset, os.RWF_NOWAIT), 4096)
        except BlockingIOError:
            return None
        return bytes(page)

    def test_data_is_right_or_would_wait(self) -> None:
        answers = {None: 0, True: 0}
        with bench.Fio(self.slot.device, "--offset=32m"):
            for _round in range(4):
                self.change(1)
                for offset in range(0, MIB, 4096):
                    found = self.read(offset)
                    answers[None if found is None else found == self.data[offset : offset + 4096]] += 1
        self.assertGreater(answers[True], 0)
        for offset in range(0, MIB, 4096):  # nobody else reads now
            self.assertEqual(self.read(offset), self.data[offset : offset + 4096])

    def test_without_a_free_tag_nobody_waits(self) -> None:
        tags = pathlib.Path("/sys/kernel/debug/block/twostep!t/hctx0/tags")
        with Hold(self.slot) as hold:
            reader = self.start("dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct")
            neighbour.wait_for_sleep(reader, "the reader waits")
            bench.wait_until(lambda: "busy=1\n" in tags.read_text(), "the only tag is taken")
            self.assertTrue(self.read(0) is None)
            self.assertTrue(hold.lasts())
        self.ended(reader)
        self.assertEqual(self.read(0), self.data[:4096])


class Discard(Neighbour):
    """Discard and write zeroes."""

    def test_zeroes_are_written_where_they_were_asked_for(self) -> None:
        pattern = os.urandom(MIB)
        with open(self.slot.device, "r+b", buffering=0) as disk:
            for _block in range(16):
                disk.write(pattern)
            os.fsync(disk.fileno())
            for block in range(0, 16, 2):
                self.change(1, works=False)
                bench.run("blkdiscard", "--zeroout", "--offset", str(block * MIB), "--length", str(MIB), self.slot.device)
            os.posix_fadvise(disk.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for block in range(16):
                self.assertEqual(os.pread(disk.fileno(), MIB, block * MIB), bytes(MIB) if block % 2 == 0 else pattern, block)
        self.assertGreater(self.slot.number("child/write_zeroes"), 0)

    def test_discards_touch_nothing_else(self) -> None:
        pattern = os.urandom(MIB)
        before = int(pathlib.Path("/sys/block/vdb/stat").read_text().split()[11])
        with open(self.slot.device, "r+b", buffering=0) as disk:
            for block in range(16):
                os.pwrite(disk.fileno(), pattern, block * MIB)
            os.fsync(disk.fileno())
            discarder = self.start("sh", "-ec", f"while :; do blkdiscard --offset {17 * MIB} --length {64 * MIB} {self.slot.device}; done")
            self.change(6)
            discarder.kill()
            discarder.wait()
            os.posix_fadvise(disk.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for block in range(16):
                self.assertEqual(os.pread(disk.fileno(), MIB, block * MIB), pattern, block)
        self.assertGreater(self.slot.number("child/discards"), 0)
        self.assertGreater(int(pathlib.Path("/sys/block/vdb/stat").read_text().split()[11]), before)

    def test_trims_and_writes_verified(self) -> None:
        with bench.Fio(self.slot.device, "--rw=trimwrite", "--fsync=0"):
            self.change()
        self.assertGreater(self.slot.number("child/discards"), 0)

    def test_a_discard_in_a_hold_waits(self) -> None:
        for flags in ([], ["--zeroout"]):
            with Hold(self.slot):
                discarder = self.start("blkdiscard", *flags, "--offset", "0", "--length", str(MIB), self.slot.device)
                neighbour.wait_for_sleep(discarder, "the discard waits")
            self.ended(discarder)


class Flush(Neighbour):
    """Flush and FUA, on a device that has both."""

    def lower(self) -> str:
        return neighbour.null_block(self, cache_size=1)

    def test_each_one_reaches_the_lower_device(self) -> None:
        self.assertEqual([(self.queue / name).read_text() for name in ("write_cache", "fua")], ["write back\n", "1\n"])
        rounds = 200
        with neighbour.Trace("block/block_rq_issue") as trace:
            writer = self.start(
                "python3", "-c", "import mmap, os, sys\n"
                "disk, page = os.open(sys.argv[1], os.O_WRONLY | os.O_DIRECT | os.O_DSYNC), mmap.mmap(-1, 4096)\n"
                "for number in range(int(sys.argv[2])): os.pwrite(disk, page, number * 4096)",
                self.slot.device, str(rounds),
            )  # fmt: skip
            swaps = 0
            while writer.poll() is None:
                self.change(1, works=False)
                swaps += 1
            self.ended(writer)
        self.assertGreater(swaps, 1)
        counts = {}
        for disk in ("twostep!t", "nullb0"):
            number = pathlib.Path(f"/sys/block/{disk}/dev").read_text().strip().replace(":", ",")
            flags = re.findall(rf"block_rq_issue: {number} (\w+)", trace.text)
            counts[disk] = {"flush": flags.count("FF"), "fua": sum(flag.startswith("WF") for flag in flags)}
        self.assertEqual(counts["twostep!t"], counts["nullb0"])
        self.assertGreaterEqual(counts["nullb0"]["fua"], rounds)
        self.assertGreaterEqual(counts["nullb0"]["flush"] + counts["nullb0"]["fua"], 2 * rounds)
