# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandwich: a log of writes above a slot, one below it, and a stamp writer on top.

    stamp_writer.py -> dm-log-writes "above" -> slot -> dm-log-writes "below" -> /dev/vdb

Both logs are on /dev/vdc, one half each.
"""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import bench
import stamps

LOGS = "/dev/vdc"
ABOVE, BELOW = "above", "below"


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
    for name in (ABOVE, BELOW):
        bench.run("dmsetup", "message", name, "0", "mark", text)


class Writer:
    """A stamp writer in a process of its own, and what it has acknowledged."""

    def __init__(self, device: str, plan: stamps.Plan) -> None:
        self.plan = plan
        self.acknowledged: dict[int, int] = {}
        self.issued = 0
        script = pathlib.Path(__file__).with_name("stamp_writer.py")
        words = ["--generation", plan.generation, "--threads", plan.threads, "--blocks", plan.blocks]
        self.process = subprocess.Popen(
            [sys.executable, str(script), "write", device, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
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
                elif word == "issued":
                    self.issued = int(rest[0])
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def total(self) -> int:
        return sum(self.acknowledged.values())

    def wait_for(self, more: int, seconds: float = 60.0) -> None:
        """Return when so many writes more were acknowledged; of every thread at least one."""
        with self.news:
            before, wanted = dict(self.acknowledged), self.total() + more

            def there() -> bool:
                each = all(self.acknowledged.get(thread, 0) > before.get(thread, 0) for thread in range(self.plan.threads))
                return self.ended or (each and self.total() >= wanted)

            if not self.news.wait_for(there, seconds) or self.ended:
                raise AssertionError(f"the writer stands at {self.total()} acknowledged writes, {wanted} wanted")

    def stop(self) -> int:
        """Stop it; return its exit status."""
        self.process.terminate()
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
