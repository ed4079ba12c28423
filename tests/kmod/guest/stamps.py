# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps: blocks that say what they are, and the reader that decides from them whether a write was lost.

A stamp is 4 KiB: magic, CRC-32 of all the rest, the generation (one run of a
writer), the sequence number, the block's own address, and the *promise*: for
each thread of the writer, the last write that was durable before this one was
issued. The payload repeats the sequence number in every sector, so that a torn
block shows of what it is made.

Because a stamp carries what had been promised when it was issued, an image of
a disk can be judged by itself, whenever the power went: if a write is there,
then all that it promises must be there, or have been superseded.

Pure: bytes in, findings out; stamp_writer.py acts. Python's standard library only.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

BLOCK_BYTES = 4096
SECTOR_BYTES = 512
MOST_THREADS = 16
_MAGIC = b"twostamp"
_HEAD = struct.Struct(f"<8sIIQQQ{MOST_THREADS}Q")
_CRC = slice(8, 12)
_WORD = struct.Struct("<Q")
_BLANK = bytes(BLOCK_BYTES)


class DamageError(ValueError):
    """A block that is neither blank nor a whole stamp; the text says what it is made of."""


@dataclass(frozen=True)
class Plan:
    """Who writes what where: a sequence number gives the thread, its count of writes and the block's address.

    Each thread has blocks of its own, so that of two writes to one block the later one is known.
    """

    generation: int
    threads: int = 6
    blocks: int = 64  # of each thread

    def sequence(self, thread: int, number: int) -> int:
        return number * self.threads + thread

    def address(self, thread: int, number: int) -> int:
        """Return the block of a thread's write; jumps about, and comes back."""
        return thread * self.blocks + zlib.crc32(_WORD.pack(number)) % self.blocks

    @property
    def all_blocks(self) -> int:
        return self.threads * self.blocks

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Stamp:
    """What a block says of itself."""

    generation: int
    sequence: int
    address: int
    promise: tuple[int, ...]


def pack(stamp: Stamp) -> bytes:
    """Return the block."""
    promise = (*stamp.promise, *([0] * (MOST_THREADS - len(stamp.promise))))
    head = _HEAD.pack(_MAGIC, 0, len(stamp.promise), stamp.generation, stamp.sequence, stamp.address, *promise)
    payload = _WORD.pack(stamp.sequence) * ((BLOCK_BYTES - _HEAD.size) // _WORD.size)
    block = bytearray((head + payload).ljust(BLOCK_BYTES, b"\0"))
    block[_CRC] = zlib.crc32(block).to_bytes(4, "little")
    return bytes(block)


def parse(block: bytes) -> Stamp | None:
    """Return the stamp, None for a blank block; DamageError for anything else."""
    if block == _BLANK:
        return None
    magic, crc, threads, generation, sequence, address, *promise = _HEAD.unpack_from(block)
    whole = bytearray(block)
    whole[_CRC] = bytes(4)
    if len(block) != BLOCK_BYTES or magic != _MAGIC or zlib.crc32(whole) != crc or threads > MOST_THREADS:
        raise DamageError(f"no whole stamp: {_made_of(block)}")
    return Stamp(generation, sequence, address, tuple(promise[:threads]))


def _made_of(block: bytes) -> str:
    """Return the sequence numbers that a damaged block's sectors end with."""
    ends = [_WORD.unpack_from(block, at - _WORD.size)[0] for at in range(SECTOR_BYTES, len(block) + 1, SECTOR_BYTES)]
    if len(set(ends)) > 1:
        return f"torn, its sectors are of sequences {ends}"
    return f"its sectors are of sequence {ends[0] if ends else 'nothing'}, but it was changed"


@dataclass
class Reader:
    """The state of a stamped disk, and whether it keeps every promise.

    ``block`` tells it a block's content, ``promise`` that a thread's writes up
    to a number were acknowledged as durable; ``problems`` judges what either
    has touched since the last call. A block may be told again: the image may
    go on in time.
    """

    plan: Plan
    limit: int | None = None  # no thread was permitted to issue a later write; None: not known
    _found: dict[int, int] = field(default_factory=dict)  # address: number of the write that is there, 0 for blank
    _needed: dict[int, int] = field(default_factory=dict)  # address: number of the last write that was promised
    _promised: dict[int, int] = field(default_factory=dict)  # thread: number
    _touched: set[int] = field(default_factory=set)
    _damage: dict[int, str] = field(default_factory=dict)

    def block(self, address: int, data: bytes) -> None:
        """Take a block's content."""
        self._touched.add(address)
        self._damage.pop(address, None)
        self._found[address] = 0
        try:
            stamp = parse(data)
            if stamp is not None:
                self._found[address] = self._take(address, stamp)
        except DamageError as damage:
            self._damage[address] = str(damage)

    def _take(self, address: int, stamp: Stamp) -> int:
        """Return the number of the write, and believe its promise."""
        thread, number = stamp.sequence % self.plan.threads, stamp.sequence // self.plan.threads
        if stamp.generation != self.plan.generation:
            raise DamageError(f"stale, of generation {stamp.generation}")
        if (stamp.address, self.plan.address(thread, number)) != (address, address) or len(stamp.promise) != self.plan.threads:
            raise DamageError(f"sequence {stamp.sequence} does not belong there")
        if self.limit is not None and number > self.limit:
            raise DamageError(f"newer than anything issued: write {number} of thread {thread}, permitted were {self.limit}")
        for other, promised in enumerate(stamp.promise):
            self.promise(other, promised)
        return number

    def promise(self, thread: int, number: int) -> None:
        """All writes of the thread up to this one are durable."""
        for durable in range(self._promised.get(thread, 0) + 1, number + 1):
            address = self.plan.address(thread, durable)
            self._needed[address] = durable
            self._touched.add(address)
        self._promised[thread] = max(number, self._promised.get(thread, 0))

    def promise_all(self, acknowledged: Iterable[tuple[int, int]]) -> None:
        for thread, number in acknowledged:
            self.promise(thread, number)

    def problems(self) -> list[str]:
        """Return what is wrong with the blocks touched since the last call."""
        wrong = []
        for address in sorted(self._touched):
            found, needed = self._found.get(address, 0), self._needed.get(address, 0)
            if address in self._damage:
                wrong.append(f"block {address}: {self._damage[address]}")
            elif found < needed:
                thread = address // self.plan.blocks
                wrong.append(
                    f"block {address}: write {needed} of thread {thread} was acknowledged, "
                    + (f"{found} is there" if found else "it is blank")
                )
        self._touched.clear()
        return wrong

    def summary(self) -> str:
        """Return how much was looked at; a reader that saw nothing proves nothing."""
        written = sum(1 for number in self._found.values() if number)
        return f"{written} blocks written, {sum(self._promised.values())} writes promised"

    @property
    def promised(self) -> int:
        return sum(self._promised.values())
