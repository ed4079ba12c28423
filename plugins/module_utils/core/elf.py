# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel object files as bytes: sections, modinfo, whether a signature is appended.

Pure functions over a whole file. Every malformed input ends in ``TwostepError("not_a_module")``,
because the bytes come from disks that lose power and from archives of others.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .errors import TwostepError

SIGNATURE_MARK = b"~Module signature appended~\n"
_MAX_SECTIONS = 4096
_IDENTITY_BYTES = 16


class Section(NamedTuple):
    """One section: its name and its bytes."""

    name: str
    data: bytes


def _not_a_module(why: str) -> TwostepError:
    return TwostepError("not_a_module", f"The file is not a kernel module: {why}.", "Build and install the module again.")


def is_signed(data: bytes) -> bool:
    """Return whether a signature is appended. Says nothing about whether the kernel trusts it."""
    return data.endswith(SIGNATURE_MARK)


def _string(table: bytes, offset: int) -> str:
    end = table.find(b"\0", offset)
    if offset >= len(table) or end < 0:
        raise _not_a_module("a section name lies outside the string table")
    return table[offset:end].decode("ascii", "replace")


def sections(data: bytes) -> list[Section]:
    """Return the sections of an ELF file of either class and byte order.

    :raises TwostepError: ``not_a_module`` for anything else, truncated files included.
    """
    if data[:4] != b"\x7fELF" or len(data) < _IDENTITY_BYTES:
        raise _not_a_module("it does not begin with an ELF header")
    order = {1: "<", 2: ">"}.get(data[5])
    wide = {1: False, 2: True}.get(data[4])
    if order is None or wide is None:
        raise _not_a_module("its ELF class or byte order is unknown")
    try:
        header = struct.unpack_from(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"), data, _IDENTITY_BYTES)
        table_offset, entry_bytes, count, names_index = header[5], header[10], header[11], header[12]
        layout = struct.Struct(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"))
        if entry_bytes < layout.size or not 0 < count <= _MAX_SECTIONS or names_index >= count:
            raise _not_a_module("its section table is damaged")
        entries = [layout.unpack_from(data, table_offset + index * entry_bytes) for index in range(count)]
    except (struct.error, OverflowError):
        raise _not_a_module("it is truncated") from None

    def content(entry: tuple[int, ...]) -> bytes:
        no_bits = entry[1] in (0, 8)
        if no_bits:
            return b""
        if entry[4] + entry[5] > len(data):
            raise _not_a_module("it is truncated")
        return data[entry[4] : entry[4] + entry[5]]

    names = content(entries[names_index])
    return [Section(_string(names, entry[0]) if entry[1] else "", content(entry)) for entry in entries]


def modinfo(data: bytes) -> dict[str, list[str]]:
    """Return the ``key=value`` pairs of section ``.modinfo`` in file order; a key may have several values."""
    for section in sections(data):
        if section.name != ".modinfo":
            continue
        found: dict[str, list[str]] = {}
        for item in section.data.split(b"\0"):
            key, equals, value = item.partition(b"=")
            if equals:
                found.setdefault(key.decode("utf-8", "replace"), []).append(value.decode("utf-8", "replace"))
        return found
    raise _not_a_module("it has no section .modinfo")
