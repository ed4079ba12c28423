# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""K40: the machine is suspended during swaps and in a hold; its clock wakes it."""

from __future__ import annotations

import ctypes
import errno
import os
import pathlib
import threading
import unittest

import bench
from neighbour import LONG, Hold, Neighbour

POWER = pathlib.Path("/sys/power")
CLOCK_BOOTTIME_ALARM = 9


def alarm(milliseconds: int) -> int:
    """Return a timer that aborts a suspend that begins within two seconds of its end, after tasks were frozen."""
    libc = ctypes.CDLL(None, use_errno=True)
    timer = libc.timerfd_create(CLOCK_BOOTTIME_ALARM, 0)
    value = (ctypes.c_long * 4)(0, 0, milliseconds // 1000, milliseconds % 1000 * 10**6)
    if timer < 0 or libc.timerfd_settime(timer, 0, value, None):
        raise OSError(ctypes.get_errno(), "timerfd")
    return timer


@unittest.skipUnless("mem" in (POWER / "state").read_text().split(), "this kernel cannot suspend")
class Suspend(Neighbour):
    def sleep(self, seconds: int = 2) -> None:
        """Suspend to memory. An alarm that came before the machine slept calls the suspend off; it would sleep for ever else."""
        (POWER / "wakeup_count").write_text((POWER / "wakeup_count").read_text())
        bench.run("rtcwake", "--mode", "mem", "--seconds", str(seconds))
        self.assertIn("PM: suspend exit", bench.kernel_log())

    def test_during_swaps(self) -> None:
        over, swaps, refused = threading.Event(), [], []

        def swap() -> None:
            while not over.is_set():
                try:
                    self.change(1, works=False)
                    swaps.append(self.slot.generation)
                except OSError as error:  # while the machine goes to sleep
                    refused.append(errno.errorcode[error.errno])

        thread = threading.Thread(target=swap)
        with bench.Fio(self.slot.device):
            thread.start()
            try:
                for _time in range(10 if LONG else 2):
                    before = len(swaps)
                    self.sleep()
                    bench.wait_until(lambda before=before: len(swaps) > before + 1, "swaps go on")
            finally:
                over.set()
                thread.join()
            self.goes_on()
        self.assertLessEqual(set(refused), {"EBUSY", "EAGAIN"})

    def test_in_a_hold(self) -> None:
        """With waiting tasks, which cannot be frozen, and without: it sleeps when the hold has ended."""
        for users in (True, False):
            fio = bench.Fio(self.slot.device)
            if users:
                fio.__enter__()
            with Hold(self.slot, deadline_ms=2000, expires=True):
                self.sleep(8)
            self.assertLess(self.slot.number("last_swap/hold_ns"), 2500 * 10**6)
            if users:
                self.goes_on()
                fio.__exit__()
            self.change(2, works=False)

    def test_a_freeze_that_is_called_off(self) -> None:
        with bench.Fio(self.slot.device):
            for _time in range(3):
                timer = alarm(1500)
                self.addCleanup(os.close, timer)
                asker = self.start("sh", "-c", f"exec 2>&1; echo freeze > {POWER}/state")
                self.change(1, works=False)
                self.assertNotEqual(asker.wait(timeout=30), 0)
                self.assertIn("alarmtimer", bench.kernel_log())
                self.goes_on()
                self.change(1)
