# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""remap 2.0.0's tracking of changes: exact, complete while epochs close and children change, and honest when it was lost."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import pathlib
import unittest

import bench
import incremental
from case import Kernel

CHUNK = 65536
CHUNKS = 1025  # the last one is not whole
SECTORS = 1024 * CHUNK // 512 + 8
EVERYTHING = set(range(CHUNKS))
BROKEN = "9.7.0"


def digest(device: str) -> str:
    """Return a checksum of the first ``SECTORS``, read past the page cache."""
    hashed = hashlib.sha256()
    descriptor = os.open(device, os.O_RDONLY | os.O_DIRECT)
    with mmap.mmap(-1, 1 << 20) as buffer:
        left = SECTORS * 512
        while left:
            left -= (done := os.preadv(descriptor, [memoryview(buffer)[: min(left, len(buffer))]], SECTORS * 512 - left))
            hashed.update(memoryview(buffer)[:done])
    os.close(descriptor)
    return hashed.hexdigest()


class Tracking(Kernel):
    """A slot onto a small device; 1.1.0 has served, 2.0.0 does."""

    def setUp(self) -> None:
        super().setUp()
        bench.run("dmsetup", "create", "tracked", "--table", f"0 {SECTORS} linear {bench.LOWER} 0")
        self._cleanups.insert(0, (bench.run, ("dmsetup", "remove", "--retry", "tracked"), {}))  # after the slot
        self.slot.set("params", "lower=/dev/mapper/tracked")
        self.slot.swap("1.1.0")
        self.to("2.0.0")

    def to(self, version: str) -> None:
        """Swap and commit."""
        self.slot.swap(version)
        self.slot.commit()

    @property
    def epoch(self) -> int:
        return self.slot.number("child/epoch")

    def close(self, epoch: int | None = None) -> set[int]:
        """Close an epoch, the current one unless given; return the chunks that it lists."""
        (self.slot.status / "child/epoch").write_text(str(self.epoch if epoch is None else epoch))
        return self.listed()

    def listed(self) -> set[int]:
        bitmap = (self.slot.status / "child/changed").read_bytes()
        self.assertEqual(len(bitmap), (CHUNKS + 7) // 8)
        chunks = set(incremental.changed(bitmap))
        self.assertEqual(self.slot.number("child/changed_chunks"), len(chunks))
        return chunks

    def write(self, offset: int, length: int = 4096) -> None:
        descriptor = os.open(self.slot.device, os.O_WRONLY | os.O_DIRECT)
        with mmap.mmap(-1, length) as buffer:
            buffer[:] = os.urandom(length)
            self.assertEqual(os.pwritev(descriptor, [buffer], offset), length)
        os.close(descriptor)

    def write_chunk(self, chunk: int) -> None:
        self.write(chunk * CHUNK)


class Marks(Tracking):
    def test_exactly_what_was_changed_is_listed(self) -> None:
        self.assertEqual(self.slot.number("child/chunk_bytes"), CHUNK)
        self.assertEqual(self.close(), EVERYTHING)  # nothing was known
        self.assertEqual(self.close(), set())
        self.write_chunk(3)
        self.write(10 * CHUNK - 4096, 8192)  # across a boundary
        self.write((CHUNKS - 1) * CHUNK)
        bench.run("blkdiscard", "--offset", str(20 * CHUNK), "--length", str(2 * CHUNK), self.slot.device)
        bench.run("blkdiscard", "--zeroout", "--offset", str(30 * CHUNK), "--length", str(CHUNK), self.slot.device)
        bench.run("dd", f"if={self.slot.device}", "of=/dev/null", "bs=64k", "skip=40", "count=4", "iflag=direct")
        self.assertEqual(self.close(), {3, 9, 10, 20, 21, 30, CHUNKS - 1})
        self.assertEqual(self.close(), set())

    def test_an_epoch_is_closed_once(self) -> None:
        epoch = self.epoch
        self.close()
        self.assertEqual(self.epoch, epoch + 1)
        for number, code in ((epoch, errno.ESTALE), (epoch + 2, errno.ESTALE), ("now", errno.EINVAL), (-1, errno.EINVAL)):
            self.assertRefused(code, (self.slot.status / "child/epoch").write_text, str(number))
        self.assertEqual(self.epoch, epoch + 1)
        write = f"echo {epoch + 1} > {self.slot.status}/child/epoch"
        done = bench.run("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "sh", "-c", write, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.epoch, epoch + 1)

    def test_a_change_under_way_is_in_both_epochs(self) -> None:
        self.close()
        bench.run("dmsetup", "suspend", "--noflush", "--nolockfs", "tracked")
        descriptor = os.open(self.slot.device, os.O_WRONLY | os.O_DIRECT)
        writer = os.fork()
        if not writer:
            os._exit(os.pwritev(descriptor, [mmap.mmap(-1, 4096)], 5 * CHUNK) != 4096)
        bench.wait_until(lambda: self.slot.get("inflight") == "1", "the write is in the child")
        first = self.close()
        bench.run("dmsetup", "resume", "tracked")
        self.assertEqual(os.waitpid(writer, 0)[1], 0)
        os.close(descriptor)
        self.assertEqual((first, self.close(), self.close()), ({5}, {5}, set()))


class Handover(Tracking):
    def test_the_next_instance_goes_on(self) -> None:
        self.close()
        self.write_chunk(4)
        self.close()
        self.write_chunk(5)
        epoch = self.epoch
        self.to("2.0.0")
        self.assertEqual((self.epoch, self.listed()), (epoch, {4}))
        self.write_chunk(6)
        self.to("2.0.0")
        self.assertEqual(self.close(), {5, 6})

    def test_two_step_hands_it_over_too(self) -> None:
        self.close()
        self.write_chunk(4)
        epoch = self.epoch
        self.slot.set("swap", self.slot.line(BROKEN, mode="two_step", deadline_ms=10000))
        bench.unload("twostep_remap_2_0_0")
        bench.load(bench.module_of(BROKEN))  # which works
        bench.wait_until(lambda: self.slot.get("state") == "serving", "adoption")
        self.write_chunk(5)
        self.assertEqual((self.epoch, self.close()), (epoch, {4, 5}))

    def test_a_swap_that_is_undone_changes_nothing(self) -> None:
        seen = pathlib.Path(f"/sys/module/{bench.module_of(BROKEN)}/parameters")
        self.close()
        self.write_chunk(4)
        for mode, code in (("adopt_err", errno.EIO), ("adopt_err_last", errno.EIO), ("adopt_hang", errno.ETIMEDOUT)):
            with self.subTest(mode=mode):
                self.broken(mode, version=BROKEN)
                self.assertRefused(code, self.slot.swap, BROKEN, deadline_ms=500)
                self.write_chunk(5)
                self.assertEqual(self.close(), {4, 5})  # also while the candidate hangs
                self.write_chunk(4)
        self.broken("none", version=BROKEN)  # the candidate goes on, too late
        bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the candidate came back")
        self.assertEqual(self.close(), {4})
        self.assertGreaterEqual(int((seen / "pages_seen").read_text()), 4)
        self.assertEqual((seen / "pages_writable").read_text(), "0\n")

    def test_the_parked_child_comes_back_with_it(self) -> None:
        self.close()
        self.write_chunk(4)
        self.broken("none", version=BROKEN)
        self.slot.swap(BROKEN)
        self.write_chunk(5)
        first, writes = self.close(), self.slot.number("child/writes")
        self.write_chunk(6)
        epoch = self.epoch
        self.broken("health_bad", version=BROKEN)
        bench.wait_until(lambda: self.slot.get("version") == "2.0.0", "the return")
        bench.wait_until(lambda: self.slot.get("probation") == "none", "the end of the probation")
        self.assertEqual(self.slot.number("child/writes"), writes + 1)  # none lost, none counted twice
        self.write_chunk(7)
        self.assertEqual((first, self.epoch, self.listed(), self.close()), ({4, 5}, epoch, {4, 5}, {6, 7}))


class Lost(Tracking):
    """Where the truth is not known, everything has changed, and the epoch is another."""

    def assertBegunAnew(self, epoch: int) -> None:
        self.assertNotIn(self.epoch, range(epoch, epoch + 10))
        self.assertEqual(self.listed(), EVERYTHING)
        self.assertEqual(self.close(), EVERYTHING)
        self.write_chunk(9)
        self.assertEqual(self.close(), {9})

    def test_there_and_back_through_a_release_without_tracking(self) -> None:
        self.close()
        epoch = self.epoch
        self.to("1.1.0")
        self.assertFalse((self.slot.status / "child/epoch").exists())
        self.to("2.0.0")
        self.assertBegunAnew(epoch)

    def test_the_first_release_shares_no_state_with_it(self) -> None:
        self.assertRefused(errno.EPROTO, self.slot.swap, "1.0.0")
        self.to("1.1.0")
        self.to("1.0.0")
        self.assertRefused(errno.EPROTO, self.slot.swap, "2.0.0")
        self.to("1.1.0")
        self.to("2.0.0")
        self.assertServes("2.0.0", 6)

    def test_a_parked_child_that_comes_back_from_a_release_without_tracking(self) -> None:
        self.close()
        epoch = self.epoch
        self.slot.swap("1.1.0")
        self.write_chunk(4)
        bench.run("rmmod", "--force", "twostep_remap_1_1_0")
        self.assertEqual(self.slot.get("version"), "2.0.0")
        self.assertBegunAnew(epoch)

    def test_a_parked_child_that_comes_back_without_a_state(self) -> None:
        self.close()
        epoch = self.epoch
        self.broken("none", version=BROKEN)
        self.slot.swap(BROKEN)
        self.write_chunk(4)
        self.broken("abandon_err", version=BROKEN)
        bench.run("rmmod", "--force", bench.module_of(BROKEN))
        self.assertEqual(self.slot.get("version"), "2.0.0")
        self.assertBegunAnew(epoch)


class Backup(Tracking):
    def test_an_incremental_backup_lacks_nothing(self) -> None:
        """Epochs close and children change while fio writes; the last backup makes the copy whole."""
        target, state = pathlib.Path("/dev/vdc"), pathlib.Path("/run/backup.json")
        state.unlink(missing_ok=True)
        kinds = []
        with bench.Fio(self.slot.device):
            for _round in range(4):
                kinds.append(incremental.back_up("t", target, state))
                self.to("2.0.0")
        kinds.append(incremental.back_up("t", target, state))
        self.assertEqual([kind for kind, _copied in kinds], ["full", *["incremental"] * 4])
        self.assertLess(max(copied for _kind, copied in kinds[1:]), kinds[0][1])
        self.assertEqual(digest(str(target)), digest(self.slot.device))
        self.assertEqual(incremental.back_up("t", target, state), ("incremental", 0))
        self.close()  # by somebody else
        self.assertEqual(incremental.back_up("t", target, state)[0], "full")


if __name__ == "__main__":
    unittest.main(verbosity=2)
