# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application that watches (c/probe.c), started and told what to do. Standard library only."""

from __future__ import annotations

import mmap
import os
import pathlib
import struct
import subprocess
import time

import bench
from windows import Seen

MOST_RECORDS = 1_000_000
HEAD = struct.Struct("=IIQ")
RECORD = struct.Struct("=QQq")
READ, CLOSE, STOP = range(3)
READING, CLOSED, ENDED = 1, 2, 3


class Probe:
    """A probe of ``device`` that runs for as long as the ``with`` block lasts; ``seen`` is complete after it."""

    def __init__(self, programs: str, device: str, period_us: int) -> None:
        self.shared = pathlib.Path("/dev/shm/probe")
        self.argv = [f"{programs}/probe", device, str(period_us), str(MOST_RECORDS), str(self.shared)]
        self.seen: list[Seen] = []

    def __enter__(self) -> Probe:
        self.shared.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.argv)
        bench.wait_until(lambda: self.shared.exists() and self.shared.stat().st_size >= HEAD.size, "the probe's file")
        descriptor = os.open(self.shared, os.O_RDWR)
        self.memory = mmap.mmap(descriptor, 0)
        os.close(descriptor)
        bench.wait_until(lambda: self.state == READING, "the probe reads")
        return self

    @property
    def state(self) -> int:
        return HEAD.unpack_from(self.memory)[1]

    @property
    def count(self) -> int:
        return HEAD.unpack_from(self.memory)[2]

    def tell(self, command: int, state: int) -> None:
        """Give a command and wait until the probe has obeyed; polled often, as this is on the clock."""
        struct.pack_into("=I", self.memory, 0, command)
        end = time.monotonic() + 30
        while self.state != state:
            if time.monotonic() > end:
                raise AssertionError(f"the probe did not obey {command}")
            time.sleep(0.0001)

    def __exit__(self, *exception: object) -> None:
        if exception[0]:
            self.process.kill()
            return
        self.tell(STOP, ENDED)
        self.process.wait(timeout=30)
        records = self.memory[HEAD.size : HEAD.size + self.count * RECORD.size]
        self.memory.close()
        self.shared.unlink()
        self.seen = [Seen(*one) for one in RECORD.iter_unpack(records)]
        if len(self.seen) >= MOST_RECORDS:
            raise AssertionError("the probe ran out of records")
