# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes small kernel object files for tests: an ELF header, modinfo, a symbol table with what it needs and exports, symbol versions."""

from __future__ import annotations

import struct
from typing import Mapping, NamedTuple, Sequence

MARK = b"~Module signature appended~\n"
DEFAULT = (
    ("version", "1.1.0"),
    ("srcversion", "F4A2EACDDAA9D4EBBB688CF"),
    ("name", "twostep_remap_1_1_0"),
    ("vermagic", "6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions "),
)
_PROGBITS, _SYMTAB, _STRTAB, _NOBITS = 1, 2, 3, 8
_LOCAL, _GLOBAL, _WEAK = 0, 1, 2
_ABSOLUTE = 0xFFF1


class Section(NamedTuple):
    """A section to be written; one without bits has only a size."""

    name: str
    kind: int
    data: bytes
    link: int = 0
    size: int = 0


def versions_bytes(versions: Mapping[str, int], order: str = "<", wide: bool = True) -> bytes:
    """Return the content of `__versions`."""
    return b"".join(struct.pack(order + ("Q56s" if wide else "I60s"), crc, name.encode()) for name, crc in versions.items())


def long_versions(versions: Mapping[str, int], order: str = "<") -> list[Section]:
    """Return the two sections that a kernel with long names has."""
    crcs = struct.pack(f"{order}{len(versions)}I", *versions.values())
    names = b"".join(name.encode() + b"\0" for name in versions)
    return [Section("__version_ext_crcs", _PROGBITS, crcs), Section("__version_ext_names", _PROGBITS, names)]


def section(name: str, data: bytes) -> Section:
    """Return a section with bytes."""
    return Section(name, _PROGBITS, data)


def _strings(words: Sequence[str]) -> tuple[bytes, dict[str, int]]:
    table, places = b"\0", {"": 0}
    for word in words:
        if word not in places:
            places[word] = len(table)
            table += word.encode() + b"\0"
    return table, places


def _symbols(
    order: str, wide: bool, needs: Sequence[str], weak: Sequence[str], exports: Mapping[str, int | None], crc_section: int, stripped: bool
) -> tuple[bytes, bytes]:
    """Return symbol table and strings. A checksum is the value of an absolute symbol, or stands in `crc_section`."""
    rows = [("", _LOCAL, 0, 0)]
    for place, (name, crc) in enumerate(exports.items()):
        if not stripped:
            rows.append((f"__ksymtab_{name}", _LOCAL, 1, 0))
        if crc is not None and not stripped:
            rows.append((f"__crc_{name}", _LOCAL, crc_section, 4 * place) if crc_section else (f"__crc_{name}", _LOCAL, _ABSOLUTE, crc))
        rows.append((name, _GLOBAL, 1, 0))
    rows += [(name, _GLOBAL, 0, 0) for name in needs] + [(name, _WEAK, 0, 0) for name in weak]
    strings, places = _strings([row[0] for row in rows])
    layout = order + ("IBBHQQ" if wide else "IIIBBH")
    table = b""
    for name, bind, where, value in rows:
        entry = (places[name], bind << 4, 0, where, value, 0) if wide else (places[name], value, 0, bind << 4, 0, where)
        table += struct.pack(layout, *entry)
    return table, strings


def module_bytes(
    facts: tuple[tuple[str, str], ...] = DEFAULT,
    *,
    order: str = "<",
    wide: bool = True,
    signed: bool = False,
    machine: int = 62,
    kind: int = 1,
    needs: Sequence[str] = (),
    weak: Sequence[str] = (),
    versions: Mapping[str, int] | None = None,
    exports: Mapping[str, int | None] | None = None,
    absolute_crcs: bool = False,
    stripped: bool = False,
    this_module: int | None = 896,
    symbol_table: bool = True,
    extra: Sequence[Section] = (),
) -> bytes:
    """Return a module file in either byte order and class.

    :param facts: of .modinfo.
    :param absolute_crcs: checksums of exports as values of symbols, as before Linux 5.19, instead of in `__kcrctab`.
    :param stripped: without local symbols.
    :param this_module: size of the kernel's struct, None without that section.
    """
    found = [Section("", 0, b""), section(".modinfo", b"".join(f"{key}={value}".encode() + b"\0" for key, value in facts))]
    # Without bytes in the file, whatever its size says.
    found.append(Section(".bss", _NOBITS, b"", size=1 << 20))
    if this_module is not None:
        found.append(section(".gnu.linkonce.this_module", bytes(this_module)))
    if versions is not None:
        found.append(section("__versions", versions_bytes(versions, order, wide)))
    crc_section = 0
    if exports:
        found.append(section("__ksymtab_strings", b"".join(name.encode() + b"\0\0" for name in exports)))
        if not absolute_crcs:
            crc_section = len(found)
            found.append(section("__kcrctab_gpl", struct.pack(f"{order}{len(exports)}I", *(crc or 0 for crc in exports.values()))))
    found += extra
    if symbol_table:
        table, strings = _symbols(order, wide, needs, weak, exports or {}, crc_section, stripped)
        found += [Section(".symtab", _SYMTAB, table, len(found) + 1), Section(".strtab", _STRTAB, strings)]
    return _file(found, order, wide, machine, kind) + (b"signature" + MARK if signed else b"")


def _file(found: list[Section], order: str, wide: bool, machine: int, kind: int) -> bytes:
    names, places = _strings([item.name for item in found] + [".shstrtab"])
    found = [*found, Section(".shstrtab", _STRTAB, names)]
    header_bytes, entry_bytes = (64, 64) if wide else (52, 40)
    body, rows = b"", []
    for item in found:
        size = item.size or len(item.data)
        rows.append((places[item.name], item.kind, 0, 0, header_bytes + len(body) if item.kind else 0, size, item.link, 0, 0, 0))
        body += item.data
    identity = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    rest = (kind, machine, 1, 0, 0, header_bytes + len(body), 0, header_bytes, 0, 0, entry_bytes, len(found), len(found) - 1)
    header = identity + struct.pack(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"), *rest)
    layout = order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII")
    return header + body + b"".join(struct.pack(layout, *row) for row in rows)
