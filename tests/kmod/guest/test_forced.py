# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""rmmod -f of a child that serves: the parked one takes over, or the slot fails clean and can be given a child again."""

from __future__ import annotations

import unittest

import bench
from case import Kernel


class Forced(Kernel):
    def setUp(self) -> None:
        super().setUp()
        self.slot.swap("1.0.0")

    def test_the_parked_child_takes_over(self) -> None:
        self.slot.swap("1.1.0")
        with bench.Fio(self.slot.device):
            bench.run("rmmod", "--force", "twostep_remap_1_1_0")
            self.assertServes("1.0.0", 3)
        self.assertIn("unloaded by force", self.slot.get("last_swap/reason"))
        self.assertEqual(self.slot.get("parked"), "")

    def test_the_parked_child_takes_over_even_from_one_without_a_way_back(self) -> None:
        self.slot.swap("9.6.0", one_way=1)
        self.assertEqual(self.slot.get("probation"), "one_way")
        with bench.Fio(self.slot.device):
            bench.run("rmmod", "--force", "twostep_remap_9_6_0")
            self.assertServes("1.0.0", 3)

    def test_the_parked_child_goes(self) -> None:
        self.slot.swap("1.1.0")
        with bench.Fio(self.slot.device):
            bench.run("rmmod", "--force", "twostep_remap_1_0_0")
        self.assertServes("1.1.0", 2)
        self.assertEqual((self.slot.get("parked"), self.slot.get("probation")), ("", "none"))

    def test_without_a_parked_child_requests_fail_until_one_comes(self) -> None:
        bench.run("rmmod", "--force", "twostep_remap_1_0_0")
        self.assertEqual((self.slot.get("state"), self.slot.get("version"), self.slot.generation), ("failed", "", 2))
        read = ["dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct"]
        self.assertIn("Input/output error", bench.run(*read, check=False).stderr)
        bench.run("dmesg", "--clear")  # the error above is wanted
        self.slot.swap("1.1.0")
        self.assertServes("1.1.0", 3)
        bench.run(*read)


if __name__ == "__main__":
    unittest.main(verbosity=2)
