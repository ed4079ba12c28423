# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application of the scratch slot: holds its device open over all swaps, does I/O past the page cache, and checks all that it reads.

It runs in a process of its own: see servant.py.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import mmap
import os
import struct
import threading
import time
from typing import Any, Callable

from ..core import exercise
from ..core.errors import TwostepError
from ..core.exercise import Dice, Offers, Operation
from ..core.medium import Medium
from .nbd_server import punch
from .servant import Handlers

_BLKDISCARD = 0x1277
_VERIFY_BYTES = 262144
_BUFFER_BYTES = max(exercise.SIZES) * 4096
# Enough that a hold meets some of them, few enough that a rehearsal is short on a slow machine.
_LOAD_PAUSE_S = 0.001


class Exerciser:
    """One open device and what must be on it."""

    def __init__(self, path: str, seed: int, blocks: int, block_bytes: int, offers: Offers) -> None:
        flags = os.O_RDWR | os.O_CLOEXEC
        direct = getattr(os, "O_DIRECT", 0) if path.startswith("/dev/") else 0
        self._file = os.open(path, flags | direct)
        self._durable = os.open(path, flags | direct | os.O_DSYNC)
        self._medium = Medium(seed, blocks, block_bytes)
        self._offers = offers
        self._buffer = mmap.mmap(-1, _BUFFER_BYTES)
        self._sequences = itertools.count(1)
        self._operations = 0
        self._longest_s = 0.0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[TwostepError] = []

    def handlers(self) -> Handlers:
        """Return the orders."""
        return {
            "round": self.round,
            "verify": self.verify,
            "probe": self.probe,
            "read": self.read,
            "begin_load": self.begin_load,
            "end_load": self.end_load,
            "close": self.close,
        }

    def round(self, number: int) -> dict[str, Any]:
        """Do one round of operations, each on its own, and then read back what they have changed."""
        operations = list(exercise.round_of(number, self._medium.blocks, self._offers))
        for operation in operations:
            self._do(operation, self._buffer)
        for operation in operations:
            if operation.kind in ("write", "fua", "zero"):
                self._do(Operation("read", operation.first, operation.count), self._buffer)
        return self._told()

    def verify(self) -> dict[str, Any]:
        """Read the whole device."""
        count = max(1, _VERIFY_BYTES // self._medium.block_bytes)
        for first in range(0, self._medium.blocks, count):
            self._do(Operation("read", first, min(count, self._medium.blocks - first)), self._buffer)
        return self._told()

    def probe(self, what: str, block: int) -> int:
        """Write one block so that it is durable, by a flush after it (`flush`) or by itself (`fua`); return where in bytes."""
        if what == "flush":
            self._do(Operation("write", block, 1), self._buffer)
            self._do(Operation("flush"), self._buffer)
        else:
            self._do(Operation("fua", block, 1), self._buffer)
        return block * self._medium.block_bytes

    def read(self, block: int) -> dict[str, Any]:
        """Read one block."""
        self._do(Operation("read", block, 1), self._buffer)
        return self._told()

    def begin_load(self) -> None:
        """Let threads do I/O until `end_load`; returns when each has done some."""
        self._stop.clear()
        started = threading.Semaphore(0)
        self._threads = [
            threading.Thread(target=self._load, args=(number, started), daemon=True) for number in range(exercise.LOAD_THREADS)
        ]
        for thread in self._threads:
            thread.start()
        for _thread in self._threads:
            started.acquire()

    def end_load(self) -> dict[str, Any]:
        """Stop the threads, or raise what the first of them met."""
        self._rest()
        if self._failures:
            raise self._failures[0]
        return self._told()

    def close(self) -> None:
        """Close the device, after the threads: the number of a closed file may soon be that of another one."""
        self._rest()
        os.close(self._durable)
        os.close(self._file)

    def _rest(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _told(self) -> dict[str, Any]:
        return {"operations": self._operations, "max_latency_ms": round(self._longest_s * 1000, 3)}

    def _load(self, number: int, started: threading.Semaphore) -> None:
        """Be one thread of the load: all kinds of operations on blocks of its own."""
        first, blocks = exercise.load_region(self._medium.blocks, number)
        dice = Dice(number + 1)
        buffer = mmap.mmap(-1, _BUFFER_BYTES)
        kinds = ("write", "read", "write", "read", "flush") if self._offers.flush else ("write", "read")
        try:
            at = 0
            while not self._stop.is_set() or at < len(kinds):
                kind = kinds[at % len(kinds)]
                self._do(Operation(kind) if kind == "flush" else Operation(kind, *exercise.place(dice, first, blocks)), buffer)
                at += 1
                if at == 1:
                    started.release()
                self._stop.wait(_LOAD_PAUSE_S)
        except TwostepError as error:
            self._failures.append(error)
            if at == 0:
                started.release()

    def _do(self, operation: Operation, buffer: mmap.mmap) -> None:
        acts: dict[str, Callable[[Operation, mmap.mmap], None]] = {
            "write": self._write,
            "fua": self._write,
            "read": self._read,
            "flush": lambda _operation, _buffer: os.fdatasync(self._file),
            "discard": self._discard,
            "zero": self._zero,
        }
        begun = time.monotonic()
        try:
            acts[operation.kind](operation, buffer)
        except OSError as error:
            raise failed(operation, error, self._medium.block_bytes) from None
        self._longest_s = max(self._longest_s, time.monotonic() - begun)
        self._operations += 1

    def _write(self, operation: Operation, buffer: mmap.mmap) -> None:
        sequence = next(self._sequences)
        data = self._medium.content(operation.first, operation.count, sequence)
        # From here on the old content is gone, whatever becomes of the write.
        self._medium.wrote(operation.first, operation.count, sequence)
        buffer[: len(data)] = data
        handle = self._durable if operation.kind == "fua" else self._file
        with memoryview(buffer) as view, view[: len(data)] as piece:
            _whole(os.pwritev(handle, [piece], operation.first * self._medium.block_bytes), len(data))

    def _read(self, operation: Operation, buffer: mmap.mmap) -> None:
        length = operation.count * self._medium.block_bytes
        with memoryview(buffer) as view, view[:length] as piece:
            _whole(os.preadv(self._file, [piece], operation.first * self._medium.block_bytes), length)
        self._medium.check(operation.first, buffer[:length])

    def _range(self, operation: Operation) -> tuple[int, int]:
        return operation.first * self._medium.block_bytes, operation.count * self._medium.block_bytes

    def _discard(self, operation: Operation, _buffer: mmap.mmap) -> None:
        self._medium.discarded(operation.first, operation.count)
        fcntl.ioctl(self._file, _BLKDISCARD, struct.pack("=QQ", *self._range(operation)))

    def _zero(self, operation: Operation, _buffer: mmap.mmap) -> None:
        self._medium.wrote(operation.first, operation.count, 0)
        # Not BLKZEROOUT: where the device cannot, that writes zeros and tells nobody.
        punch(self._file, *self._range(operation))


def _whole(done: int, wanted: int) -> None:
    if done != wanted:
        raise OSError(errno.EIO, f"{done} of {wanted} bytes")


def failed(operation: Operation, error: OSError, block_bytes: int) -> TwostepError:
    """Return the error for an operation that the scratch slot did not do."""
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    where = f" of {operation.count} blocks from block {operation.first}" if operation.count else ""
    return TwostepError(
        "io_failed",
        f"On the scratch slot a {operation.kind}{where} failed: {error.strerror or name} ({name}).",
        "Keep the old version and report this to the makers of the child.",
        {"operation": operation.kind, "block": operation.first, "blocks": operation.count, "block_bytes": block_bytes, "errno": name},
    )
