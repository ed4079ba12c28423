# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes small kernel object files for tests: an ELF header, a section .modinfo, the names, nothing else."""

from __future__ import annotations

import struct

MARK = b"~Module signature appended~\n"
DEFAULT = (
    ("version", "1.1.0"),
    ("srcversion", "F4A2EACDDAA9D4EBBB688CF"),
    ("name", "twostep_remap_1_1_0"),
    ("vermagic", "6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions "),
)


def module_bytes(facts: tuple[tuple[str, str], ...] = DEFAULT, *, order: str = "<", wide: bool = True, signed: bool = False) -> bytes:
    """Return an ELF file with `facts` in .modinfo, in either byte order and class."""
    modinfo = b"".join(f"{key}={value}".encode() + b"\0" for key, value in facts)
    names = b"\0.modinfo\0.shstrtab\0.bss\0"
    header_bytes, entry_bytes = (64, 64) if wide else (52, 40)
    table = header_bytes + len(modinfo) + len(names)
    identity = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    rest = (1, 62, 1, 0, 0, table, 0, header_bytes, 0, 0, entry_bytes, 4, 2)
    header = identity + struct.pack(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"), *rest)
    layout = order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII")
    entries = (
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (1, 1, 2, 0, header_bytes, len(modinfo), 0, 0, 1, 0),
        (10, 3, 0, 0, header_bytes + len(modinfo), len(names), 0, 0, 1, 0),
        # A section without bytes in the file, whatever its size says.
        (20, 8, 3, 0, table, 1 << 20, 0, 0, 1, 0),
    )
    data = header + modinfo + names + b"".join(struct.pack(layout, *entry) for entry in entries)
    return data + (b"signature" + MARK if signed else b"")
