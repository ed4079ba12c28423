# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who comes at the same time as a swap: rmmod, a second swap, other slots, open, close and the slot's end."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import errno
import os
import threading
import time

import bench
from neighbour import LONG, MIB, Neighbour

DELETE_MODULE = 176  # the system call on x86-64


def delete_module(name: str) -> str:
    """Unload a module as rmmod does; return the name of the error, empty if it is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(DELETE_MODULE, name.encode(), os.O_NONBLOCK) == 0:
        return ""
    return errno.errorcode[ctypes.get_errno()]


@contextlib.contextmanager
def meanwhile(*actions):
    """Repeat each action in a thread of its own while the block runs. An exception of an action is raised at the end."""
    over = threading.Event()

    def repeat(action) -> None:
        while not over.is_set():
            action()

    with concurrent.futures.ThreadPoolExecutor(len(actions)) as pool:
        repeated = [pool.submit(repeat, action) for action in actions]
        try:
            yield
        finally:
            over.set()
        for future in repeated:
            future.result()


class Modules(Neighbour):
    """K18, K20, K22."""

    def test_what_is_in_use_is_not_unloaded(self) -> None:
        answers: list[tuple[str, str]] = []
        tried: tuple[str, ...] = ()
        lost = 0

        def rmmod() -> None:
            answers.extend((name, delete_module(name)) for name in tried or ("twostep",))

        with bench.Fio(self.slot.device), meanwhile(rmmod):
            for turn in range(turns := 100 if LONG else 20):
                old, new = ("1.1.0", "1.0.0") if self.slot.get("version") == "1.1.0" else ("1.0.0", "1.1.0")
                used = ("twostep", bench.module_of(old))
                bench.load(bench.module_of(new))
                tried = (*used, bench.module_of(new)) if turn % 4 == 3 else used
                try:
                    self.slot.set("swap", self.slot.line(new, deadline_ms=5000))
                except FileNotFoundError:  # turn 3: unloaded before the parent took it
                    lost += 1
                    continue
                tried = (*used, bench.module_of(new))
                before = len(answers)
                bench.wait_until(lambda before=before: len(answers) > before + 30, "rmmod is tried")
                self.assertEqual([answer for answer in answers[before + 3 : before + 30] if not answer[1]], [])
                tried, before = (), len(answers)
                bench.wait_until(lambda before=before: len(answers) > before + 3, "rmmod tries the parent alone")
                self.slot.commit()
                self.goes_on()
        self.assertEqual(self.slot.generation, 1 + turns - lost)
        self.assertGreater(turns, lost)
        unloaded = [name for name, answer in answers if not answer]
        self.assertNotIn("twostep", unloaded)
        self.assertLessEqual(len(unloaded), lost)
        self.assertLessEqual({answer for _name, answer in answers}, {"", "EAGAIN", "EBUSY", "ENOENT"})

    def test_a_module_is_there_once_and_only_the_named_one_adopts(self) -> None:
        for version in ("1.1.0", "9.1.0"):
            bench.load(bench.module_of(version))
        for version in ("1.0.0", "1.1.0"):
            done = bench.run("insmod", str(bench.MODULES / f"{bench.module_of(version)}.ko"), check=False)
            self.assertIn("File exists", done.stderr)
        self.slot.swap("1.1.0")
        self.slot.commit()
        self.assertServes("1.1.0", 2)
        users = {path.name: (path / "users").read_text().strip() for path in (bench.STATUS / "children").iterdir()}
        self.assertEqual(users, {"twostep_remap_1_0_0": "0", "twostep_remap_1_1_0": "1", "twostep_remap_9_1_0": "0"})


class Requests(Neighbour):
    """K23: one of two swaps wins, each time."""

    def ask(self, line: str, start: threading.Barrier) -> str:
        """Ask for a swap at the same moment as the other and return what came of it: ok or the error's name."""
        start.wait()
        try:
            self.slot.set("swap", line)
        except OSError as refused:
            return errno.errorcode[refused.errno]
        return "ok"

    def test_one_of_two_wins(self) -> None:
        for version in ("1.0.0", "1.1.0"):
            bench.load(bench.module_of(version))
        for turn in range(1000 if LONG else 100):
            line = self.slot.line("1.0.0" if turn % 2 else "1.1.0", deadline_ms=5000)
            with concurrent.futures.ThreadPoolExecutor(2) as askers:
                start = threading.Barrier(2)
                answers = list(askers.map(lambda both, line=line: self.ask(line, both), [start, start]))
            self.assertEqual(answers.count("ok"), 1, answers)
            self.assertLessEqual(set(answers), {"ok", "EBUSY", "ESTALE"})
            self.assertEqual(self.slot.generation, turn + 2)
            self.slot.commit()


class Slots(Neighbour):
    """K24: eight slots of one pair of modules, swapped in parallel."""

    def test_eight_at_once(self) -> None:
        size = 24 * MIB // 512
        bench.load("twostep_remap_1_1_0")
        slots = []
        for number in range(8):
            piece = f"piece{number}"
            bench.run("dmsetup", "create", piece, "--table", f"0 {size} linear /dev/vdc {number * size}")
            self.addCleanup(bench.run, "dmsetup", "remove", "--retry", piece)
            slots.append(bench.Slot(f"many-{'abcdefgh'[number]}", f"/dev/mapper/{piece}"))
            self.addCleanup(slots[-1].remove)
            slots[-1].swap("1.0.0")
        busy = (slots[0], slots[7])
        with bench.Fio(busy[0].device, "--size=8m"), bench.Fio(busy[1].device, "--size=8m"):
            with concurrent.futures.ThreadPoolExecutor(len(slots)) as pool:
                swaps = [pool.submit(self.change, 20 if LONG else 4, slot in busy, slot) for slot in slots]
            for swap in swaps:
                swap.result()
        self.assertEqual(len({slot.generation for slot in slots}), 1)


class End(Neighbour):
    """K25: opened, closed, taken down and removed while it is swapped."""

    def test_in_use_it_stays(self) -> None:
        answers = set()

        def end() -> None:
            for action in (lambda: self.slot.set("active", "0"), lambda: os.rmdir(self.slot.config)):
                try:
                    action()
                    answers.add("")
                except OSError as refused:
                    answers.add(errno.errorcode[refused.errno])

        def open_and_close() -> None:
            os.close(os.open(self.slot.device, os.O_RDWR))

        with bench.Fio(self.slot.device), meanwhile(end, open_and_close):
            self.change(10)
        self.assertEqual(answers, {"EBUSY"})

    def test_unused_it_goes_whole_and_comes_back(self) -> None:
        answers: dict[str, set[str]] = {"swap": set(), "commit": set(), "active": set(), "open": set()}
        slowest = [0.0]

        def attempt(name: str, action) -> None:
            begun = time.monotonic()
            try:
                action()
                answers[name].add("ok")
            except OSError as refused:
                answers[name].add(errno.errorcode[refused.errno])
            slowest[0] = max(slowest[0], time.monotonic() - begun)

        def open_and_close() -> None:
            attempt("open", lambda: os.close(os.open(self.slot.device, os.O_RDONLY)))

        bench.load("twostep_remap_1_1_0")
        with meanwhile(lambda: attempt("active", lambda: self.slot.set("active", "0")), open_and_close):
            for turn in range(100):
                version = "1.1.0" if turn % 2 else "1.0.0"
                attempt("swap", lambda version=version: self.slot.set("swap", self.slot.line(version, deadline_ms=5000)))
                attempt("commit", self.slot.commit)
        self.assertLess(slowest[0], 10)
        self.assertIn("ok", answers["active"])
        self.assertIn("ok", answers["swap"])
        self.assertLessEqual(answers["swap"] | answers["commit"] | answers["active"], {"ok", "EBUSY", "ESTALE"})
        self.assertLessEqual(answers["open"], {"ok", "ENOENT", "ENXIO", "ENODEV"})
        with contextlib.suppress(OSError):
            self.slot.commit()
        if self.slot.get("state") == "empty":
            self.slot.swap("1.0.0")
        with bench.Fio(self.slot.device):
            self.change(2)
