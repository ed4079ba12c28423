# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scratch device must hold, block by block, and the first block that does not. Pure: reading and writing are the exerciser's."""

from __future__ import annotations

from typing import Any

from . import stamp
from .errors import TwostepError


class Medium:
    """The expected content of a device that began with zeros.

    Threads may share it as long as each has blocks of its own: a slice of a list is set in one step.
    """

    def __init__(self, seed: int, blocks: int, block_bytes: int) -> None:
        self.seed = seed
        self.blocks = blocks
        self.block_bytes = block_bytes
        # By block its sequence; None after a discard, which promises nothing.
        self._sequences: list[int | None] = [0] * blocks

    def wrote(self, first: int, count: int, sequence: int) -> None:
        """Note that blocks were written; sequence 0 is for zeroing."""
        self._sequences[first : first + count] = [sequence] * count

    def discarded(self, first: int, count: int) -> None:
        """Note that blocks were discarded."""
        self._sequences[first : first + count] = [None] * count

    def content(self, first: int, count: int, sequence: int) -> bytes:
        """Return what has to be written for blocks to hold `sequence`."""
        return b"".join(stamp.block(self.seed, number, sequence, self.block_bytes) for number in range(first, first + count))

    def check(self, first: int, data: bytes) -> None:
        """Compare what was read.

        :raises TwostepError: `corrupt_read` with the first block that is wrong.
        """
        size = self.block_bytes
        count = len(data) // size
        expected = self._sequences[first : first + count]
        if not any(expected) and None not in expected and data == bytes(len(data)):
            return
        if None not in expected and data == b"".join(
            stamp.block(self.seed, first + at, sequence or 0, size) for at, sequence in enumerate(expected)
        ):
            return
        for at, sequence in enumerate(expected):
            found = data[at * size : (at + 1) * size]
            if sequence is not None and found != stamp.block(self.seed, first + at, sequence, size):
                raise corrupt(first + at, size, sequence, found)


def corrupt(number: int, block_bytes: int, sequence: int, found: bytes) -> TwostepError:
    """Return the error for a block that is not what was written."""
    looks = stamp.describe(found)
    expected: dict[str, Any] = {"sequence": sequence} if sequence else {"looks_like": "zeros"}
    return TwostepError(
        "corrupt_read",
        f"Block {number} of the scratch slot was read back as {looks['looks_like']}, not as it was written.",
        "Keep the old version and report this to the makers of the child.",
        {"block": number, "offset_bytes": number * block_bytes, "block_bytes": block_bytes, "expected": expected, "found": looks},
    )
