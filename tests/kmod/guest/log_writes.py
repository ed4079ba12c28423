# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a log of writes: what the kernel's dm-log-writes target and QEMU's blklogwrites filter leave on their log device.

The format: one sector of superblock, then entries without gaps. An entry is
one sector of header (a mark has its text behind the header, in the same
sector) and then its data, unless it is a discard or a mark. All numbers are
little-endian, all positions count sectors of the size that the superblock
names. A plain write is logged by the flush that follows it, in the order of
completion; a FUA write when it completes; a mark at once.

Reads only, and judges nothing: see order.py and replay.py. Python's standard library only.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from types import TracebackType

MAGIC = 0x006A736677736872
VERSION = 1
FLUSH, FUA, DISCARD, MARK, METADATA = (1 << bit for bit in range(5))
_KNOWN = FLUSH | FUA | DISCARD | MARK | METADATA
SUPER = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")
_SMALLEST_SECTOR_BYTES = 512
_LARGEST_SECTOR_BYTES = 65536


class LogError(Exception):
    """The log cannot be read: not a log, cut off, or damaged. The text says where."""


@dataclass(frozen=True)
class Entry:
    """One entry: a write, a discard or an empty flush (positions in bytes), or a mark (its text)."""

    index: int
    flags: int
    start_bytes: int
    length_bytes: int
    data_at_bytes: int
    text: str = ""

    @property
    def flush(self) -> bool:
        return bool(self.flags & FLUSH)

    @property
    def fua(self) -> bool:
        return bool(self.flags & FUA)

    @property
    def mark(self) -> bool:
        return bool(self.flags & MARK)

    @property
    def discard(self) -> bool:
        return bool(self.flags & DISCARD)

    @property
    def write(self) -> bool:
        """Return whether the entry has data."""
        return self.length_bytes > 0 and not self.discard and not self.mark

    @property
    def durable_point(self) -> bool:
        """Return whether something is on the medium for sure once this entry is: all before a flush, or a FUA write itself."""
        return self.flush or self.fua


class Log:
    """The log on a device or in a file, its entries read in at once, their data when asked for.

    As many entries as the superblock counts. With ``cut_off``, of a file, all there are: whoever wrote it died, and of the
    writes under way at that moment, none of which had been answered, some have left a hole where they would have been.
    """

    def __init__(self, path: str, *, cut_off: bool = False) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)
        try:
            self.end_bytes = os.lseek(self.descriptor, 0, os.SEEK_END)
            self.sector_bytes, count = self._superblock()
            self.entries = self._all_entries() if cut_off else self._entries(count)
        except BaseException:
            os.close(self.descriptor)
            raise

    def __enter__(self) -> Log:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self.descriptor)

    def _read(self, at_bytes: int, length_bytes: int, what: str) -> bytes:
        data = os.pread(self.descriptor, length_bytes, at_bytes)
        if len(data) != length_bytes:
            raise LogError(f"{self.path}: {what} at byte {at_bytes} is cut off: {len(data)} of {length_bytes} bytes")
        return data

    def _superblock(self) -> tuple[int, int]:
        magic, version, count, sector_bytes = SUPER.unpack(self._read(0, SUPER.size, "the superblock"))
        if (magic, version) != (MAGIC, VERSION):
            raise LogError(f"{self.path}: no log of writes: magic {magic:#x}, version {version}")
        power = sector_bytes & (sector_bytes - 1) == 0
        if not (power and _SMALLEST_SECTOR_BYTES <= sector_bytes <= _LARGEST_SECTOR_BYTES):
            raise LogError(f"{self.path}: a sector of {sector_bytes} bytes")
        return sector_bytes, count

    def _entries(self, count: int) -> list[Entry]:
        found = []
        at_bytes = self.sector_bytes
        for index in range(count):
            entry, at_bytes = self._entry(index, at_bytes)
            found.append(entry)
        return found

    def _all_entries(self) -> list[Entry]:
        found: list[Entry] = []
        at_bytes = self.sector_bytes
        while at_bytes + self.sector_bytes <= self.end_bytes:
            if any(self._read(at_bytes, self.sector_bytes, "the log")):
                entry, at_bytes = self._entry(len(found), at_bytes)
                found.append(entry)
            else:
                at_bytes += self.sector_bytes
        return found

    def _entry(self, index: int, at_bytes: int) -> tuple[Entry, int]:
        what = f"entry {index}"
        header = self._read(at_bytes, self.sector_bytes, what)
        sector, sectors, flags, text_bytes = ENTRY.unpack_from(header)
        after_bytes = at_bytes + self.sector_bytes
        if flags & ~_KNOWN or not (sectors or flags):
            raise LogError(f"{self.path}: {what} at byte {at_bytes} is no entry: flags {flags:#x}, {sectors} sectors")
        if flags & MARK:
            if text_bytes > self.sector_bytes - ENTRY.size:
                raise LogError(f"{self.path}: {what}: a mark of {text_bytes} bytes")
            text = header[ENTRY.size : ENTRY.size + text_bytes].rstrip(b"\0").decode("utf-8", "replace")
            return Entry(index, flags, 0, 0, after_bytes, text), after_bytes
        entry = Entry(index, flags, sector * self.sector_bytes, sectors * self.sector_bytes, after_bytes)
        if entry.write:
            after_bytes += entry.length_bytes
        if after_bytes > self.end_bytes:
            raise LogError(f"{self.path}: {what} ends at byte {after_bytes}, the log at {self.end_bytes}")
        return entry, after_bytes

    def data(self, entry: Entry) -> bytes:
        """Return what a write wrote."""
        return self._read(entry.data_at_bytes, entry.length_bytes, f"the data of entry {entry.index}") if entry.write else b""

    def marks(self) -> list[str]:
        return [entry.text for entry in self.entries if entry.mark]

    def last_durable_point(self) -> int:
        """Return the index of the last flush or FUA write; -1 without one."""
        return max((entry.index for entry in self.entries if entry.durable_point), default=-1)
