# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module file wants from the kernel and gives to it: undefined symbols, their versions, exported symbols.

Reads bytes only. What the kernel has of it is `symbols.py`; whether that fits is `compat_kernel.py`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Iterator, Mapping, NamedTuple

from . import elf
from .elf import Machine, ObjectFile, Section

_SYMBOL_TABLE = 2
_MAX_SYMBOLS = 1_000_000
_MAX_NAME = 1024
_VERSION_BYTES = 64
_UNDEFINED, _ABSOLUTE, _RESERVED = 0, 0xFFF1, 0xFF00
_GLOBAL, _WEAK = 1, 2
_KSYMTAB, _CRC = "__ksymtab_", "__crc_"
# The kernel passes over these, too: an assembler writes the first, and PowerPC's linker the second.
_NOT_LOOKED_UP = frozenset({"_GLOBAL_OFFSET_TABLE_", ".TOC."})


class Symbol(NamedTuple):
    """One symbol: its name, how it binds, the number of its section, its value."""

    name: str
    bind: int
    section: int
    value: int


@dataclass(frozen=True)
class Linkage:
    """What a file wants and gives.

    :ivar needs: undefined symbols; the kernel refuses the file where one is missing. Weak ones are left out: they may be missing.
    :ivar versions: checksum of each symbol as the file was built, or None in a file that was built without.
    :ivar unreadable: why the checksums cannot be read though the file has some; a later kernel may lay them out otherwise.
    :ivar exports: exported symbols with their checksums, None where the file tells none.
    :ivar module_bytes: size of the kernel's `struct module` as the file was built.
    """

    machine: Machine
    needs: tuple[str, ...] = ()
    versions: Mapping[str, int] | None = None
    exports: Mapping[str, int | None] | None = None
    module_bytes: int = 0
    unreadable: str = ""

    @property
    def exported(self) -> Mapping[str, int | None]:
        """Return the exported symbols; empty without any."""
        return self.exports or {}


def parse(data: bytes) -> Linkage:
    """Return what a module file wants and gives.

    :raises TwostepError: `not_a_module` for a file that no kernel would take as a module, a damaged one included.
    """
    file = elf.parse(data)
    this_module = file.section(".gnu.linkonce.this_module")
    if this_module is None:
        raise elf.not_a_module("it has no section .gnu.linkonce.this_module")
    tables = [section for section in file.sections if section.kind == _SYMBOL_TABLE]
    if not tables:
        raise elf.not_a_module("it has no symbol table; it was stripped")
    symbols = list(_symbols(file, tables[0]))
    versions, unreadable = _versions(file)
    bound = {symbol.name for symbol in symbols if symbol.section == _UNDEFINED and symbol.bind == _GLOBAL}
    return Linkage(
        machine=file.machine,
        needs=tuple(sorted(name for name in bound - _NOT_LOOKED_UP if name)),
        versions=versions,
        exports=_exports(file, symbols),
        module_bytes=len(this_module.data),
        unreadable=unreadable,
    )


def _symbols(file: ObjectFile, table: Section) -> Iterator[Symbol]:
    """Yield the symbols that matter: undefined and global ones, and the local ones that tell of exports."""
    wide, order = file.machine.wide, file.machine.order
    layout = struct.Struct(order + ("IBBHQQ" if wide else "IIIBBH"))
    if len(table.data) % layout.size or len(table.data) // layout.size > _MAX_SYMBOLS or table.link >= len(file.sections):
        raise elf.not_a_module("its symbol table is damaged")
    strings = file.sections[table.link].data
    for entry in layout.iter_unpack(table.data):
        if wide:
            offset, info, _other, section, value, _size = entry
        else:
            offset, value, _size, info, _other, section = entry
        bind = info >> 4
        if bind in (_GLOBAL, _WEAK) or strings.startswith((b"__ksymtab_", b"__crc_"), offset):
            yield Symbol(_name(strings, offset), bind, section, value)


def _name(strings: bytes, offset: int) -> str:
    end = strings.find(b"\0", offset, offset + _MAX_NAME)
    if offset >= len(strings) or end < 0:
        raise elf.not_a_module("a symbol's name lies outside the string table")
    return strings[offset:end].decode("utf-8", "replace")


def _versions(file: ObjectFile) -> tuple[dict[str, int] | None, str]:
    """Return the checksums that the file was built with, and why they cannot be read.

    They are in `__versions`, or in a pair of sections that has room for long names. With both, the kernel reads the pair.
    """
    crcs, words = file.section("__version_ext_crcs"), file.section("__version_ext_names")
    if crcs is not None and words is not None:
        return _long_versions(file.machine.order, crcs.data, words.data)
    section = file.section("__versions")
    if section is None:
        return None, ""
    if len(section.data) % _VERSION_BYTES:
        return None, f"section __versions has {len(section.data)} bytes, which is no multiple of {_VERSION_BYTES}"
    layout = struct.Struct(file.machine.order + ("Q56s" if file.machine.wide else "I60s"))
    found: dict[str, int] = {}
    for crc, padded in layout.iter_unpack(section.data):
        name, nul, _rest = padded.partition(b"\0")
        if not nul or not name or crc > 0xFFFFFFFF:
            return None, f"entry {len(found)} of section __versions is no checksum with a name"
        found[name.decode("utf-8", "replace")] = crc
    return found, ""


def _long_versions(order: str, crcs: bytes, words: bytes) -> tuple[dict[str, int] | None, str]:
    count = len(crcs) // 4
    # What stands behind the last name is padding.
    names = words.split(b"\0")[:count]
    if len(crcs) % 4 or words.count(b"\0") < count or not all(names):
        return None, "sections __version_ext_crcs and __version_ext_names do not belong together"
    values = struct.unpack(f"{order}{count}I", crcs)
    return {name.decode("utf-8", "replace"): crc for name, crc in zip(names, values)}, ""


def _exports(file: ObjectFile, symbols: list[Symbol]) -> dict[str, int | None]:
    """Return the exported symbols.

    Usually a local symbol `__ksymtab_<name>` tells of each. A file that was stripped of those still has the names as strings.
    """
    found: dict[str, int | None] = {symbol.name[len(_KSYMTAB) :]: None for symbol in symbols if symbol.name.startswith(_KSYMTAB)}
    strings = file.section("__ksymtab_strings")
    if strings is not None:
        words = {word.decode("utf-8", "replace") for word in strings.data.split(b"\0")}
        found.update({symbol.name: None for symbol in symbols if symbol.section != _UNDEFINED and symbol.name in words})
    for symbol in symbols:
        name = symbol.name[len(_CRC) :]
        if symbol.name.startswith(_CRC) and name in found:
            found[name] = _crc(file, symbol)
    return found


def _crc(file: ObjectFile, symbol: Symbol) -> int | None:
    """Return the checksum of an exported symbol: the value itself, or what stands in `__kcrctab` at that place."""
    if symbol.section == _ABSOLUTE:
        return symbol.value & 0xFFFFFFFF
    if not _UNDEFINED < symbol.section < min(len(file.sections), _RESERVED):
        return None
    section = file.sections[symbol.section]
    if not section.name.startswith("__kcrctab") or symbol.value + 4 > len(section.data):
        return None
    return int(struct.unpack_from(file.machine.order + "I", section.data, symbol.value)[0])
