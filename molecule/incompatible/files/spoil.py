# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: spoils module files, each in one way, and puts into the place of some what is no file of a module."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
ARM64 = 183


def child(version: str) -> Path:
    return FOLDER / f"twostep_remap_{version.replace('.', '_')}.ko"


def another_checksum(data: bytearray, symbol: bytes) -> None:
    """Alter the checksum of a symbol in `__versions`, whose entries have 64 bytes: checksum, name, zeros."""
    place = data.index(symbol.ljust(56, b"\0")) - 8
    (crc,) = struct.unpack_from("<Q", data, place)
    struct.pack_into("<Q", data, place, crc ^ 1)


def another_processor(data: bytearray) -> None:
    struct.pack_into("<H", data, 18, ARM64)


def another_kernel(data: bytearray) -> None:
    place = data.index(b"vermagic=6.1.")
    data[place + 11 : place + 12] = b"9"


def spoil() -> None:
    for version, how in (
        ("9.1.0", lambda data: another_checksum(data, b"_printk")),
        ("9.6.0", another_processor),
        ("9.8.0", another_kernel),
    ):
        data = bytearray(child(version).read_bytes())
        how(data)
        child(version).write_bytes(data)
    whole = child("1.1.0").read_bytes()
    child("7.7.1").write_bytes(b"not a module\n")
    child("7.7.2").write_bytes(whole[: len(whole) // 2])
    child("7.7.3").write_bytes(b"")
    os.mkfifo(child("7.7.4"))
    child("7.7.5").mkdir()
    child("7.7.6").symlink_to("/nowhere")


if __name__ == "__main__":
    spoil()
