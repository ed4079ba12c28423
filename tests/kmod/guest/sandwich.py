# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandwich: a log of writes above a slot, one below it, and a stamp writer on top.

    stamp_writer.py -> dm-log-writes "above" -> slot -> dm-log-writes "below" -> /dev/vdb

Both logs are on /dev/vdc, one half each.
"""

from __future__ import annotations

import contextlib
import fcntl
import pathlib
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

import bench
import stamps

LOGS = "/dev/vdc"
ABOVE, BELOW = "above", "below"
# struct dm_ioctl of linux/dm-ioctl.h: version, sizes, counts, flags, device, name, uuid with padding.
_DM_IOCTL = struct.Struct("=3I3IiIIIQ128s136s")
_DM_TARGET_MSG = 3 << 30 | _DM_IOCTL.size << 16 | 0xFD << 8 | 14


def sectors(device: str) -> int:
    return int(bench.run("blockdev", "--getsz", device).stdout)


def create(name: str, *lines: str) -> str:
    """Make a device-mapper device; returns its path."""
    bench.run("dmsetup", "create", name, "--table", "\n".join(lines))
    return f"/dev/mapper/{name}"


def reload(name: str, line: str) -> None:
    """Give a device another table; what is in flight ends first."""
    bench.run("dmsetup", "reload", name, "--table", line)
    bench.run("dmsetup", "suspend", "--nolockfs", name)
    bench.run("dmsetup", "resume", name)


def remove(name: str) -> None:
    if pathlib.Path(f"/dev/mapper/{name}").exists():
        bench.run("udevadm", "settle")
        bench.run("dmsetup", "remove", "--retry", name)


def make_logs() -> None:
    """Give each log its half of the disk."""
    half = sectors(LOGS) // 2
    for number, name in enumerate((ABOVE, BELOW)):
        create(f"log-{name}", f"0 {half} linear {LOGS} {number * half}")


def log_of(name: str) -> str:
    return f"/dev/mapper/log-{name}"


def record(name: str, device: str) -> str:
    """Log the writes to a device; returns the device to write to."""
    return create(name, f"0 {sectors(device)} log-writes {device} {log_of(name)}")


def mark(text: str) -> None:
    """Put a mark, a word, into both logs."""
    for name in (ABOVE, BELOW):
        message(name, f"mark {text}")


def message(name: str, text: str) -> None:
    """Send a message to a device's first target, as ``dmsetup message`` does, but without a process for each."""
    payload = bytes(8) + text.encode() + b"\0"  # of sector 0
    request = _DM_IOCTL.pack(4, 0, 0, _DM_IOCTL.size + len(payload), _DM_IOCTL.size, 0, 0, 0, 0, 0, 0, name.encode(), b"")
    with open("/dev/mapper/control", "rb") as control:
        fcntl.ioctl(control, _DM_TARGET_MSG, bytearray(request + payload))


class Writer:
    """A stamp writer in a process of its own: what it may write, and what it has acknowledged."""

    def __init__(self, device: str, plan: stamps.Plan) -> None:
        self.plan = plan
        self.granted = 0
        self.acknowledged: dict[int, int] = {}
        script = pathlib.Path(__file__).with_name("stamp_writer.py")
        words = ["--generation", plan.generation, "--threads", plan.threads, "--blocks", plan.blocks]
        self.process = subprocess.Popen(
            [sys.executable, str(script), device, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.news = threading.Condition()
        self.ended = False
        self.listener = threading.Thread(target=self._listen)
        self.listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            word, *rest = line.split()
            with self.news:
                if word == "ack":
                    self.acknowledged[int(rest[0])] = int(rest[1])
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def total(self) -> int:
        return sum(self.acknowledged.values())

    def go_on(self, each: int, acknowledged: int, seconds: float = 60.0) -> None:
        """Permit ``each`` thread that many writes more; return when so many more are acknowledged, one of each thread at least."""
        with self.news:
            before, wanted = dict(self.acknowledged), self.total() + acknowledged
            self.granted += each
            print(self.granted, file=self.process.stdin, flush=True)

            def there() -> bool:
                all_threads = all(self.acknowledged.get(thread, 0) > before.get(thread, 0) for thread in range(self.plan.threads))
                return self.ended or (all_threads and self.total() >= wanted)

            if not self.news.wait_for(there, seconds) or self.ended:
                raise AssertionError(f"the writer stands at {self.total()} acknowledged writes, {wanted} wanted")

    def stop(self) -> int:
        """Stop it; return its exit status."""
        if self.process.stdin:
            self.process.stdin.close()
        status = self.process.wait(timeout=60)
        self.listener.join()
        if self.process.stdout:
            self.process.stdout.close()
        return status


@contextlib.contextmanager
def writing(device: str, plan: stamps.Plan) -> Iterator[Writer]:
    """A writer for as long as the block lasts; that it saw no error is checked only if the block had none."""
    writer = Writer(device, plan)
    try:
        yield writer
    except BaseException:
        writer.stop()
        raise
    if writer.stop() != 0:
        raise AssertionError("the writer saw an I/O error")
