# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays a log of writes: the disk as it would have been, had the power gone at some entry.

After a cut a disk holds everything up to the last flush, and any of what came
later. ``Image`` builds such disks in a sparse file; ``check_every_point``
looks at each of them with the stamp reader. Python's standard library only.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import log_writes
import order
import stamps


class Image:
    """A sparse file that takes the entries of a log."""

    def __init__(self, path: str, size_bytes: int) -> None:
        self.path = path
        with open(path, "wb") as file:
            file.truncate(size_bytes)

    def apply(self, log: log_writes.Log, chosen: Iterator[log_writes.Entry]) -> None:
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            for entry in chosen:
                data = bytes(entry.length_bytes) if entry.discard else log.data(entry)
                os.pwrite(descriptor, data, entry.start_bytes)
        finally:
            os.close(descriptor)


def up_to(log: log_writes.Log, last: int) -> Iterator[log_writes.Entry]:
    """Everything until an entry, and nothing after it: the cache is lost."""
    return (entry for entry in log.entries[: last + 1] if not entry.mark)


def after_a_cut(log: log_writes.Log, cut: int, chance: random.Random) -> Iterator[log_writes.Entry]:
    """Everything until the last flush before the cut, FUA writes, and a random choice of the rest: the cache is a cache."""
    flushed = max((entry.index for entry in log.entries[: cut + 1] if entry.flush), default=-1)
    for entry in up_to(log, cut):
        if entry.index <= flushed or entry.fua or chance.random() < 0.5:
            yield entry


def check_every_point(below: order.Track, log: log_writes.Log, matched: order.Matched) -> tuple[list[str], int]:
    """Judge the disk after each flush and FUA write; return the problems and how often was looked.

    At a flush that made one above true, the writes before that one must be there, even if nobody has relied on them yet.
    """
    reader = stamps.Reader(below.plan)
    given = dict(zip(matched.positions, matched.writes))
    wrong, looked = [], 0
    for entry in log.entries:
        data = log.data(entry)
        for at in range(0, len(data), stamps.BLOCK_BYTES):
            reader.block((entry.start_bytes + at) // stamps.BLOCK_BYTES, data[at : at + stamps.BLOCK_BYTES])
        for thread, number in given.get(entry.index, []):
            reader.promise(thread, number)
        if entry.durable_point:
            wrong += [f"{log.path}: entry {entry.index}: {problem}" for problem in reader.problems()]
            looked += 1
    return wrong, looked
