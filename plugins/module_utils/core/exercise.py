# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which I/O a rehearsal does: the same numbers give the same operations. Doing them is `host/exerciser.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

# In blocks: single ones, odd ones, and ones that straddle whatever chunk a child divides its device into.
SIZES = (1, 3, 8, 17, 64, 129, 256)
# The first part of the device is for operations of one at a time, the rest is divided among the threads of the load.
LOAD_THREADS = 3
_QUIET_SHARE = 0.5
_OPERATIONS = 96
_KNUTH = 6364136223846793005


@dataclass(frozen=True)
class Operation:
    """One thing to do: `kind` is write, fua, read, flush, zero or discard."""

    kind: str
    first: int = 0
    count: int = 0


@dataclass(frozen=True)
class Offers:
    """What a block device lets its users ask for."""

    flush: bool = False
    fua: bool = False
    discard: bool = False
    write_zeroes: bool = False

    def words(self) -> tuple[str, ...]:
        """Return the names of what is offered, as the features of a child are called."""
        return tuple(name for name in ("flush", "fua", "discard", "write_zeroes") if getattr(self, name))


class Dice:
    """Numbers that look random and are the same on every run."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, bound: int) -> int:
        """Return a number from 0 to `bound` - 1."""
        self._state = (self._state * _KNUTH + 1442695040888963407) % 2**64
        return (self._state >> 33) % bound


def quiet_blocks(blocks: int) -> int:
    """Return how many blocks, from the first on, no thread of the load touches."""
    return int(blocks * _QUIET_SHARE)


def load_region(blocks: int, thread: int) -> tuple[int, int]:
    """Return first block and number of blocks that belong to one thread of the load."""
    begin = quiet_blocks(blocks)
    share = (blocks - begin) // LOAD_THREADS
    return begin + thread * share, share


def place(dice: Dice, first: int, blocks: int) -> tuple[int, int]:
    """Return first block and number of blocks of an operation within a region."""
    count = min(SIZES[dice.below(len(SIZES))], blocks)
    return first + dice.below(blocks - count + 1), count


def round_of(number: int, blocks: int, offers: Offers) -> Iterator[Operation]:
    """Yield the operations of one round: reads and writes of all sizes, and of the rest what is offered."""
    dice = Dice(number * 7919 + 17)
    region = quiet_blocks(blocks)
    kinds = ["write", "read", "write", "read", "write", "read", "write", "read"]
    kinds += ["flush"] if offers.flush else []
    kinds += ["fua"] if offers.flush or offers.fua else []
    kinds += ["discard"] if offers.discard else []
    kinds += ["zero"] if offers.write_zeroes else []
    for size in SIZES:
        yield Operation("write", dice.below(region - size + 1), size)
    yield Operation("write", 0, 1)
    yield Operation("write", blocks - 1, 1)
    for at in range(_OPERATIONS):
        kind = kinds[at % len(kinds)]
        yield Operation(kind) if kind == "flush" else Operation(kind, *place(dice, 0, region))
