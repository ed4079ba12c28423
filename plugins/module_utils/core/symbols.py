# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The symbols that a kernel and its modules export: `Module.symvers` and `/proc/kallsyms` as data. Reading files is `host/symbols.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable, Mapping, NamedTuple

KERNEL = "vmlinux"
_KSYMTAB = "__ksymtab_"
_MAX_CRC_CHARS = 10


class Export(NamedTuple):
    """Who exports a symbol, and with which checksum; None where it is not known."""

    owner: str
    crc: int | None


@dataclass(frozen=True)
class Symbols:
    """What is known of the symbols that were asked for.

    :ivar exports: who exports each. A symbol that is absent is not exported, if `complete`; else nothing is known of it.
    :ivar source: where the kernel's checksums come from, None where there were none to be had.
    :ivar running: of the symbols that were asked for, those that are in the running kernel, with the module that has them.
    """

    exports: Mapping[str, Export] = field(default_factory=dict)
    complete: bool = False
    source: str | None = None
    running: Mapping[str, str] = field(default_factory=dict)


def from_symvers(lines: Iterable[str], only_from: str | None = None) -> tuple[dict[str, Export], int]:
    """Return the exports in a `Module.symvers`, and how many lines of it could be understood.

    :param only_from: module whose lines count; all by default.
    """
    found: dict[str, Export] = {}
    understood = 0
    for line in lines:
        parts = line.rstrip("\n").split("\t")
        if len(parts) < 4 or not parts[0].startswith("0x") or len(parts[0]) > _MAX_CRC_CHARS:
            continue
        try:
            crc = int(parts[0], 16)
        except ValueError:
            continue
        understood += 1
        owner = _module(parts[2])
        if only_from is None or owner == only_from:
            # A kernel that was built without checksums has zeros.
            found[parts[1]] = Export(owner, crc or None)
    return found, understood


def _module(path: str) -> str:
    """Return the name of a module by its path in a build tree."""
    return path.rsplit("/", 1)[-1].rsplit(".ko", 1)[0].replace("-", "_")


def from_kallsyms(lines: Iterable[str]) -> tuple[dict[str, str], bool]:
    """Return what the running kernel exports, by symbol the module that has it, and whether the list is exact.

    Exact is a kernel that lists `__ksymtab_<name>` for each export. In the others every global function counts, and data are not
    listed at all.
    """
    exported: dict[str, str] = {}
    named: dict[str, str] = {}
    for line in lines:
        # Most of the hundred thousand lines are of no interest once it is known that exports are listed.
        if exported and _KSYMTAB not in line:
            continue
        parts = line.split()
        if len(parts) < 3:
            continue
        owner = parts[3].strip("[]") if len(parts) > 3 else KERNEL
        if parts[2].startswith(_KSYMTAB):
            exported[parts[2][len(_KSYMTAB) :]] = owner
        elif parts[1].isupper():
            named[parts[2]] = owner
    return (exported, True) if exported else (named, False)
