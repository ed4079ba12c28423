# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of writes made by hand, and the history of a writer who is cheated."""

from __future__ import annotations

from pathlib import Path

import log_writes
import stamps

PLAN = stamps.Plan(generation=7, threads=2, blocks=4)


class LogWriter:
    """Makes a log, entry by entry."""

    def __init__(self, path: str, sector_bytes: int = 512) -> None:
        self.path = path
        self.sector_bytes = sector_bytes
        self.body = bytearray()
        self.count = 0

    def _add(self, sector: int, sectors: int, flags: int, data: bytes, text: bytes = b"") -> None:
        self.body += (log_writes.ENTRY.pack(sector, sectors, flags, len(text)) + text).ljust(self.sector_bytes, b"\0") + data
        self.count += 1

    def write(self, start_bytes: int, data: bytes, flags: int = 0) -> None:
        self._add(start_bytes // self.sector_bytes, len(data) // self.sector_bytes, flags, data)

    def discard(self, start_bytes: int, length_bytes: int) -> None:
        self._add(start_bytes // self.sector_bytes, length_bytes // self.sector_bytes, log_writes.DISCARD, b"")

    def flush(self) -> None:
        self._add(0, 0, log_writes.FLUSH, b"")

    def mark(self, text: str) -> None:
        self._add(0, 0, log_writes.MARK, b"", text.encode())

    def save(self) -> None:
        head = log_writes.SUPER.pack(log_writes.MAGIC, log_writes.VERSION, self.count, self.sector_bytes).ljust(self.sector_bytes, b"\0")
        with open(self.path, "wb") as file:
            file.write(head + self.body)


class History:
    """What a writer does, as a log of it would have it: writes with what had been promised, flushes, and what is swallowed."""

    def __init__(self, path: Path) -> None:
        self.log = LogWriter(str(path))
        self.promise = [0] * PLAN.threads
        self.number = [0] * PLAN.threads

    def block(self, thread: int) -> tuple[int, bytes]:
        """Return the address and content of the thread's next write."""
        self.number[thread] += 1
        number = self.number[thread]
        address = PLAN.address(thread, number)
        stamp = stamps.Stamp(PLAN.generation, PLAN.sequence(thread, number), address, tuple(self.promise))
        return address * stamps.BLOCK_BYTES, stamps.pack(stamp)

    def write(self, thread: int, *, lost: bool = False, fua: bool = False, swallow_fua: bool = False) -> None:
        start_bytes, data = self.block(thread)
        if not lost:
            self.log.write(start_bytes, data, log_writes.FUA if fua and not swallow_fua else 0)
        if fua:
            self.promise[thread] = self.number[thread]

    def flush(self, *threads: int, lost: bool = False) -> None:
        """A flush, after which these threads know that all they wrote is durable."""
        if not lost:
            self.log.flush()
        for thread in threads:
            self.promise[thread] = self.number[thread]

    def save(self) -> log_writes.Log:
        self.log.save()
        return log_writes.Log(self.log.path)
