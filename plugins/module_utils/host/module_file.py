# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files that anybody may have put where a module belongs: never more than was allowed, and never waiting for a pipe."""

from __future__ import annotations

import lzma
import os
import stat
import zlib
from typing import Any

from ..core.errors import TwostepError

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFDIR: "a folder", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}
_XZ_MEMORY_BYTES = 256 * 1024 * 1024
_NEXT_STEP = "Build and install the module again."


def not_a_module(path: str, why: str) -> TwostepError:
    """Return the error for a file that is something else."""
    return TwostepError("not_a_module", f"The file {path} is not a kernel module: {why}.", _NEXT_STEP, {"path": path})


def no_module_file(path: str, error: OSError) -> TwostepError:
    """Return the error for a file that cannot be read."""
    return TwostepError(
        "no_module_file", f"The module file {path} cannot be read: {error.strerror}.", "Build and install the module.", {"path": path}
    )


def read(path: str, most_bytes: int) -> bytes:
    """Return the content of a regular file, as it lies there.

    :raises TwostepError: `no_module_file`, or `not_a_module` for anything but a regular file of at most `most_bytes`.
    """
    try:
        # Opening a pipe that nobody writes to would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        if os.path.islink(path):
            raise not_a_module(path, "it is a link to nothing") from None
        raise no_module_file(path, error) from None
    except OSError as error:
        if error.strerror and not isinstance(error, PermissionError) and _kind(path):
            raise not_a_module(path, f"it is {_kind(path)}") from None
        raise no_module_file(path, error) from None
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise not_a_module(path, f"it is {_KINDS.get(stat.S_IFMT(state.st_mode), 'no regular file')}")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            data = stream.read(most_bytes + 1)
    except OSError as error:
        raise no_module_file(path, error) from None
    finally:
        os.close(handle)
    if len(data) > most_bytes:
        raise not_a_module(path, f"it is larger than {most_bytes >> 20} MiB")
    return data


def _kind(path: str) -> str | None:
    """A socket cannot even be opened."""
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
    except OSError:
        return None


def unpack(path: str, raw: bytes, most_bytes: int) -> bytes:
    """Return the uncompressed content of a `.xz` or `.gz`, and that of any other file as it is.

    :raises TwostepError: `not_a_module` when it cannot be decompressed, or has more than `most_bytes`.
    """
    if not path.endswith((".xz", ".gz")):
        return raw  # `read` has bounded it
    unpacker: Any = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES) if path.endswith(".xz") else zlib.decompressobj(31)
    try:
        data: bytes = unpacker.decompress(raw, most_bytes + 1)
    except (lzma.LZMAError, zlib.error, EOFError):
        raise not_a_module(path, "it cannot be decompressed") from None
    if len(data) <= most_bytes and not unpacker.eof:
        raise not_a_module(path, "its compressed data end too early")
    if len(data) > most_bytes:
        raise not_a_module(path, f"it is larger than {most_bytes >> 20} MiB")
    return data
