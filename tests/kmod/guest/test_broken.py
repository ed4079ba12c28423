# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Children that are broken on purpose (tests/kmod/broken/README.md): each is refused with its own errno and reason, or undone."""

from __future__ import annotations

import errno
import pathlib
import subprocess
import unittest

import bench
from case import Kernel

DEADLINE_MS = 500
BROKEN = "9.1.0"
MODULE = bench.module_of(BROKEN)


def insert(version: str, *parameters: str) -> subprocess.CompletedProcess:
    """Insert a module with parameters, which may fail."""
    return bench.run("insmod", str(bench.MODULES / f"{bench.module_of(version)}.ko"), *parameters, check=False)


class Loading(Kernel):
    """What is refused while the module is loaded: nothing is registered and nothing stays."""

    def assertNotLoaded(self, done: subprocess.CompletedProcess, message: str, version: str = BROKEN) -> None:
        self.assertIn(message, done.stderr)
        self.assertNotIn(bench.module_of(version), bench.loaded())
        self.assertFalse((bench.STATUS / "children" / bench.module_of(version)).exists())

    def test_the_errno_of_the_module_is_shown(self) -> None:
        self.slot.swap("1.0.0")
        for error, message in ((errno.ENOMEM, "Cannot allocate memory"), (errno.EIO, "Input/output error"), (errno.EBUSY, "busy")):
            self.assertNotLoaded(insert(BROKEN, "mode=init_err", f"error=-{error}"), message)
            self.assertServes("1.0.0", 1)
        self.assertRefused(errno.ENOENT, self.slot.set, "swap", self.slot.line(BROKEN))

    def test_the_handshake_names_what_does_not_fit(self) -> None:
        for mode, message, line in (
            ("abi_major", "Protocol error", "refused: contract 2.0, the parent's is 1.0"),
            ("abi_minor", "Protocol not supported", "refused: contract 1.1 is newer than the parent's 1.0"),
            ("abi_smaller", "Message too long", "refused: its struct twostep_child has "),
            ("abi_larger", "Message too long", "refused: its struct twostep_child has "),
            ("abi_null", "not implemented", "refused: a method is missing"),
            ("abi_range", "Invalid", "refused: bad name, range or size"),
            ("lie", "Bad message", "refused: it registers version 1.9.9, its modinfo says 9.1.0"),
        ):
            with self.subTest(mode=mode):
                bench.run("dmesg", "--clear")
                self.assertNotLoaded(insert(BROKEN, f"mode={mode}"), message)
                self.assertIn(f"twostep: {MODULE} {line}", bench.kernel_log())
                self.assertNotIn("registered by", bench.kernel_log())

    def test_a_name_that_is_taken(self) -> None:
        bench.load(bench.module_of("9.8.0"))
        self.assertNotLoaded(insert("9.9.0"), "Invalid module format", "9.9.0")
        self.assertIn("exports duplicate symbol twostep_remap_shared (owned by twostep_remap_9_8_0)", bench.kernel_log())
        self.assertEqual(insert("9.7.0", "mode=dup_proc").returncode, 0)
        self.assertNotLoaded(insert(BROKEN, "mode=dup_proc"), "File exists")
        self.assertIn("proc_dir_entry '/proc/twostep_broken' already registered", bench.kernel_log())
        bench.run("dmesg", "--clear")  # the warning above is the kernel's way to say so

    def test_a_module_is_loaded_once(self) -> None:
        bench.load(bench.module_of("1.0.0"))
        self.assertIn("File exists", insert("1.0.0").stderr)


class Candidate(Kernel):
    """The new child is broken: the old one serves on, and says why."""

    def setUp(self) -> None:
        super().setUp()
        self.slot.swap("1.0.0")

    def assertUndone(self, mode: str, code: int, reason: str, result: str = "returned") -> None:
        self.broken(mode)
        self.assertRefused(code, self.slot.swap, BROKEN, deadline_ms=DEADLINE_MS)
        bench.wait_until(lambda: self.slot.get("last_swap/result") == result, "the worker says why")
        self.assertRegex(self.slot.get("last_swap/reason"), reason)
        self.assertServes("1.0.0", 1)
        bench.run("dd", "if=/dev/zero", f"of={self.slot.device}", "bs=4k", "count=1", "oflag=direct,dsync")

    def test_limits_that_the_users_do_not_know(self) -> None:
        for mode, reason in (
            ("capacity_smaller", "limits: smaller capacity"),
            ("block_larger", "limits: other logical block size"),
            ("requests_smaller", "limits: smaller requests"),
            ("discards_smaller", "limits: smaller discards"),
            ("read_only", "limits: read-only"),
        ):
            with self.subTest(mode=mode):
                self.assertUndone(mode, errno.EPERM, reason)

    def test_more_capacity_waits_for_the_commit(self) -> None:
        size = pathlib.Path("/sys/block/twostep!t/size")
        before = int(size.read_text())
        self.broken("capacity_larger")
        self.slot.swap(BROKEN)
        self.broken("health_bad")
        bench.wait_until(lambda: self.slot.get("probation") == "none", "the return")
        self.assertServes("1.0.0", 3)
        self.assertEqual(int(size.read_text()), before)

    def test_adopt_fails_at_its_end(self) -> None:
        with bench.Fio(self.slot.device):
            self.assertUndone("adopt_err_last", errno.EIO, "adopt failed: -5")
        self.broken("none")
        self.slot.swap(BROKEN)  # a retry may succeed
        self.assertServes(BROKEN, 2)

    def test_prepare_that_hangs_holds_nothing(self) -> None:
        self.broken("prepare_hang")
        asker = subprocess.Popen(["sh", "-c", f"echo {self.slot.line(BROKEN)} > {self.slot.config}/swap"])
        bench.wait_until(lambda: self.slot.get("health") == "unknown" or self.slot.get("last_swap/result") == "running", "prepare")
        with bench.Fio(self.slot.device):
            self.assertServes("1.0.0", 1)
        self.broken("prepare_err")  # which it has passed: it succeeds
        self.assertEqual(asker.wait(timeout=60), 0)
        self.assertServes(BROKEN, 2)

    def test_adopt_that_never_lets_go_of_its_processor(self) -> None:
        with bench.Fio(self.slot.device):
            self.assertUndone("adopt_spin", errno.ETIMEDOUT, "adopt came late")
        self.assertLess(self.slot.number("last_swap/hold_ns"), (DEADLINE_MS + 100) * 1000 * 1000)
        self.assertLess(abs(self.slot.generation - 1), 1)


class State(Kernel):
    """The old child is broken: it is left alone, and serves on."""

    def setUp(self) -> None:
        super().setUp()
        self.broken("none")
        self.slot.swap(BROKEN)

    def test_states_that_cannot_be_taken(self) -> None:
        for mode, code, reason in (
            ("abandon_err", errno.EUCLEAN, "abandon failed: -117"),
            ("blob_missing", errno.ENODATA, "adopt failed: -61"),
            ("blob_length", errno.EBADMSG, "adopt failed: -74"),
            ("blob_foreign", errno.ENXIO, "adopt failed: -6"),
            ("blob_doubled", errno.EEXIST, "abandon failed: -17"),
            ("blob_oversized", errno.EMSGSIZE, "abandon failed: -90"),
            ("blob_empty", errno.EINVAL, "abandon failed: -22"),
            ("blob_many", errno.ENOSPC, "abandon failed: -28"),
        ):
            with self.subTest(mode=mode), bench.Fio(self.slot.device):
                self.broken(mode)
                self.assertRefused(code, self.slot.swap, "1.1.0", deadline_ms=2000)
                self.assertEqual(self.slot.get("last_swap/reason"), reason)
                self.assertServes(BROKEN, 1)

    def test_a_record_that_nobody_knows_is_no_error(self) -> None:
        self.broken("blob_unknown")
        self.slot.swap("1.1.0")
        self.assertServes("1.1.0", 2)

    def test_abandon_that_hangs_is_left_alone(self) -> None:
        self.broken("abandon_hang")
        with bench.Fio(self.slot.device):
            self.assertRefused(errno.ETIMEDOUT, self.slot.swap, "1.1.0", deadline_ms=DEADLINE_MS)
            self.assertServes(BROKEN, 1)
            self.assertRefused(errno.EBUSY, self.slot.swap, "1.1.0")
        self.broken("none")
        bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the worker came back")
        self.slot.swap("1.1.0")
        self.assertServes("1.1.0", 2)


class Serving(Kernel):
    """The child that serves is broken, and there is nobody to come back: the damage is what it must be, and no more."""

    def setUp(self) -> None:
        super().setUp()
        self.broken("none")
        self.slot.swap(BROKEN)

    def read(self, *options: str) -> bytes:
        argv = ["dd", f"if={self.slot.device}", "bs=4k", "count=1", "iflag=direct", *options]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    def test_a_late_end_does_not_reach_the_next_child(self) -> None:
        self.broken("late_end")
        bench.run("blkdiscard", "--length", "4096", self.slot.device)
        self.slot.swap("1.0.0")
        with bench.Fio(self.slot.device):
            self.broken("none")
            bench.wait_until(lambda: self.slot.get("refused_ends") == "1", "the late end")
        self.assertServes("1.0.0", 2)
        self.assertEqual(self.slot.get("inflight"), "0")

    def test_one_leaked_request_keeps_the_swap_but_not_the_others(self) -> None:
        timeouts = pathlib.Path(f"/sys/module/{MODULE}/parameters/timeouts")
        pathlib.Path("/sys/block/twostep!t/queue/io_timeout").write_text("1000")
        self.broken("leak_one")
        reader = subprocess.Popen(["dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct"])
        bench.wait_until(lambda: self.slot.get("inflight") == "1", "the leak")
        with bench.Fio(self.slot.device):
            bench.wait_until(lambda: int(timeouts.read_text()) > 0, "the block layer's question")
        self.assertRefused(errno.ETIMEDOUT, self.slot.swap, "1.0.0", deadline_ms=DEADLINE_MS)
        self.assertRegex(self.slot.get("last_swap/reason"), r"drain did not end, 1 in flight, oldest: tag \d+ READ for \d+ ms")
        self.broken("none")
        self.assertEqual(reader.wait(timeout=60), 0)
        self.slot.swap("1.0.0")
        self.assertServes("1.0.0", 2)

    def test_the_oracles_see_what_the_parent_cannot(self) -> None:
        """Silent corruption and swallowed flushes are for rehearsal and verified I/O to find: they must be findable."""
        bench.run("dd", "if=/dev/zero", f"of={self.slot.device}", "bs=4k", "count=8", "oflag=direct")
        above = pathlib.Path(f"/sys/module/{MODULE}/parameters/above")
        above.write_text("8")
        self.broken("corrupt_hi")
        self.assertEqual(self.read(), bytes(4096))
        self.assertEqual(self.read("skip=1"), b"\xa5" * 4096)
        self.broken("corrupt")
        with self.assertRaisesRegex(AssertionError, "fio"), bench.Fio(self.slot.device) as fio:
            fio.process.wait(timeout=120)
        lower = pathlib.Path("/sys/block/vdb/stat")
        for mode, expected in (("none", 4), ("drop_flush", 0)):
            self.broken(mode)
            before = int(lower.read_text().split()[15])
            bench.run("dd", "if=/dev/zero", f"of={self.slot.device}", "bs=4k", "count=4", "oflag=direct,dsync")
            self.assertEqual(int(lower.read_text().split()[15]) - before >= expected, True)
            self.assertEqual(int(lower.read_text().split()[15]) == before, expected == 0)

    def test_sleeping_is_allowed(self) -> None:
        self.broken("sleepy", delay_ms=20)
        with bench.Fio(self.slot.device):
            pass
        self.slot.swap("1.0.0", deadline_ms=5000)
        self.assertServes("1.0.0", 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
