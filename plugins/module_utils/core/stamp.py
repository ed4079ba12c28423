# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal writes: blocks that say where they belong and when they were written, with a checksum. Bytes in, words out."""

from __future__ import annotations

import struct
import zlib
from typing import Any

_MAGIC = b"2step-rh"
_HEAD = struct.Struct("<8sIQQ")
_CHECKSUM = struct.Struct("<I")
STAMP_BYTES = _HEAD.size + _CHECKSUM.size


def block(seed: int, number: int, sequence: int, size: int) -> bytes:
    """Return the content of one block; sequence 0 is a block of zeros.

    :param size: a multiple of `STAMP_BYTES`: the stamp is repeated, so that a torn block is seen.
    """
    if sequence == 0:
        return bytes(size)
    head = _HEAD.pack(_MAGIC, seed, number, sequence)
    return (head + _CHECKSUM.pack(zlib.crc32(head))) * (size // STAMP_BYTES)


def describe(data: bytes) -> dict[str, Any]:
    """Return what a block that was read looks like, as evidence."""
    if not any(data):
        return {"looks_like": "zeros"}
    stamps = {data[at : at + STAMP_BYTES] for at in range(0, len(data), STAMP_BYTES)}
    if len(stamps) > 1:
        return {"looks_like": "torn", "first_bytes": data[:16].hex(), "crc32": f"{zlib.crc32(data):08x}"}
    stamp = data[:STAMP_BYTES]
    head, checksum = stamp[: _HEAD.size], stamp[_HEAD.size :]
    if head.startswith(_MAGIC) and checksum == _CHECKSUM.pack(zlib.crc32(head)):
        _magic, seed, number, sequence = _HEAD.unpack(head)
        return {"looks_like": "block", "seed": seed, "block": number, "sequence": sequence}
    return {"looks_like": "garbage", "first_bytes": data[:16].hex(), "crc32": f"{zlib.crc32(data):08x}"}
