# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kernel test has around it: a fresh slot, and a kernel log without alarms afterwards."""

from __future__ import annotations

import errno
import pathlib
import sys
import time
import unittest

import bench


class Kernel(unittest.TestCase):
    """A fresh slot for each test, and a kernel log without alarms after it."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.begun = time.monotonic()

    @classmethod
    def tearDownClass(cls) -> None:
        print(f"{cls.__name__}: {time.monotonic() - cls.begun:.1f} s", file=sys.stderr)

    def setUp(self) -> None:
        bench.run("dmesg", "--clear")
        bench.start_parent()
        self.slot = bench.Slot()
        self.addCleanup(self.finish)

    def finish(self) -> None:
        self.slot.remove()
        for module in sorted(bench.loaded()):
            if module.startswith("twostep_"):
                bench.unload(module)
        bench.unload("twostep")
        alarms = [line for line in bench.kernel_log().splitlines() if bench.ALARMS.search(line)]
        self.assertEqual(alarms, [])

    def assertRefused(self, code: int, action, *arguments: object, **words: object) -> None:
        with self.assertRaises(OSError) as caught:
            action(*arguments, **words)
        self.assertEqual(errno.errorcode[caught.exception.errno], errno.errorcode[code])

    def assertServes(self, version: str, generation: int) -> None:
        self.assertEqual((self.slot.get("state"), self.slot.get("version"), self.slot.generation), ("serving", version, generation))

    def wait_for_writes(self) -> None:
        """Return when the child has counted more than a hundred writes; that fio works says less."""
        bench.wait_until(lambda: self.slot.number("child/writes") > 100, "a hundred writes")

    def broken(self, mode: str, delay_ms: int = 0, version: str = "9.1.0") -> None:
        """Load the broken child and tell it how to fail: tests/kmod/broken/README.md."""
        bench.load(bench.module_of(version))
        parameters = pathlib.Path(f"/sys/module/{bench.module_of(version)}/parameters")
        (parameters / "delay_ms").write_text(str(delay_ms))
        (parameters / "mode").write_text(mode)
