# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test of what lives around a slot: real swaps, and holds that last as long as a test needs them."""

from __future__ import annotations

import errno
import os
import pathlib
import re
import shutil
import subprocess
import threading

import bench
from case import Kernel

LONG = bool(os.environ.get("TWOSTEP_LONG"))
HOLDER = "twostep_remap_9_1_0"
MIB = 1 << 20


def wipe(device: str) -> None:
    """Remove what an earlier test left at both ends of a device: tables, labels, superblocks."""
    bench.run("udevadm", "settle")
    bench.run("wipefs", "--all", "--force", "--quiet", device)
    with open(device, "r+b", buffering=0) as disk:
        end = disk.seek(0, os.SEEK_END)
        for offset in (0, end - MIB):
            os.pwrite(disk.fileno(), bytes(MIB), offset)
        os.fsync(disk.fileno())


def state_of(process: subprocess.Popen) -> str:
    """Return the letter of a process: S, R, D (waits and cannot be killed), Z."""
    return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_for_sleep(process: subprocess.Popen, what: str) -> None:
    """Return when the process waits for I/O; an error if it ended instead."""
    bench.wait_until(lambda: state_of(process) in "DZ", what)
    if state_of(process) == "Z":
        raise AssertionError(f"{what}: it ended with {process.wait()}")


def null_block(case: Kernel, **settings: int) -> str:
    """Make /dev/nullb0, 64 MiB of memory; gone after the test."""
    folder = pathlib.Path("/sys/kernel/config/nullb/nullb0")
    bench.run("modprobe", "null_blk", "nr_devices=0")
    folder.mkdir()

    def remove() -> None:
        (folder / "power").write_text("0")
        folder.rmdir()
        bench.run("rmmod", "null_blk")

    case.addCleanup(remove)
    case.addCleanup(case.slot.remove)  # before its lower device
    for name, value in {"memory_backed": 1, "size": 64, **settings, "power": 1}.items():
        (folder / name).write_text(str(value))
    return "/dev/nullb0"


def ext4(case: Kernel, device: str) -> pathlib.Path:
    """Make and mount a file system; unmounted and checked after the test."""
    root = pathlib.Path("/run/neighbour") / pathlib.Path(device).name
    root.mkdir(parents=True, exist_ok=True)
    bench.run("mkfs.ext4", "-q", "-F", device)
    bench.run("mount", device, str(root))

    def finish() -> None:
        bench.run("umount", str(root))
        done = bench.run("fsck.ext4", "-f", "-n", device, check=False)
        case.assertEqual(done.returncode, 0, done.stdout)

    case.addCleanup(finish)
    return root


def small_root(root: pathlib.Path, *programs: str) -> None:
    """Fill ``root`` with programs and the libraries that they need."""
    for program in programs:
        libraries = re.findall(r"(/\S+) \(0x", bench.run("ldd", program).stdout)
        for path in (program, *libraries):
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def on_disk(device: str, names: tuple[str, ...]) -> dict[str, bytes]:
    """Return what files of a mounted file system hold on its disk now, by a copy whose journal is replayed."""
    copy, root = pathlib.Path("/dev/shm/copy"), pathlib.Path("/run/neighbour/copy")
    bench.run("dd", f"if={device}", f"of={copy}", "bs=1M", "iflag=direct", "conv=sparse")
    root.mkdir(parents=True, exist_ok=True)
    bench.run("mount", "-o", "loop", str(copy), str(root))
    try:
        return {name: (root / name).read_bytes() for name in names}
    finally:
        bench.run("umount", str(root))
        copy.unlink()


class Trace:
    """The kernel's trace of some events while the ``with`` block lasts, as ``text``."""

    def __init__(self, *events: str) -> None:
        self.events = events
        self.folder = pathlib.Path("/sys/kernel/tracing/instances/twostep")

    def __enter__(self) -> Trace:
        self.folder.mkdir()
        (self.folder / "buffer_size_kb").write_text("4096")
        for event in self.events:
            (self.folder / "events" / event / "enable").write_text("1")
        return self

    def __exit__(self, *_exception: object) -> None:
        (self.folder / "tracing_on").write_text("0")
        self.text = (self.folder / "trace").read_text()
        for event in self.events:
            (self.folder / "events" / event / "enable").write_text("0")
        self.folder.rmdir()


# Until a hold expires: long enough for a test to start processes in it, also on an emulated processor that others use, too.
EXPIRES_MS = 6000


class Hold:
    """The slot is held while the ``with`` block lasts: its next child, 9.1.0, is kept in ``adopt``.

    With ``expires`` the hold ends by its deadline and the old child goes on, else it ends when the block does.
    """

    def __init__(self, slot: bench.Slot, deadline_ms: int = 10000, expires: bool = False) -> None:
        self.slot = slot
        self.expires = expires
        bench.load(HOLDER)
        self.mode("adopt_hang")
        self.line = slot.line("9.1.0", deadline_ms=deadline_ms)
        self.answer = 0

    def mode(self, mode: str) -> None:
        pathlib.Path(f"/sys/module/{HOLDER}/parameters/mode").write_text(mode)

    def _ask(self) -> None:
        try:
            self.slot.set("swap", self.line)
        except OSError as refused:
            self.answer = refused.errno

    def __enter__(self) -> Hold:
        self.asker = threading.Thread(target=self._ask)
        self.asker.start()
        bench.wait_until(self._is_there, "the hold")
        return self

    def _is_there(self) -> bool:
        # A hold that expires may be over before a starved process sees it; what happened to it is asked in the end.
        seen = self.slot.get("state") == "held" and self.slot.get("inflight") == "0"
        return seen or (self.expires and not self.asker.is_alive())

    def lasts(self) -> bool:
        return self.slot.get("state") == "held"

    def __exit__(self, kind: type | None, *_exception: object) -> None:
        lasted = self.lasts()
        if self.expires and kind is None:
            self.asker.join()
        self.mode("none")
        self.asker.join()
        wanted = errno.ETIMEDOUT if self.expires else 0
        if kind is not None:
            return
        if self.answer != wanted:
            raise AssertionError(f"swap: errno {self.answer}, wanted {wanted}: {self.slot.get('last_swap/reason')}")
        if self.expires:
            bench.wait_until(lambda: self.slot.get("last_swap/result") == "returned", "the candidate's return")
            return
        if not lasted:
            raise AssertionError("the hold ended before its test did")
        self.slot.commit()


class Neighbour(Kernel):
    """A fresh slot on a clean lower device, served by 1.0.0."""

    settings: tuple[tuple[str, int], ...] = ()

    def lower(self) -> str:
        """Return the device to put below the slot, made if need be."""
        wipe(bench.LOWER)
        return bench.LOWER

    def setUp(self) -> None:
        super().setUp()
        self.slot.set("params", f"lower={self.lower()}")
        for name, value in self.settings:
            self.slot.set(name, str(value))
        self.slot.swap("1.0.0")
        self.sysfs = pathlib.Path("/sys/block/twostep!t")
        self.queue = self.sysfs / "queue"
        bench.run("udevadm", "settle")

    def change(self, times: int = 4, works: bool = True, slot: bench.Slot | None = None) -> None:
        """Swap and commit several times; with ``works`` the slot completes requests after each."""
        slot = slot or self.slot
        for _time in range(times):
            before = slot.generation
            version = "1.0.0" if slot.get("version") == "1.1.0" else "1.1.0"
            slot.swap(version, deadline_ms=5000)
            self.assertEqual((slot.get("state"), slot.get("version"), slot.generation), ("serving", version, before + 1))
            self.assertEqual(slot.get("last_swap/result"), "ok")
            slot.commit()
            if works:
                self.goes_on(slot)

    def goes_on(self, slot: bench.Slot | None = None) -> None:
        """Return when the slot has completed requests; they must do so without our help."""
        disk = f"twostep!{(slot or self.slot).name}"
        before = bench.completed(disk)
        bench.wait_until(lambda: bench.completed(disk) > before, "the users' requests go on", 5)

    def start(self, *argv: str) -> subprocess.Popen:
        """Start a command that the test waits for; it is killed if the test forgets."""
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def ended(self, process: subprocess.Popen, status: int = 0, seconds: float = 30) -> str:
        """Wait for a command's end, assert its status, return what it said."""
        output = process.communicate(timeout=seconds)[0]
        self.assertEqual(process.returncode, status, output)
        return output
