# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source tree as one archive: packed on the controller, unpacked on the host.

The same files give the same digest on every controller: it is taken over the tar before
compression, since compressors differ. Unpacking trusts nothing: the digest first, then plain files and folders below the
target only, within limits (`core/tar.py`, `core/source_tree.py`).
"""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import io
import os
import re
import stat
import tarfile
import zlib
from typing import Mapping, Sequence

from ..core import source_tree
from ..core.errors import TwostepError
from ..core.source_tree import SourceFile

MAX_BYTES = 16 * 1024 * 1024
MAX_FILES = 2000
_WANTED = ("*.c", "*.h", "*.S", "Kbuild", "Kconfig", "Makefile", "*.mk", "*.sh", "*.txt", "*.md", "ABI")
_BUILT = ("*.mod.c", ".*")
# Each part begins with a letter or digit, so neither "..", an absolute path nor an option can be one.
_MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._+-]{0,63}){0,7}")


def _bad_source(message: str, next_step: str) -> TwostepError:
    return TwostepError("bad_source", message, next_step)


def _bad_archive(why: str) -> TwostepError:
    return TwostepError(
        "bad_archive", f"The source archive is refused: {why}.", "Run the task again; if it stays, look at the source folder."
    )


def _chosen(folder: str, only: Sequence[str]) -> list[str]:
    chosen = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if parent == folder and only:
            folders[:] = [name for name in folders if name in only]
        for name in sorted(folders + files):
            path = os.path.join(parent, name)
            wanted = any(fnmatch.fnmatchcase(name, pattern) for pattern in _WANTED)
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in _BUILT):
                continue
            if os.path.islink(path) and (wanted or os.path.isdir(path)):
                raise _bad_source(f"{path} is a link.", "Put the file itself there.")
            if wanted and stat.S_ISREG(os.lstat(path).st_mode):
                chosen.append(os.path.relpath(path, folder).replace(os.sep, "/"))
    return sorted(chosen)


def pack(folder: str, only: Sequence[str] = ()) -> tuple[bytes, str]:
    """Return the sources below `folder` as tar bytes and their SHA-256.

    Build products, hidden files and everything that no build reads stay out; times, owners and the order are fixed.

    :param only: names of the folders directly in `folder` that are packed, all when empty; files directly in it always are.
    :raises TwostepError: `bad_source` for a missing or empty folder, a link, an odd file name or too much data.
    """
    if not os.path.isdir(folder):
        raise _bad_source(f"{folder} is not a folder on the controller.", "Set src to the folder with the module's sources.")
    missing = [name for name in only if not os.path.isdir(os.path.join(folder, name))]
    if missing:
        raise _bad_source(f"{folder} has no folder {missing[0]!r}.", "Correct folders.")
    names = _chosen(folder, only)
    if not names:
        raise _bad_source(f"{folder} holds no source files.", "Set src to the folder with the module's sources.")
    buffer = io.BytesIO()
    total = 0
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            if _MEMBER.fullmatch(name) is None:
                raise _bad_source(f"The file name {name[:120]!r} is not allowed.", "Use letters, digits and . _ + - only.")
            path = os.path.join(folder, name)
            with open(path, "rb") as stream:
                data = stream.read(MAX_BYTES + 1)
            total += len(data)
            if total > MAX_BYTES or len(names) > MAX_FILES:
                raise _bad_source(
                    f"{folder} holds more than {MAX_FILES} files or {MAX_BYTES} bytes.", "Set src to the module's own folder."
                )
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o755 if os.stat(path).st_mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(data))
    packed = buffer.getvalue()
    return packed, hashlib.sha256(packed).hexdigest()


def compress(packed: bytes) -> bytes:
    """Return tar bytes as gzip, without a time in it."""
    return gzip.compress(packed, mtime=0)


def read(path: str, sha256: str) -> bytes:
    """Return the tar bytes of the gzip file `path` after comparing their digest.

    :raises TwostepError: `bad_archive`.
    """
    limit = MAX_BYTES + MAX_FILES * 2048
    try:
        with open(path, "rb") as stream:
            unpacker = zlib.decompressobj(31)
            packed = unpacker.decompress(stream.read(limit), limit)
    except (OSError, zlib.error) as error:
        raise _bad_archive(f"it cannot be read ({error})") from None
    if not unpacker.eof:
        raise _bad_archive("it is truncated or too large")
    if hashlib.sha256(packed).hexdigest() != sha256:
        raise _bad_archive("its SHA-256 differs from the one that was sent along")
    return packed


def files_of(packed: bytes) -> dict[str, SourceFile]:
    """Return the files in `packed`, or raise what `core/source_tree.py` raises."""
    return source_tree.files_of(packed, MAX_FILES, MAX_BYTES)


def unpack(files: Mapping[str, SourceFile], folder: str) -> None:
    """Write `files`, whose paths have passed their check, below the empty `folder`, each fsynced."""
    for path, file in files.items():
        _write(os.path.join(folder, path), file.data, 0o755 if file.executable else 0o644)


def _write(path: str, data: bytes, mode: int) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as stream:
        os.fchmod(handle, mode)
        stream.write(data)
        stream.flush()
        os.fsync(handle)
