# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes archives for tests, good and hostile ones: whatever the standard library can write, and what it would not."""

from __future__ import annotations

import io
import tarfile


def member(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.mode = kind, len(data), mode
    made.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    return made, data


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for made, data in members:
            archive.addfile(made, io.BytesIO(data))
    return buffer.getvalue()


def files(**contents: str) -> bytes:
    """Return an archive of plain files; `__` in a name stands for a slash, `_DOT_` for a dot."""
    return tar(*(member(name.replace("__", "/").replace("_DOT_", "."), data=text.encode()) for name, text in contents.items()))


def header(name: bytes, kind: bytes = b"0", size: bytes = b"00000000000\0", mode: bytes = b"0000644\0") -> bytes:
    """Return one header block as it is told, with a right checksum."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = mode
    block[124:136] = size
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(1024)
