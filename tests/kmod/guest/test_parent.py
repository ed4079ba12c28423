# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parent's guarantees on a real kernel, with real and deliberately broken children.

Run inside a guest: ``python3 -m unittest -v test_parent`` (see molecule/kernel).
"""

from __future__ import annotations

import errno
import os
import pathlib
import subprocess
import threading
import unittest

import bench
from case import Kernel

DEADLINE_MS = 500
UNLOAD_MS = 3000  # enough for an emulated rmmod on a busy machine


class Control(Kernel):
    def test_first_adoption_makes_the_device(self) -> None:
        self.assertEqual(self.slot.get("state"), "empty")
        self.slot.swap("1.0.0")
        self.assertServes("1.0.0", 1)
        self.assertTrue(pathlib.Path(self.slot.device).is_block_device())
        self.assertEqual(pathlib.Path("/sys/block/twostep!t/size").read_text(), pathlib.Path("/sys/block/vdb/size").read_text())

    def test_names_and_requests_are_checked(self) -> None:
        for name in ("UPPER", "0first", "with.dot", "-dash", "x" * 17):
            self.assertRefused(errno.EINVAL, os.mkdir, bench.CONFIG / name)
        self.slot.swap("1.0.0")
        for line, code in (
            ("version=1.1.0", errno.EINVAL),
            ("generation=1", errno.EINVAL),
            ("version=1.1.0 generation=-1", errno.EINVAL),
            ("version=1.1.0 generation=1 mode=now", errno.EINVAL),
            ("version=1.1.0 generation=1 colour=red", errno.EINVAL),
            ("version=1.1.0 generation=1 deadline_ms=0", errno.ERANGE),
            ("version=1.1.0 generation=1 deadline_ms=10001", errno.ERANGE),
            ("version=1.1.0 generation=1 deadline_ms=99999999999999999999", errno.ERANGE),
            ("version=" + "1" * 40 + " generation=1", errno.EINVAL),
            ("version=9.9.9 generation=1", errno.ENOENT),
        ):
            with self.subTest(line=line):
                self.assertRefused(code, self.slot.set, "swap", line)
        self.assertServes("1.0.0", 1)

    def test_only_the_right_to_load_modules_can_swap(self) -> None:
        self.slot.swap("1.0.0")
        bench.load("twostep_remap_1_1_0")
        line = self.slot.line("1.1.0")
        done = bench.run(
            "setpriv", "--bounding-set=-sys_module", "--inh-caps=-sys_module", "python3", "-c",
            "import os, sys; os.write(os.open(sys.argv[1], os.O_WRONLY), sys.argv[2].encode())",
            str(self.slot.config / "swap"), line, check=False,
        )  # fmt: skip
        self.assertIn("Operation not permitted", done.stderr)
        self.assertServes("1.0.0", 1)
        modes = {name: oct((self.slot.config / name).stat().st_mode & 0o777) for name in ("swap", "commit", "active")}
        self.assertEqual(modes, {"swap": "0o200", "commit": "0o200", "active": "0o644"})

    def test_what_is_in_use_stays(self) -> None:
        self.slot.swap("1.0.0")
        self.assertRefused(errno.EBUSY, os.rmdir, self.slot.config)
        bench.run("udevadm", "settle")
        with open(self.slot.device, "rb"):
            self.assertRefused(errno.EBUSY, self.slot.set, "active", "0")
        for module in ("twostep_remap_1_0_0", "twostep"):
            self.assertNotEqual(bench.run("rmmod", module, check=False).returncode, 0)
        self.slot.swap("1.1.0")
        self.assertNotEqual(bench.run("rmmod", "twostep_remap_1_0_0", check=False).returncode, 0)  # parked
        self.assertRefused(errno.EBUSY, self.slot.swap, "1.0.0")  # before the commit
        self.slot.commit()
        bench.unload("twostep_remap_1_0_0")
        self.assertServes("1.1.0", 2)

    def test_a_bad_lower_device_makes_nothing(self) -> None:
        self.slot.set("params", "lower=/dev/nowhere")
        self.assertRefused(errno.ENOENT, self.slot.swap, "1.0.0")
        self.slot.set("params", "nothing")
        self.assertRefused(errno.EINVAL, self.slot.swap, "1.0.0")
        self.assertEqual((self.slot.get("state"), self.slot.generation), ("empty", 0))


class Handover(Kernel):
    def test_verified_io_does_not_notice(self) -> None:
        self.slot.swap("1.0.0")
        with bench.Fio(self.slot.device):
            for expected in range(2, 22):
                self.slot.swap("1.1.0" if expected % 2 == 0 else "1.0.0", deadline_ms=2000)
                self.assertEqual(self.slot.generation, expected)
                self.assertEqual(self.slot.get("last_swap/result"), "ok")
                self.assertLess(self.slot.number("last_swap/hold_ns"), 2000 * 1000 * 1000)
                self.slot.commit()
        self.assertEqual(self.slot.number("child/errors"), 0)
        self.assertEqual(self.slot.get("inflight"), "0")

    def test_counters_survive_there_and_back(self) -> None:
        self.slot.swap("1.0.0")
        with bench.Fio(self.slot.device):
            self.wait_for_writes()
        counts = {name: self.slot.number(f"child/{name}") for name in ("reads", "writes", "flushes", "write_bytes")}
        self.assertGreater(counts["writes"], 100)
        self.assertGreater(counts["flushes"], 0)
        for version in ("1.1.0", "1.0.0"):
            self.slot.swap(version)
            for name, before in counts.items():
                self.assertGreaterEqual(self.slot.number(f"child/{name}"), before, (version, name))
            self.slot.commit()

    def test_flushes_reach_the_lower_device(self) -> None:
        lower = pathlib.Path("/sys/block/vdb/stat")
        self.assertEqual(pathlib.Path("/sys/block/vdb/queue/write_cache").read_text(), "write back\n")
        self.slot.swap("1.1.0")
        self.assertEqual(pathlib.Path("/sys/block/twostep!t/queue/write_cache").read_text(), "write back\n")
        before = int(lower.read_text().split()[15])
        bench.run("dd", "if=/dev/zero", f"of={self.slot.device}", "bs=4k", "count=8", "oflag=direct,dsync")
        self.assertGreaterEqual(int(lower.read_text().split()[15]) - before, 8)
        self.assertEqual(self.slot.number("child/flushes") > 0, True)

    def test_a_stale_request_changes_nothing(self) -> None:
        self.slot.swap("1.0.0")
        self.slot.swap("1.1.0")
        self.slot.commit()
        self.assertRefused(errno.ESTALE, self.slot.swap, "1.0.0", generation=1)
        self.assertRefused(errno.ESTALE, self.slot.set, "commit", "generation=1")
        self.assertServes("1.1.0", 2)

    def test_one_of_two_requests_wins(self) -> None:
        self.slot.swap("1.0.0")
        bench.load("twostep_remap_1_1_0")
        line, results = self.slot.line("1.1.0"), []

        def ask() -> None:
            try:
                self.slot.set("swap", line)
                results.append("ok")
            except OSError as refused:
                results.append(errno.errorcode[refused.errno])

        askers = [threading.Thread(target=ask) for _asker in range(8)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        self.assertEqual(results.count("ok"), 1)
        self.assertLessEqual(set(results), {"ok", "EBUSY", "ESTALE"})
        self.assertServes("1.1.0", 2)

    def test_a_child_that_cannot_take_over_is_refused(self) -> None:
        self.slot.swap("1.0.0")
        for version, code in (("9.3.0", errno.EPROTO), ("9.4.0", errno.EPERM), ("9.5.0", errno.E2BIG)):
            self.assertRefused(code, self.slot.swap, version)
            self.assertEqual(self.slot.get("last_swap/result"), "failed")
            self.assertServes("1.0.0", 1)
        done = bench.run("insmod", str(bench.MODULES / "twostep_remap_9_2_0.ko"), check=False)
        self.assertIn("Protocol error", done.stderr)
        self.assertIn("twostep_remap_9_2_0 refused: contract 2.0, the parent's is 1.0", bench.kernel_log())


class Failure(Kernel):
    def setUp(self) -> None:
        super().setUp()
        self.slot.swap("1.0.0")

    def test_an_error_leaves_the_old_child_serving(self) -> None:
        with bench.Fio(self.slot.device):
            for mode, code, reason in (
                ("prepare_err", errno.ENOMEM, "prepare failed: -12"),
                ("adopt_err", errno.EIO, "adopt failed: -5"),
            ):
                self.broken(mode)
                self.assertRefused(code, self.slot.swap, "9.1.0")
                self.assertEqual(self.slot.get("last_swap/reason"), reason)
                self.assertServes("1.0.0", 1)
        self.broken("none")
        self.slot.swap("9.1.0")  # a retry may succeed
        self.assertServes("9.1.0", 2)
        self.slot.commit()
        self.broken("abandon_err")
        self.assertRefused(errno.EUCLEAN, self.slot.swap, "1.0.0")
        self.assertServes("9.1.0", 2)
        self.broken("none")

    def test_a_late_adopt_is_thrown_away(self) -> None:
        self.broken("adopt_late", delay_ms=3 * DEADLINE_MS)
        with bench.Fio(self.slot.device) as fio:
            self.assertRefused(errno.ETIMEDOUT, self.slot.swap, "9.1.0", deadline_ms=DEADLINE_MS)
        bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the worker says why")
        self.assertIn("adopt came late", self.slot.get("last_swap/reason"))
        self.assertServes("1.0.0", 1)
        # The application's view: what waited, waited for the deadline, not for the adopt.
        worst_ms = max(fio.job[way]["lat_ns"]["max"] for way in ("read", "write")) / 1e6
        self.assertLess(worst_ms, 3 * DEADLINE_MS)
        bench.wait_until(lambda: bench.run("rmmod", "twostep_remap_9_1_0", check=False).returncode == 0, "unload")

    def test_a_hanging_adopt_blocks_only_its_swap(self) -> None:
        self.broken("adopt_hang")
        self.assertRefused(errno.ETIMEDOUT, self.slot.swap, "9.1.0", deadline_ms=DEADLINE_MS)
        self.assertServes("1.0.0", 1)
        with bench.Fio(self.slot.device):
            self.assertRefused(errno.EBUSY, self.slot.swap, "1.1.0")
        self.broken("none")
        bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the candidate came back")
        self.slot.swap("1.1.0")
        self.assertServes("1.1.0", 2)

    def test_a_killed_requester_changes_nothing(self) -> None:
        self.broken("adopt_late", delay_ms=300)
        with bench.Fio(self.slot.device):
            asker = subprocess.Popen(["sh", "-c", f"echo {self.slot.line('9.1.0', deadline_ms=5000)} > {self.slot.config}/swap"])
            bench.wait_until(lambda: self.slot.get("state") == "held", "the hold")
            asker.kill()
            asker.wait()
            bench.wait_until(lambda: self.slot.get("last_swap/result") == "ok", "the swap's own end")
        self.assertServes("9.1.0", 2)

    def test_a_drain_that_does_not_end_is_undone(self) -> None:
        sectors = int(pathlib.Path("/sys/block/vdc/size").read_text())
        bench.run("dmsetup", "create", "stuck", "--table", f"0 {sectors} linear /dev/vdc 0")
        self.addCleanup(bench.run, "dmsetup", "remove", "--retry", "stuck")
        slot = bench.Slot("stuck", "/dev/mapper/stuck")
        self.addCleanup(slot.remove)
        slot.swap("1.0.0")
        bench.run("dmsetup", "suspend", "--noflush", "--nolockfs", "stuck")
        writer = subprocess.Popen(["dd", "if=/dev/zero", f"of={slot.device}", "bs=4k", "count=4", "oflag=direct"])
        bench.wait_until(lambda: slot.get("inflight") != "0", "a request in the child")
        with self.assertRaises(OSError) as caught:
            slot.swap("1.1.0", deadline_ms=DEADLINE_MS)
        self.assertEqual(caught.exception.errno, errno.ETIMEDOUT)
        self.assertIn("drain did not end, 1 in flight, oldest: tag ", slot.get("last_swap/reason"))
        self.assertEqual((slot.get("state"), slot.get("version")), ("serving", "1.0.0"))
        bench.run("dmsetup", "resume", "stuck")
        self.assertEqual(writer.wait(timeout=60), 0)
        slot.swap("1.1.0", deadline_ms=DEADLINE_MS)
        self.assertEqual(slot.get("version"), "1.1.0")


class TwoStep(Kernel):
    def setUp(self) -> None:
        super().setUp()
        self.slot.swap("1.0.0")

    def detach(self, version: str, **words: object) -> None:
        """The first step: the old child is released and its module unloaded."""
        words.setdefault("deadline_ms", 10000)
        self.slot.set("swap", self.slot.line(version, mode="two_step", **words))
        self.assertEqual((self.slot.get("state"), self.slot.get("version")), ("detached", ""))
        bench.unload("twostep_remap_1_0_0")

    def test_io_waits_while_the_modules_change(self) -> None:
        with bench.Fio(self.slot.device):
            self.wait_for_writes()
            self.detach("1.1.0")
            bench.load("twostep_remap_1_1_0")
            bench.wait_until(lambda: self.slot.get("state") == "serving", "adoption")
            self.assertServes("1.1.0", 2)
        self.assertEqual(self.slot.get("last_swap/result"), "ok")
        self.assertGreater(self.slot.number("child/writes"), 100)  # from before the swap, too
        self.assertGreater(self.slot.number("last_swap/held_requests"), 0)

    def test_at_the_deadline_the_old_module_is_asked_for(self) -> None:
        target = pathlib.Path(f"/lib/modules/{os.uname().release}/updates/dkms")
        target.mkdir(parents=True, exist_ok=True)
        link = target / "twostep_remap_1_0_0.ko"
        if not link.exists():
            link.write_bytes((bench.MODULES / link.name).read_bytes())
            self.addCleanup(bench.run, "depmod")
            self.addCleanup(link.unlink)
        parent = target / "twostep.ko"
        if not parent.exists():
            parent.write_bytes((bench.MODULES / parent.name).read_bytes())
            self.addCleanup(parent.unlink)
        bench.run("depmod")
        with bench.Fio(self.slot.device):
            self.detach("1.1.0", deadline_ms=UNLOAD_MS)
            bench.wait_until(lambda: self.slot.get("state") == "serving", "the old child's return")
        self.assertServes("1.0.0", 2)
        self.assertEqual(self.slot.get("last_swap/result"), "returned")

    def test_second_deadline_with_fail(self) -> None:
        self.slot.set("expiry_policy", "fail")
        self.detach("1.1.0", deadline_ms=UNLOAD_MS)
        bench.wait_until(lambda: self.slot.get("state") == "failed", "the second deadline")
        done = bench.run("dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct", check=False)
        self.assertIn("Input/output error", done.stderr)
        bench.run("dmesg", "--clear")  # the error above is wanted
        bench.load("twostep_remap_1_1_0")
        bench.wait_until(lambda: self.slot.get("state") == "serving", "adoption after all")
        bench.run("dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct")

    def test_second_deadline_though_the_successor_hangs(self) -> None:
        self.slot.set("expiry_policy", "fail")
        self.detach("9.1.0", deadline_ms=UNLOAD_MS)
        bench.run("insmod", str(bench.MODULES / "twostep_remap_9_1_0.ko"), "mode=adopt_hang")
        bench.wait_until(lambda: self.slot.get("state") == "failed", "the second deadline")
        self.broken("none")
        bench.wait_until(lambda: self.slot.get("state") == "serving", "adoption after all")
        self.assertServes("9.1.0", 2)

    def test_a_successor_that_fails_once_is_not_the_end(self) -> None:
        self.detach("9.1.0", deadline_ms=10000)
        bench.run("insmod", str(bench.MODULES / "twostep_remap_9_1_0.ko"), "mode=prepare_err")
        bench.wait_until(lambda: "9.1.0 cannot adopt: prepare failed (-12)" in bench.kernel_log(), "the try")
        bench.load("twostep_remap_1_0_0")
        bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the old child")
        self.assertServes("1.0.0", 2)

    def test_a_state_that_the_old_child_could_not_take_back_is_refused(self) -> None:
        other = bench.Slot("other", "/dev/vdc")
        self.addCleanup(other.remove)
        other.swap("9.6.0")
        self.assertRefused(errno.EPROTO, other.set, "swap", other.line("1.1.0", mode="two_step"))
        self.assertEqual((other.get("state"), other.get("version")), ("serving", "9.6.0"))

    def test_second_deadline_with_queue(self) -> None:
        self.detach("1.1.0", deadline_ms=UNLOAD_MS)
        reader = subprocess.Popen(["dd", f"if={self.slot.device}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct"])
        bench.wait_until(lambda: "I/O stays queued as configured" in bench.kernel_log(), "the second deadline")
        self.assertIsNone(reader.poll())
        bench.load("twostep_remap_1_1_0")
        self.assertEqual(reader.wait(timeout=60), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
