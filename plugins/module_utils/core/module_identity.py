# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the module that the kernel has the one in the file? Two marks tell builds apart; neither changes when a file is signed or compressed.

The build ID is a checksum of the linked file (`ld --build-id`), which the kernel shows in /sys/module/<module>/notes. `srcversion` is one
of the sources (scripts/mod/sumversion.c), and only modules with a MODULE_VERSION need to have it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import elf
from .modinfo import ModuleInfo

SECTION = ".note.gnu.build-id"
_NAME, _TYPE = b"GNU\0", 3
_MOST_BYTES = 64


@dataclass(frozen=True)
class Identity:
    """Marks of one build; each is empty where it is not known. `version` is for people, and tells no builds apart."""

    build_id: str = ""
    srcversion: str = ""
    version: str = ""

    def is_same(self, other: Identity) -> bool | None:
        """Return whether both are one build, None where that cannot be told."""
        if self.build_id and other.build_id:
            return self.build_id == other.build_id
        if self.srcversion and other.srcversion:
            return self.srcversion == other.srcversion
        return None

    def __str__(self) -> str:
        mark = self.build_id[:12] or self.srcversion
        return f"{self.version} ({mark})" if self.version and mark else self.version or mark or "unknown"


def build_id(notes: bytes, order: str = "<") -> str:
    """Return the build ID in a note section as hex digits, empty where there is none."""
    offset = 0
    while offset + 12 <= len(notes):
        name_bytes, bytes_, kind = struct.unpack_from(f"{order}III", notes, offset)
        name_at = offset + 12
        at = name_at + (name_bytes + 3) // 4 * 4
        if notes[name_at : name_at + name_bytes] == _NAME and kind == _TYPE and 0 < bytes_ <= _MOST_BYTES and at + bytes_ <= len(notes):
            return notes[at : at + bytes_].hex()
        offset = at + (bytes_ + 3) // 4 * 4
    return ""


def of_file(info: ModuleInfo, image: bytes | None) -> Identity:
    """Return the identity of a module file; without its content it has no build ID."""
    found = ""
    if image is not None:
        file = elf.parse(image)
        section = file.section(SECTION)
        found = build_id(section.data, file.machine.order) if section else ""
    return Identity(found, info.srcversion, info.version)
