# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NBD protocol as far as a disk of a rehearsal speaks it: requests parsed, replies rendered, ioctl numbers."""

from __future__ import annotations

import struct
from dataclasses import dataclass

REQUEST = struct.Struct(">II8sQI")
_REPLY = struct.Struct(">II8s")
_REQUEST_MAGIC = 0x25609513
_REPLY_MAGIC = 0x67446698
_FUA = 1 << 16
_KINDS = {0: "read", 1: "write", 2: "disconnect", 3: "flush", 4: "trim", 6: "zeroes"}

# HAS_FLAGS, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES. A kernel ignores what it does not know.
FLAGS = 1 | 4 | 8 | 32 | 64
SET_SOCK = 0xAB00
SET_BLKSIZE = 0xAB01
DO_IT = 0xAB03
CLEAR_SOCK = 0xAB04
SET_SIZE_BLOCKS = 0xAB07
DISCONNECT = 0xAB08
SET_FLAGS = 0xAB0A


@dataclass(frozen=True)
class Request:
    """One request of the kernel. `kind` is empty for one that is not known."""

    kind: str
    fua: bool
    handle: bytes
    offset: int
    length: int


def parse(head: bytes) -> Request:
    """Return a request; raises ValueError for bytes that are none."""
    magic, kind, handle, offset, length = REQUEST.unpack(head)
    if magic != _REQUEST_MAGIC:
        raise ValueError(head)
    return Request(_KINDS.get(kind & 0xFFFF, ""), bool(kind & _FUA), handle, offset, length)


def reply(handle: bytes, error: int) -> bytes:
    """Return the head of a reply; `error` is an errno or 0."""
    return _REPLY.pack(_REPLY_MAGIC, error, handle)
