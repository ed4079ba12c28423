# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probation: a new child that fails, stalls or is unwell goes, the old one comes back, and no I/O is lost."""

from __future__ import annotations

import errno
import pathlib
import subprocess
import unittest

import bench
from case import Kernel

NTH = pathlib.Path("/sys/module/twostep_remap_9_1_0/parameters/nth")


class Probation(Kernel):
    """1.0.0 serves, then the broken child, which works until it is told otherwise."""

    def setUp(self) -> None:
        super().setUp()
        self.slot.swap("1.0.0")

    def begin(self, **words: object) -> None:
        self.broken("none")
        self.slot.swap("9.1.0", **words)
        self.assertEqual((self.slot.get("parked"), self.slot.get("probation")), ("1.0.0", "watching"))

    def await_return(self, cause: str) -> None:
        """Wait until the old child is back, for this cause and no other."""
        bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the return")
        self.assertIn(f"probation: {cause}", self.slot.get("last_swap/reason"))
        self.assertServes("1.0.0", 3)
        self.assertEqual((self.slot.get("previous"), self.slot.get("parked")), ("9.1.0", ""))
        self.assertGreater(self.slot.number("last_swap/return_hold_ns"), 0)
        bench.wait_until(lambda: self.slot.get("probation") == "none", "the end of the probation")
        bench.wait_until(lambda: bench.run("rmmod", "twostep_remap_9_1_0", check=False).returncode == 0, "the failed child's release")

    def test_no_failed_request_reaches_the_application(self) -> None:
        for nth, bound in ((1, 0), (10, 5), (100, 0)):
            with self.subTest(nth=nth, bound=bound):
                self.slot.set("probation_errors", str(bound))
                with bench.Fio(self.slot.device):
                    self.begin()
                    NTH.write_text(str(nth))
                    self.broken("eio")
                    bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the return")
                self.await_return(f"{bound + 1} requests failed")
            self.begin_again()

    def begin_again(self) -> None:
        """Take a fresh slot."""
        self.slot.remove()
        self.slot = bench.Slot()
        self.slot.swap("1.0.0")

    def test_it_is_watched_from_its_first_request_on(self) -> None:
        for mode in ("eio", "refuse"):
            with self.subTest(mode=mode), bench.Fio(self.slot.device):
                self.broken(mode)
                self.slot.swap("9.1.0", deadline_ms=2000)
                bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the return")
            self.await_return("1 requests failed, the last one with -5")
            self.begin_again()

    def test_a_child_that_is_asked_for_its_health_for_ever_goes(self) -> None:
        hangs = pathlib.Path("/sys/module/twostep_remap_9_1_0/parameters/health_hangs")
        with bench.Fio(self.slot.device):
            self.begin()
            self.broken("health_hang")
            bench.wait_until(lambda: hangs.read_text() != "0\n", "the question")
            self.broken("eio")
            bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the return")
            self.broken("none")
        self.await_return("1 requests failed, the last one with -5")

    def test_stalled_requests_go_on_with_the_old_child(self) -> None:
        self.slot.set("probation_stall_ms", "500")
        with bench.Fio(self.slot.device):
            self.begin(deadline_ms=2000)
            self.broken("stall")
            bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the return")
        self.await_return("request stalled: tag ")

    def test_a_child_that_is_unwell_goes(self) -> None:
        with bench.Fio(self.slot.device):
            self.begin()
            self.broken("health_bad")
            bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the return")
        self.await_return("health: -5")

    def test_whoever_sees_the_return_may_go_on_at_once(self) -> None:
        for what in (lambda: self.slot.swap("1.1.0"), lambda: self.slot.set("active", "0")):
            self.begin()
            self.broken("release_slow", delay_ms=1000)
            bench.wait_until(lambda: self.slot.get("version") == "1.0.0", "the return")
            what()
            self.begin_again()

    def test_no_return_while_requests_are_not_given_back(self) -> None:
        self.slot.set("probation_stall_ms", "300")
        with bench.Fio(self.slot.device):
            self.begin(deadline_ms=300)
            self.broken("leak")
            bench.wait_until(lambda: "no return: deadline of 300 ms passed" in self.slot.get("last_swap/reason"), "the try")
            self.assertServes("9.1.0", 2)
            self.assertIn("drain did not end", self.slot.get("last_swap/reason"))
            self.broken("none")
            bench.wait_until(lambda: self.slot.get("state") == "serving" and self.slot.get("inflight") != "", "serving")

    def test_the_commit_ends_it(self) -> None:
        self.begin()
        self.slot.commit()
        self.assertEqual(self.slot.get("probation"), "none")
        self.broken("eio")
        done = bench.run("dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct", check=False)
        self.assertIn("Input/output error", done.stderr)
        self.assertServes("9.1.0", 2)
        self.broken("none")
        bench.run("dmesg", "--clear")  # the error above is wanted

    def test_one_way_needs_consent(self) -> None:
        self.assertRefused(errno.ENOTRECOVERABLE, self.slot.swap, "9.6.0")
        self.assertIn("no way back", self.slot.get("last_swap/reason"))
        self.assertServes("1.0.0", 1)
        self.slot.swap("9.6.0", one_way=1)
        self.assertServes("9.6.0", 2)
        self.assertEqual(self.slot.get("probation"), "one_way")
        self.slot.commit()
        self.assertRefused(errno.EPROTO, self.slot.swap, "1.0.0")

    def test_a_larger_device_is_seen_after_the_commit(self) -> None:
        def resize(verb: str, sectors: int) -> None:
            bench.run("dmsetup", verb, "growing", "--table", f"0 {sectors} linear /dev/vdc 0")

        resize("create", 65536)
        self.addCleanup(bench.run, "dmsetup", "remove", "--retry", "growing")
        slot = bench.Slot("growing", "/dev/mapper/growing")
        self.addCleanup(slot.remove)
        slot.swap("1.0.0")
        size = pathlib.Path("/sys/block/twostep!growing/size")
        resize("reload", 131072)
        bench.run("dmsetup", "resume", "growing")
        slot.swap("1.1.0")
        self.assertEqual(size.read_text(), "65536\n")
        slot.commit()
        self.assertEqual(size.read_text(), "131072\n")
        resize("reload", 65536)
        bench.run("dmsetup", "resume", "growing")
        with self.assertRaises(OSError) as caught:
            slot.swap("1.0.0")
        self.assertEqual(caught.exception.errno, errno.EPERM)
        self.assertEqual(slot.get("last_swap/reason"), "limits: smaller capacity")


class Inflight(Kernel):
    """Requests that the old child keeps: drained, given to the new one, or failed, as the slot says."""

    def setUp(self) -> None:
        super().setUp()
        self.broken("none")
        self.slot.swap("9.1.0")

    def stuck_reader(self, mode: str) -> subprocess.Popen:
        self.broken(mode)
        reader = subprocess.Popen(
            ["dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct"], stderr=subprocess.PIPE, text=True
        )
        bench.wait_until(lambda: self.slot.get("inflight") == "1", "a request in the child")
        return reader

    def test_drain_names_what_does_not_end(self) -> None:
        reader = self.stuck_reader("stall")
        self.assertRefused(errno.ETIMEDOUT, self.slot.swap, "1.0.0", deadline_ms=300)
        self.assertRegex(self.slot.get("last_swap/reason"), r"drain did not end, 1 in flight, oldest: tag \d+ READ for \d+ ms")
        self.assertServes("9.1.0", 1)
        self.broken("none")
        reader.communicate(timeout=60)
        self.assertEqual(reader.returncode, 0)

    def test_reissue_gives_them_to_the_new_child(self) -> None:
        self.slot.set("inflight_policy", "reissue")
        reads = self.slot.number("child/reads")
        reader = self.stuck_reader("stall")
        self.slot.swap("1.0.0", deadline_ms=2000, drain_ms=100)
        reader.communicate(timeout=60)
        self.assertEqual(reader.returncode, 0)
        self.assertServes("1.0.0", 2)
        self.assertEqual(self.slot.number("child/reads"), reads + 1)

    def test_given_back_at_the_deadline(self) -> None:
        """Whoever of the two is first: the request goes on, with the new child or the old one."""
        self.slot.set("inflight_policy", "reissue")
        for drain_ms in range(294, 301):
            with self.subTest(drain_ms=drain_ms):
                reader = self.stuck_reader("stall")
                try:
                    self.slot.swap("1.0.0", deadline_ms=300, drain_ms=drain_ms)
                except OSError as refused:
                    self.assertEqual(refused.errno, errno.ETIMEDOUT)
                self.broken("none")
                reader.communicate(timeout=60)
                self.assertEqual(reader.returncode, 0)
            bench.wait_until(lambda: self.slot.get("last_swap/result") != "running", "the worker's end")
            self.slot.remove()
            self.slot = bench.Slot()
            self.slot.set("inflight_policy", "reissue")
            self.slot.swap("9.1.0")

    def test_fail_ends_them(self) -> None:
        self.slot.set("inflight_policy", "fail")
        reader = self.stuck_reader("stall")
        self.slot.swap("1.0.0", deadline_ms=2000, drain_ms=100)
        self.assertIn("Input/output error", reader.communicate(timeout=60)[1])
        self.assertServes("1.0.0", 2)
        bench.run("dmesg", "--clear")  # the error above is wanted

    def test_what_is_not_given_back_undoes_the_swap(self) -> None:
        self.slot.set("inflight_policy", "reissue")
        reader = self.stuck_reader("leak")
        self.assertRefused(errno.ETIMEDOUT, self.slot.swap, "1.0.0", deadline_ms=300)
        self.assertServes("9.1.0", 1)
        self.broken("none")
        reader.communicate(timeout=60)
        self.assertEqual(reader.returncode, 0)

    def test_a_second_end_is_refused(self) -> None:
        self.broken("double_end")
        bench.run("blkdiscard", "--length", "4096", self.slot.device)
        self.assertEqual(self.slot.get("refused_ends"), "1")
        self.assertIn("which it does not have: refused", bench.kernel_log())

    def test_policies_are_checked(self) -> None:
        for name, value, code in (
            ("inflight_policy", "maybe", errno.EINVAL),
            ("probation_errors", "-1", errno.EINVAL),
            ("probation_stall_ms", "600001", errno.ERANGE),
        ):
            self.assertRefused(code, self.slot.set, name, value)


if __name__ == "__main__":
    unittest.main(verbosity=2)
