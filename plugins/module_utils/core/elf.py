# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel object files as bytes: header, sections, modinfo, whether a signature is appended. Symbols are `linkage.py`.

Pure functions over a whole file. Every malformed input ends in ``TwostepError("not_a_module")``,
because the bytes come from disks that lose power and from archives of others.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from .errors import TwostepError

SIGNATURE_MARK = b"~Module signature appended~\n"
_MAX_SECTIONS = 4096
_IDENTITY_BYTES = 16
_RELOCATABLE = 1


class Section(NamedTuple):
    """One section: its name and its bytes, its type, and the number of the section that it refers to."""

    name: str
    data: bytes
    kind: int = 0
    link: int = 0


class Machine(NamedTuple):
    """What a file is for: the number of the processor's family, 64 bits or 32, and the byte order as in `struct`."""

    number: int
    wide: bool
    order: str

    def __str__(self) -> str:
        return f"machine {self.number}, {64 if self.wide else 32} bits, {'little' if self.order == '<' else 'big'} endian"


@dataclass(frozen=True)
class ObjectFile:
    """A relocatable file; sections in the order of their numbers."""

    machine: Machine
    sections: tuple[Section, ...]

    def section(self, name: str) -> Section | None:
        """Return the first section of that name, or None."""
        return next((section for section in self.sections if section.name == name), None)


def not_a_module(why: str) -> TwostepError:
    """Return the error for a file that is something else."""
    return TwostepError("not_a_module", f"The file is not a kernel module: {why}.", "Build and install the module again.")


def is_signed(data: bytes) -> bool:
    """Return whether a signature is appended. Says nothing about whether the kernel trusts it."""
    return data.endswith(SIGNATURE_MARK)


def _string(table: bytes, offset: int) -> str:
    end = table.find(b"\0", offset)
    if offset >= len(table) or end < 0:
        raise not_a_module("a section name lies outside the string table")
    return table[offset:end].decode("ascii", "replace")


def parse(data: bytes) -> ObjectFile:
    """Return header and sections of a relocatable ELF file of either class and byte order.

    :raises TwostepError: ``not_a_module`` for anything else, truncated files included.
    """
    if data[:4] != b"\x7fELF" or len(data) < _IDENTITY_BYTES:
        raise not_a_module("it does not begin with an ELF header" if data else "it is empty")
    order = {1: "<", 2: ">"}.get(data[5])
    wide = {1: False, 2: True}.get(data[4])
    if order is None or wide is None:
        raise not_a_module("its ELF class or byte order is unknown")
    try:
        header = struct.unpack_from(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"), data, _IDENTITY_BYTES)
        table_offset, entry_bytes, count, names_index = header[5], header[10], header[11], header[12]
        layout = struct.Struct(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"))
        if entry_bytes < layout.size or not 0 < count <= _MAX_SECTIONS or names_index >= count:
            raise not_a_module("its section table is damaged")
        entries = [layout.unpack_from(data, table_offset + index * entry_bytes) for index in range(count)]
    except (struct.error, OverflowError):
        raise not_a_module("it is truncated") from None
    if header[0] != _RELOCATABLE:
        raise not_a_module("it is linked already, as a program is")

    def content(entry: tuple[int, ...]) -> bytes:
        no_bits = entry[1] in (0, 8)
        if no_bits:
            return b""
        if entry[4] + entry[5] > len(data):
            raise not_a_module("it is truncated")
        return data[entry[4] : entry[4] + entry[5]]

    names = content(entries[names_index])
    found = (Section(_string(names, entry[0]) if entry[1] else "", content(entry), entry[1], entry[6]) for entry in entries)
    return ObjectFile(Machine(header[1], wide, order), tuple(found))


def sections(data: bytes) -> list[Section]:
    """Return the sections of a relocatable ELF file or raise ``not_a_module``."""
    return list(parse(data).sections)


def modinfo(data: bytes) -> dict[str, list[str]]:
    """Return the ``key=value`` pairs of section ``.modinfo`` in file order; a key may have several values."""
    section = parse(data).section(".modinfo")
    if section is None:
        raise not_a_module("it has no section .modinfo")
    found: dict[str, list[str]] = {}
    for item in section.data.split(b"\0"):
        key, equals, value = item.partition(b"=")
        if equals:
            found.setdefault(key.decode("utf-8", "replace"), []).append(value.decode("utf-8", "replace"))
    return found
