# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a source archive, by the path that each gets below the source folder. Every path has passed a pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

from . import tar
from .errors import TwostepError

MAX_VENDOR_FILES = 20_000
MAX_VENDOR_BYTES = 128 * 1024 * 1024
CONF = "dkms.conf"
_MAX_DEPTH = 16
_MAX_PATH = 240
# ASCII only: no look-alike, no control character, no separator of a shell or of make. Never "." or "..", never an option.
_PART = re.compile(rb"(?!\.{1,2}\Z)[A-Za-z0-9._][A-Za-z0-9._+@,-]{0,99}")


@dataclass(frozen=True)
class SourceFile:
    """One file: its content, and whether its owner may execute it."""

    data: bytes
    executable: bool = False


def _path(name: bytes) -> str:
    """Return the path of a member, an empty one for the top folder itself."""
    plain = name[2:] if name.startswith(b"./") else name
    plain = plain[:-1] if plain.endswith(b"/") else plain
    if plain in (b"", b".") and name in (b".", b"./"):
        return ""
    parts = plain.split(b"/")
    if b".." in parts:
        tar.refuse("archive_name", "leads out of its folder", name)
    if plain.startswith(b"/") or name.startswith(b"/"):
        tar.refuse("archive_name", "is an absolute path", name)
    if any(byte > 126 for byte in plain):
        tar.refuse("archive_name", "has a name that is not ASCII", name, "Rename the file; use letters, digits and . _ + - @ , only.")
    if len(plain) > _MAX_PATH or len(parts) > _MAX_DEPTH:
        tar.refuse("archive_name", "is too long or too deep", name)
    if not all(_PART.fullmatch(part) for part in parts):
        tar.refuse(
            "archive_name",
            "has a name that is not allowed",
            name,
            "Rename the file; use letters, digits and . _ + - @ , only, and no . alone.",
        )
    return plain.decode("ascii")


def _without_top(files: dict[str, SourceFile]) -> dict[str, SourceFile]:
    """Return `files` without the one folder that all of them lie in, if there is one."""
    tops = {path.split("/", 1)[0] for path in files}
    if len(tops) != 1 or not all("/" in path for path in files):
        return files
    return {path.split("/", 1)[1]: file for path, file in files.items()}


def files_of(packed: bytes, max_files: int, max_bytes: int, strip_top: bool = False) -> dict[str, SourceFile]:
    """Return the files of an uncompressed tar archive.

    :param strip_top: whether a single common top folder, as vendors' archives have one, is left out of the paths.
    :raises TwostepError: `archive_name`, `archive_doubled`, `archive_limits`, `archive_empty`, or what `tar.entries` raises.
    """
    files: dict[str, SourceFile] = {}
    folders: set[str] = set()
    total = 0
    for entry in tar.entries(packed, max_files):
        path = _path(entry.name)
        if not entry.is_folder:
            if path in files or path in folders:
                tar.refuse("archive_doubled", "is there twice", entry.name)
            total += len(entry.data)
            if total > max_bytes:
                tar.refuse("archive_limits", f"it holds more than {max_bytes} bytes")
            files[path] = SourceFile(entry.data, bool(entry.mode & 0o100))
        elif path in files:
            tar.refuse("archive_doubled", "is there twice", entry.name)
        elif path:
            folders.add(path)
        parents = path.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            parent = "/".join(parents[:depth])
            if parent in files:
                tar.refuse("archive_doubled", "lies below a file", entry.name)
            folders.add(parent)
    if "" in files or not files:
        tar.refuse("archive_empty", "it holds no file")
    return _without_top(files) if strip_top else files


def chosen(files: dict[str, SourceFile], only: Sequence[str]) -> dict[str, SourceFile]:
    """Return the files directly at the top and below the folders `only`; all when it is empty."""
    for name in only:
        if not any(path.startswith(name + "/") for path in files):
            raise TwostepError("bad_source", f"The source archive has no folder {str(name)[:80]!r}.", "Correct folders.")
    return {path: file for path, file in files.items() if not only or "/" not in path or path.split("/", 1)[0] in only}


def vendor_files(packed: bytes, only: Sequence[str] = ()) -> dict[str, SourceFile]:
    """Return the files of a vendor's archive, its `dkms.conf` among them: whoever writes a source folder leaves it out."""
    return chosen(files_of(packed, MAX_VENDOR_FILES, MAX_VENDOR_BYTES, strip_top=True), only)
