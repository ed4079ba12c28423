# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parent's pure parts, tested inside the kernel: tests/kmod/selftest. Loading that module runs it."""

from __future__ import annotations

import re
import unittest

import bench

MODULE = "twostep_selftest"
RESULT = re.compile(r"twostep_selftest: (not ok|ok) \d+ (.*)")


class SelfTest(unittest.TestCase):
    def test_all_parts(self) -> None:
        bench.run("dmesg", "--clear")
        bench.run("modprobe", "libcrc32c")
        done = bench.run("insmod", str(bench.MODULES / f"{MODULE}.ko"), check=False)
        self.addCleanup(bench.unload, MODULE)
        log = bench.kernel_log()
        results = RESULT.findall(log)
        self.assertEqual([name for word, name in results if word != "ok"], [], log)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{MODULE}: 1..{len(results)}\n", log)
        self.assertGreater(len(results), 0)
        self.assertEqual([line for line in log.splitlines() if bench.ALARMS.search(line)], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
