# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tar archive as bytes, read strictly: plain files and folders, nothing else.

A reader of its own, since that of the standard library accepts far more than sources need, and its filters were bypassed
more than once. What two readers could understand differently is refused. Names are given as they stand: whether they may
become paths is decided in `core/source_tree.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, NoReturn

from .errors import TwostepError

BLOCK = 512
_MAX_NAME = 4096
_MAX_PAX = 64 * 1024
_LINKS = {"1": "a hard link", "2": "a symbolic link", "K": "a link"}
_SPECIAL = {"3": "a character device", "4": "a block device", "6": "a FIFO", "7": "a contiguous file"}
_SPARSE = "S"
# Of a pax header only the path is used; these would make a member another one than its header says.
_PAX_REFUSED = ("linkpath", "size", "hdrcharset")
_NEXT = "Ask the vendor for an archive of plain files and folders, made by tar or git archive."


@dataclass(frozen=True)
class Entry:
    """One member: `name` as bytes, `data` empty for a folder."""

    name: bytes
    data: bytes
    mode: int
    is_folder: bool


def refuse(code: str, why: str, name: bytes = b"", next_step: str = _NEXT) -> NoReturn:
    """Raise the refusal of an archive. `name` is shown with everything that is not printable escaped."""
    shown = repr(name[:120].decode("ascii", "backslashreplace"))
    raise TwostepError(
        code, f"The source archive is refused: {shown + ' ' if name else ''}{why}.", next_step, {"member": shown} if name else {}
    )


def _number(field: bytes, what: str, name: bytes) -> int:
    if field[:1] >= b"\x80":
        refuse("archive_limits", f"has a {what} beyond 8 GiB or below 0", name)
    digits = field.strip(b" \0")
    try:
        return int(digits or b"0", 8) if digits.isdigit() or not digits else int("x")
    except ValueError:
        refuse("bad_archive", f"has a damaged {what}", name)


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _pax(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the records of an extended header."""
    while data:
        digits, space, _rest = data.partition(b" ")
        if not space or not digits.isdigit() or len(digits) > 6:
            refuse("bad_archive", "an extended header is damaged")
        length = int(digits)
        record = data[len(digits) + 1 : length]
        key, equals, value = record[:-1].partition(b"=")
        if length > len(data) or record[-1:] != b"\n" or not equals:
            refuse("bad_archive", "an extended header is damaged")
        yield key.decode("ascii", "replace"), value
        data = data[length:]


def _pax_path(data: bytes, is_global: bool) -> bytes:
    path = b""
    for key, value in _pax(data):
        if key.startswith("GNU.sparse"):
            refuse("archive_sparse", "holds a sparse file")
        if key in _PAX_REFUSED or (is_global and key == "path"):
            refuse("bad_archive", f"an extended header sets {key}")
        if key == "path":
            path = value
    return path


def _check_header(header: bytes) -> None:
    expected = sum(header) - sum(header[148:156]) + 8 * 32
    if _number(header[148:156], "checksum", b"") != expected:
        refuse("bad_archive", "a header has a wrong checksum, or this is no tar archive")
    if header[257:263] not in (b"ustar\0", b"ustar ", bytes(6)):
        refuse("bad_archive", "its format is not known")


def _header_name(header: bytes) -> bytes:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _check_kind(kind: str, name: bytes) -> None:
    if kind in _LINKS:
        refuse("archive_link", f"is {_LINKS[kind]}", name)
    if kind in _SPECIAL:
        refuse("archive_special", f"is {_SPECIAL[kind]}", name)
    if kind == _SPARSE:
        refuse("archive_sparse", "is a sparse file", name)
    if kind not in ("0", "\0", "5", "x", "g", "L"):
        refuse("archive_special", f"is of the unknown kind {kind!r}", name)


def entries(data: bytes, max_members: int) -> list[Entry]:
    """Return the members of an uncompressed archive in order.

    :raises TwostepError: `archive_link`, `archive_special`, `archive_sparse`, `archive_mode`, `archive_limits`, and `bad_archive`
        for everything that is damaged or that two readers could understand differently.
    """
    found: list[Entry] = []
    offset = 0
    long_name = b""
    while True:
        header = data[offset : offset + BLOCK]
        if len(header) < BLOCK:
            refuse("bad_archive", "it is truncated, or this is no tar archive")
        if not any(header):
            break
        _check_header(header)
        kind = chr(header[156])
        name = long_name or _header_name(header)
        _check_kind(kind, name)
        size = _number(header[124:136], "size", name)
        body = data[offset + BLOCK : offset + BLOCK + size]
        if len(body) < size:
            refuse("bad_archive", "is truncated", name)
        offset += BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
        if kind in ("x", "g", "L"):
            if size > (_MAX_NAME if kind == "L" else _MAX_PAX):
                refuse("archive_limits", "an extended header is too long")
            told = _text(body) if kind == "L" else _pax_path(body, kind == "g")
            if told and long_name:
                refuse("bad_archive", "a member has two names", told)
            long_name = told or long_name
            continue
        if len(found) >= max_members:
            refuse("archive_limits", f"it holds more than {max_members} files and folders")
        mode = _number(header[100:108], "mode", name)
        if mode & 0o7000:
            refuse("archive_mode", "has a setuid, setgid or sticky bit", name)
        if kind == "5" and size:
            refuse("bad_archive", "is a folder with content", name)
        found.append(Entry(name, body, mode, kind == "5" or name.endswith(b"/")))
        if found[-1].is_folder and size:
            refuse("bad_archive", "is a folder with content", name)
        long_name = b""
    if long_name:
        refuse("bad_archive", "a name has no member", long_name)
    if any(data[offset:]):
        refuse("bad_archive", "something follows its end")
    return found
