# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a warm upgrade is killed at its durable steps and before its commands: what it had stopped is brought back by the next call.

On the slots of molecule/warm/files/stack.sh.
"""

from __future__ import annotations

import os
import pathlib
import re
import sys
import threading
import time
import unittest

import bench
from host import STRIDE, Host, python_that_gets

CONFIGURATION = pathlib.Path("/etc/multipath.conf")
RULE = pathlib.Path("/etc/udev/rules.d/59-lab.rules")
# By itself it leaves devices alone that are not sd, dasd or nvme.
MULTIPATH = """defaults {
    find_multipaths no
    path_checker directio
    path_selector "round-robin 0"
    path_grouping_policy multibus
    no_path_retry queue
    polling_interval 1
    max_polling_interval 1
}
blacklist_exceptions {
    devnode "^(twostep/|loop)"
}
multipaths {
    multipath {
        wwid lab-shared
        alias shared
    }
}
"""
LONG = bool(os.environ.get("TWOSTEP_LONG"))
ARRAY = pathlib.Path("/sys/block/md0/md")


def out(*argv: str) -> list[str]:
    return bench.run(*argv, check=False).stdout.split()


def both_paths() -> list[str]:
    """Return the states of the map's paths; with fewer than two it is not what was made."""
    return re.findall(r"[0-9]+:[0-9]+ ([AF]) ", bench.run("dmsetup", "status", "shared", check=False).stdout)


class Warm(Host):
    old, new = "1.0.0", "2.0.0"
    mode = "warm"

    def killed_at(self, call: str) -> None:
        """Kill agents at each such call; begins and ends with ``new``."""
        begun = time.monotonic()
        self.swap(self.old)
        steps, phases = self.killed_at_each(call, stride=STRIDE)
        self.assertGreater(steps, 1)
        print(f"killed: {steps} times at {call}, in {sorted(phases)}; {time.monotonic() - begun:.0f} s", file=sys.stderr)
        self.swap(self.old)
        self.swap(self.new)


class AboveAMount(Warm):
    slot = "more"
    units = ("reader.service",)

    def assertNothingIsMissing(self) -> None:
        mounts = out("findmnt", "--noheadings", "--list", "--output=TARGET", "--source=/dev/twostep/more")
        self.assertEqual(sorted(mounts), ["/srv/more", "/srv/twice"])
        self.assertEqual(out("systemctl", "is-active", "reader", "writer"), ["active", "active"])

    @unittest.skipUnless(LONG, "in the short form it is killed while a path is away: make soak")
    def test_killed_before_a_command(self) -> None:
        self.killed_at("vfork")

    def test_somebody_unknown_keeps_it_busy(self) -> None:
        bench.run("systemd-run", "--unit=keeper", "sh", "-c", "cd /srv/more && exec sleep infinity")
        (pid,) = out("systemctl", "show", "--property=MainPID", "--value", "keeper")
        bench.wait_until(lambda: os.readlink(f"/proc/{pid}/cwd") == "/srv/more", "somebody works there")
        try:
            outcome = self.swap(self.old)
        finally:
            bench.run("systemctl", "stop", "keeper")
        assert outcome.result is not None
        self.assertEqual((outcome.result.outcome, outcome.result.code), ("returned", "consumer_not_stopped"))
        self.assertIn("target is busy", outcome.result.message)
        self.assertCommitted(self.new)
        self.assertNothingIsMissing()


class InAnArray(Warm):
    slot = "data"

    def assertNothingIsMissing(self) -> None:
        self.assertTrue((ARRAY / "dev-twostep!data").exists())
        bench.wait_until(lambda: (ARRAY / "degraded").read_text() == "0\n", "the array has both halves", 120)

    @unittest.skipUnless(LONG, "in the short form it is killed while a path is away: make soak")
    def test_killed_at_a_durable_step(self) -> None:
        self.killed_at("fsync")


class AlonePath(threading.Thread):
    """Watches a map for as long as a ``with`` block lasts: what it completes while it goes without a slot."""

    def __init__(self, disk: str, slot: str) -> None:
        super().__init__(daemon=True)
        self.disk = disk
        self.slave = pathlib.Path(f"/sys/block/{disk}/slaves/twostep!{slot}")
        self.over = threading.Event()
        self.times: list[list[int]] = []  # for each time without the slot: completed at its beginning, and at its end

    def run(self) -> None:
        was_there = True
        while not self.over.wait(0.01):  # a folder in sysfs, which offers nothing to wait on
            count, is_there = bench.completed(self.disk), self.slave.exists()
            if not is_there and was_there:
                self.times.append([count, count])
            elif not is_there:
                self.times[-1][1] = count
            was_there = is_there

    def __enter__(self) -> AlonePath:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        self.join()


class InAMultipath(Warm):
    """The map is dmsetup's, and multipathd does not run."""

    slot = "paths"
    device = "/dev/mapper/shared"

    def setUp(self) -> None:
        super().setUp()
        self.disk = os.path.basename(os.path.realpath(self.device))
        self.before = self.table()

    def number(self) -> str:
        return pathlib.Path(f"/sys/class/block/twostep!{self.slot}/dev").read_text().strip()

    def table(self) -> list[str]:
        """Return the words of the map's table, the slot by its name: its number may be another one each time."""
        number = self.number()
        return ["the slot" if word == number else word for word in out("dmsetup", "table", "shared")]

    def assertNothingIsMissing(self) -> None:
        paths = re.findall(r"([0-9]+:[0-9]+) ([AF]) ", bench.run("dmsetup", "status", "shared").stdout)
        self.assertEqual([state for _number, state in paths], ["A", "A"])
        self.assertEqual(paths[0][0], self.number())
        self.assertEqual(self.table(), self.before)
        self.assertIn("the slot", self.before)
        self.assertEqual(
            out("dmsetup", "info", "--columns", "--noheadings", "--options=tables_loaded,suspended", "shared"), ["Live:Active"]
        )

    def test_io_goes_on(self) -> None:
        with bench.Fio(self.device, disk=self.disk), AlonePath(self.disk, self.slot) as watch:
            for version in (self.old, self.new):
                self.swap(version)
                self.assertCommitted(version)
                self.assertNothingIsMissing()
        counts = [after - before for before, after in watch.times]
        print(f"alone: {counts} requests completed by the other path", file=sys.stderr)
        self.assertEqual(len(counts), 2)
        self.assertGreater(min(counts), 0)

    def test_an_agent_dies_while_the_path_is_away(self) -> None:
        """As it gives the empty slot to the other version: the device is gone, and what comes back has to be put into the map."""
        with bench.Fio(self.device, disk=self.disk), AlonePath(self.disk, self.slot) as watch:
            outcome = self.swap(self.old, python_that_gets("KILL", 1, "write", f"/sys/kernel/config/twostep/{self.slot}/swap"))
            assert outcome.result is not None
            self.assertEqual(outcome.result.code, "agent_died", outcome.result.message)
            self.assertIn("Brought back: /dev/twostep/paths in shared.", outcome.result.message)
            self.assertEqual(self.last_phase(outcome.result.swap_id), "replace begin")
            self.assertCommitted(self.new)
            self.assertSettled(outcome.result.swap_id)
            self.assertNothingIsMissing()
        self.assertEqual(len(watch.times), 1)
        self.assertGreater(watch.times[0][1], watch.times[0][0])


@unittest.skipUnless(LONG, "make soak")
class InAMultipathOfADaemon(InAMultipath):
    """The map is multipathd's, which has been told to take the slot for a path, and another device for the other one."""

    @classmethod
    def setUpClass(cls) -> None:
        slot = pathlib.Path(f"/sys/class/block/twostep!{cls.slot}/dev").read_text().strip()
        (other,) = [word for word in out("dmsetup", "table", "shared") if re.fullmatch("[0-9]+:[0-9]+", word) and word != slot]
        cls.other = os.path.basename(os.path.realpath(f"/sys/dev/block/{other}"))
        cls.addClassCleanup(cls.back_to_dmsetup, out("blockdev", "--getsz", f"/dev/twostep/{cls.slot}")[0])
        bench.run("dmsetup", "remove", "shared")
        CONFIGURATION.write_text(MULTIPATH)
        RULE.write_text(
            f'SUBSYSTEM=="block", KERNEL=="twostep?{cls.slot}|{cls.other}", ENV{{ID_SERIAL}}="lab-shared", ENV{{ID_WWN}}="lab-shared"\n'
        )
        bench.run("udevadm", "control", "--reload")
        bench.run("udevadm", "trigger", "--settle", f"/dev/twostep/{cls.slot}", f"/dev/{cls.other}")
        bench.run("systemctl", "start", "multipathd")
        bench.wait_until(lambda: both_paths() == ["A", "A"], "multipathd has both paths", 120)

    @classmethod
    def back_to_dmsetup(cls, sectors: str) -> None:
        bench.run("systemctl", "stop", "multipathd.socket", "multipathd.service")
        bench.run("dmsetup", "remove", "shared", check=False)  # it may not have come to that
        CONFIGURATION.unlink(missing_ok=True)
        RULE.unlink(missing_ok=True)
        bench.run("udevadm", "control", "--reload")
        table = f"0 {sectors} multipath 3 queue_if_no_path queue_mode bio 0 1 1 round-robin 0 2 1"
        bench.run("dmsetup", "create", "shared", "--uuid=mpath-shared", f"--table={table} /dev/twostep/{cls.slot} 1 /dev/{cls.other} 1")

    def assertNothingIsMissing(self) -> None:
        """Both paths are used, and multipathd knows both; in which order is its business."""
        bench.wait_until(lambda: both_paths() == ["A", "A"], "multipathd has both paths", 60)
        self.assertIn(self.number(), out("dmsetup", "table", "shared"))
        told = out("multipathd", "show", "paths", "raw", "format", "%D,%t,%m")
        self.assertIn(f"{self.number()},active,shared", told)

    def test_an_agent_dies_while_the_path_is_away(self) -> None:
        """What comes back multipathd may have seen before the next call; what counts is that it is there, and used."""
        with bench.Fio(self.device, disk=self.disk):
            outcome = self.swap(self.old, python_that_gets("KILL", 1, "write", f"/sys/kernel/config/twostep/{self.slot}/swap"))
            assert outcome.result is not None
            self.assertEqual(outcome.result.code, "agent_died", outcome.result.message)
            self.assertEqual(self.last_phase(outcome.result.swap_id), "replace begin")
            self.assertCommitted(self.new)
            self.assertSettled(outcome.result.swap_id)
            self.assertNothingIsMissing()


class SwapArea(Warm):
    slot = "room"

    def assertNothingIsMissing(self) -> None:
        self.assertEqual(out("swapon", "--show=NAME,PRIO", "--noheadings", "--raw"), ["/dev/twostep/room", "7"])

    def test_there_and_back(self) -> None:
        for version in (self.old, self.new):
            self.swap(version)
            self.assertCommitted(version)
            self.assertNothingIsMissing()
