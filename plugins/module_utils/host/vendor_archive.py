# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vendor's archive as it lies on a disk: read once, compared, unpacked in memory within limits. Writes nothing.

Runs on the controller and again on the host, which trusts neither the way between them nor what lies there meanwhile: what
is compared are the bytes that are unpacked, never the file a second time.
"""

from __future__ import annotations

import hashlib
import hmac
import lzma
import os
import re
import stat
import zlib

from ..core import source_tree
from ..core.errors import TwostepError
from ..core.tar import BLOCK, refuse

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz")
MAX_PACKED = 64 * 1024 * 1024
_MAX_UNPACKED = source_tree.MAX_VENDOR_BYTES + source_tree.MAX_VENDOR_FILES * 4 * BLOCK
# Sources shrink to a tenth at best. What shrinks to a thousandth was made to.
_MAX_RATIO = 200
_RATIO_FREE = 8 * 1024 * 1024
_XZ_MEMORY = 128 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


def suffix_of(path: str) -> str:
    """Return the suffix that tells how the archive is packed, or raise `bad_source`."""
    for suffix in (".tar.gz", ".tar.xz", ".tgz", ".tar"):
        if path.endswith(suffix):
            return suffix
    raise TwostepError(
        "bad_source", f"{path} is neither a folder nor an archive that is known here.", f"Give a folder or one of {', '.join(SUFFIXES)}."
    )


def checked_sha256(value: object) -> str:
    """Return `value` as a SHA-256 in lower case or raise `bad_sha256`."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if _SHA256.fullmatch(text) is None:
        raise TwostepError(
            "bad_sha256", f"src_sha256 {str(value)[:80]!r} is no SHA-256.", "Give 64 hexadecimal digits, as sha256sum prints them."
        )
    return text


def read(path: str) -> bytes:
    """Return the content of the archive file `path`, or raise `bad_source`, or `archive_limits` for a file beyond 64 MiB."""
    try:
        # A FIFO that somebody put there must not hold us up.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise TwostepError("bad_source", f"{path} is not a plain file.", "Set src to the archive itself.")
            packed = stream.read(MAX_PACKED + 1)
    except OSError as error:
        raise TwostepError("bad_source", f"The archive {path} cannot be read: {error.strerror}.", "Set src to the archive.") from None
    if len(packed) > MAX_PACKED:
        refuse("archive_limits", f"it is larger than {MAX_PACKED} bytes")
    return packed


def check_sha256(packed: bytes, sha256: str) -> None:
    """Raise `source_sha256` unless `packed` has that digest."""
    found = hashlib.sha256(packed).hexdigest()
    if not hmac.compare_digest(found, sha256):
        raise TwostepError(
            "source_sha256",
            f"The source archive has the SHA-256 {found}, wanted is {sha256}.",
            "Fetch the archive again and compare it with what the vendor published; do not adapt the digest to the file.",
            {"found": found, "wanted": sha256},
        )


def unpacked(packed: bytes, suffix: str) -> bytes:
    """Return the tar bytes in `packed`, or raise `archive_limits` or `bad_archive`."""
    data = packed if suffix == ".tar" else _decompressed(packed, suffix == ".tar.xz")
    if len(data) > _MAX_UNPACKED:
        refuse("archive_limits", f"it holds more than {_MAX_UNPACKED} bytes")
    if len(data) > _RATIO_FREE and len(data) > _MAX_RATIO * len(packed):
        refuse("archive_limits", f"it unpacks to more than {_MAX_RATIO} times its size")
    return data


def _decompressed(packed: bytes, is_xz: bool) -> bytes:
    limit = min(_MAX_UNPACKED, max(_RATIO_FREE, _MAX_RATIO * len(packed))) + 1
    try:
        if is_xz:
            by_xz = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            data = by_xz.decompress(packed, limit)
            ended, rest = by_xz.eof, by_xz.unused_data
        else:
            by_zlib = zlib.decompressobj(31)
            data = by_zlib.decompress(packed, limit)
            ended, rest = by_zlib.eof, by_zlib.unused_data
    except (lzma.LZMAError, zlib.error, EOFError, MemoryError):
        refuse("bad_archive", "it cannot be decompressed")
    if len(data) >= limit:
        return data
    if not ended:
        refuse("bad_archive", "it is truncated")
    if rest.strip(b"\0"):
        refuse("bad_archive", "something follows its end")
    return data
