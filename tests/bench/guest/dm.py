# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A linear device-mapper device by ioctl alone: no process is started while it is exchanged. Standard library only."""

from __future__ import annotations

import fcntl
import os
import struct

HEAD = struct.Struct("=3I I I I i I I I Q 128s 129s 7s")  # struct dm_ioctl
TARGET = struct.Struct("=Q Q i I 16s")  # struct dm_target_spec
CREATE, REMOVE, SUSPEND, LOAD = 3, 4, 6, 9
SUSPENDED, SKIP_LOCKFS, NOFLUSH = 1 << 1, 1 << 10, 1 << 11


class Linear:
    """``/dev/mapper/<name>`` onto ``lower``; its table can be exchanged."""

    def __init__(self, name: str, lower: str) -> None:
        self.name = name.encode()
        self.control = os.open("/dev/mapper/control", os.O_RDWR)
        with open(lower, "rb") as device:
            sectors = device.seek(0, os.SEEK_END) // 512
        table = f"{lower} 0".encode() + b"\0"
        table += b"\0" * (-len(table) % 8)
        self.table = TARGET.pack(0, sectors, 0, TARGET.size + len(table), b"linear") + table
        answer = self.ioctl(CREATE)
        self.device = f"/dev/dm-{HEAD.unpack_from(answer)[10] & 0xFF}"
        self.load()
        self.resume()

    def ioctl(self, command: int, flags: int = 0, data: bytes = b"", targets: int = 0) -> bytearray:
        size = HEAD.size + len(data)
        buffer = bytearray(HEAD.pack(4, 0, 0, size, HEAD.size, targets, 0, flags, 0, 0, 0, self.name, b"", b"") + data)
        fcntl.ioctl(self.control, 3 << 30 | HEAD.size << 16 | 0xFD << 8 | command, buffer, True)
        return buffer

    def load(self) -> None:
        self.ioctl(LOAD, data=self.table, targets=1)

    def suspend(self) -> None:
        self.ioctl(SUSPEND, SUSPENDED)

    def resume(self, flags: int = 0) -> None:
        """Resume; a device with a new table that is not suspended is suspended for the exchange first, in the kernel."""
        self.ioctl(SUSPEND, flags)

    def remove(self) -> None:
        self.ioctl(REMOVE)
        os.close(self.control)
