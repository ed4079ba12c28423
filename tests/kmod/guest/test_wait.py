# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that wait in a hold: for durability, for a frozen file system, and while they are killed."""

from __future__ import annotations

import signal
import subprocess
import time

import bench
import neighbour
from neighbour import EXPIRES_MS, Hold, Neighbour

SYNC = """
import ctypes, mmap, os, sys
how, path, mark = sys.argv[1], sys.argv[2], sys.argv[3].encode()
file = os.open(path, os.O_RDWR | (os.O_SYNC if how == "O_SYNC" else 0))
view = mmap.mmap(file, 4096)
if how == "msync": view[:] = mark * 4096
elif how != "O_SYNC": os.pwrite(file, mark * 4096, 0)
print("dirty", flush=True)
sys.stdin.readline()
if how == "O_SYNC": os.pwrite(file, mark * 4096, 0)
elif how == "msync": view.flush()
elif how == "syncfs":
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(file): raise OSError(ctypes.get_errno(), "syncfs")
else: getattr(os, how)(file)
"""
CALLS = ("fsync", "fdatasync", "O_SYNC", "msync", "syncfs")


class FileSystem(Neighbour):
    """ext4 on the slot."""

    def setUp(self) -> None:
        super().setUp()
        self.root = neighbour.ext4(self, self.slot.device)

    def test_durable_calls_wait_and_succeed(self) -> None:
        """K32"""
        for turn, expires in (("a", False), ("b", True)):
            callers = []
            for call in CALLS:
                path = self.root / call
                path.write_bytes(b"-" * 4096)
                bench.run("sync", str(path))
                caller = subprocess.Popen(["python3", "-c", SYNC, call, str(path), turn], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
                self.addCleanup(caller.kill)
                self.assertEqual(caller.stdout.readline(), "dirty\n")
                callers.append(caller)
            with Hold(self.slot, deadline_ms=EXPIRES_MS if expires else 10000, expires=expires) as hold:
                for caller in callers:
                    caller.stdin.write("go\n")
                    caller.stdin.flush()
                for call, caller in zip(CALLS, callers):
                    neighbour.wait_for_sleep(caller, f"{call} waits")
                self.assertTrue(hold.lasts())
            for call, caller in zip(CALLS, callers):
                output = caller.communicate(timeout=30)[0]
                self.assertEqual((caller.returncode, output), (0, ""), call)
            # Durable: what the lower device has now is what was promised, whatever the caches say.
            found = neighbour.on_disk(bench.LOWER, CALLS)
            self.assertEqual(found, {call: turn.encode() * 4096 for call in CALLS})

    def test_freezing_is_independent(self) -> None:
        """K33: before, during and after a hold."""
        (self.root / "file").write_bytes(b"x" * 65536)
        bench.run("fsfreeze", "--freeze", str(self.root))
        self.change(2, works=False)
        writer = self.start("dd", "if=/dev/zero", f"of={self.root}/frozen", "bs=4k", "count=4")
        with Hold(self.slot):
            thaw = self.start("fsfreeze", "--unfreeze", str(self.root))
        self.ended(thaw)
        self.ended(writer)
        (self.root / "file").write_bytes(b"y" * 65536)
        with Hold(self.slot) as hold:
            freeze = self.start("fsfreeze", "--freeze", str(self.root))
            neighbour.wait_for_sleep(freeze, "the freeze waits")
            self.assertTrue(hold.lasts())
        self.ended(freeze)
        self.change(2, works=False)
        bench.run("fsfreeze", "--unfreeze", str(self.root))
        self.assertEqual((self.root / "file").read_bytes(), b"y" * 65536)


class Signal(Neighbour):
    """K31: tasks that wait for the slot are signalled."""

    def test_a_killed_task_ends_after_the_hold(self) -> None:
        def readers() -> list[subprocess.Popen]:
            return [
                self.start("dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=4", f"skip={number}", "iflag=direct")
                for number in range(4)
            ]

        with Hold(self.slot) as hold:
            killed, told = readers(), readers()
            for reader in killed + told:
                neighbour.wait_for_sleep(reader, "a reader waits")
            for reader in killed:
                reader.kill()
            for reader in told:
                reader.send_signal(signal.SIGUSR1)
            self.assertTrue(hold.lasts())
            self.assertEqual([reader.poll() for reader in killed + told], [None] * 8)
        for reader in killed:
            self.assertNotIn("error", self.ended(reader, -signal.SIGKILL))
        for reader in told:
            self.assertNotIn("error", self.ended(reader))
        self.assertEqual(self.slot.get("inflight"), "0")

    def test_a_killed_ring_ends_after_the_hold(self) -> None:
        for engine in ("io_uring", "libaio"):
            fio = bench.Fio(self.slot.device, f"--ioengine={engine}", "--thread")
            fio.__enter__()
            self.addCleanup(fio.process.kill)
            with Hold(self.slot):
                fio.process.kill()
            self.assertEqual(fio.process.wait(timeout=30), -signal.SIGKILL)
            bench.wait_until(lambda: self.slot.get("openers") == "0", "the killed task's files are closed")
            self.assertEqual(self.slot.get("inflight"), "0")
            self.change(2, works=False)


class Clock(Neighbour):
    """K60: the wall clock is set in a hold; the deadline and who waits do not care."""

    def test_the_deadline_is_not_the_wall_clocks(self) -> None:
        for jump_s in (86400, -86400):
            with Hold(self.slot, deadline_ms=EXPIRES_MS, expires=True) as hold:
                reader = self.start("dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct")
                neighbour.wait_for_sleep(reader, "the reader waits")
                time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + jump_s)
                self.assertTrue(hold.lasts())
            self.ended(reader)
            self.assertGreaterEqual(self.slot.number("last_swap/hold_ns"), EXPIRES_MS * 10**6)
            self.assertLess(self.slot.number("last_swap/hold_ns"), 10000 * 10**6)
        self.change(2, works=False)
