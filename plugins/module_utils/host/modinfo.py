# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what a module file on this host says about itself: ``.ko``, ``.ko.xz``, ``.ko.gz``, and ``.ko.zst`` by ``modinfo``."""

from __future__ import annotations

import hashlib
import lzma
import os
import zlib
from dataclasses import dataclass

from ..core import modinfo
from ..core.errors import TwostepError
from .runner import Run

_MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class ModuleFile:
    """A module file: its path, the SHA-256 of the file as it lies there, and its facts."""

    path: str
    sha256: str
    info: modinfo.ModuleInfo


def _not_a_module(path: str, why: str) -> TwostepError:
    return TwostepError(
        "not_a_module", f"The file {path} is not a kernel module: {why}.", "Build and install the module again.", {"path": path}
    )


def _unpacked(path: str, raw: bytes) -> bytes:
    try:
        if path.endswith(".xz"):
            data = lzma.LZMADecompressor(memlimit=_MAX_BYTES).decompress(raw, _MAX_BYTES)
        elif path.endswith(".gz"):
            data = zlib.decompressobj(31).decompress(raw, _MAX_BYTES)
        else:
            data = raw
    except (lzma.LZMAError, zlib.error, EOFError):
        raise _not_a_module(path, "it cannot be decompressed") from None
    if len(data) >= _MAX_BYTES:
        raise _not_a_module(path, "it is larger than 256 MiB")
    return data


def _raw(path: str) -> bytes:
    try:
        if os.path.getsize(path) > _MAX_BYTES:
            raise _not_a_module(path, "it is larger than 256 MiB")
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise TwostepError(
            "no_module_file", f"The module file {path} cannot be read: {error.strerror}.", "Build and install the module.", {"path": path}
        ) from None


def uncompressed(path: str) -> bytes:
    """Return the content of a ``.ko``, ``.ko.xz`` or ``.ko.gz``, uncompressed; raise as ``read`` does."""
    return _unpacked(path, _raw(path))


def read(path: str, run: Run) -> ModuleFile:
    """Return the facts of the module file ``path``.

    :param run: used only for ``.zst``, which the standard library cannot read.
    :raises TwostepError: ``no_module_file`` when it cannot be opened, ``not_a_module`` when it is something else.
    """
    raw = _raw(path)
    sha256 = hashlib.sha256(raw).hexdigest()
    if path.endswith(".zst"):
        return ModuleFile(path, sha256, _by_program(path, run))
    try:
        return ModuleFile(path, sha256, modinfo.from_elf(_unpacked(path, raw)))
    except TwostepError as error:
        raise TwostepError(
            error.code, error.message.replace("The file is", f"The file {path} is"), error.next_step, {"path": path}
        ) from None


def _by_program(path: str, run: Run) -> modinfo.ModuleInfo:
    try:
        answer = run(["modinfo", "-0", path])
    except TwostepError as error:
        if error.code != "no_command":
            raise
        raise TwostepError(
            "zstd_unreadable",
            f"The module file {path} is compressed with zstd, which Python's standard library cannot read.",
            "Install kmod, whose modinfo can.",
            {"path": path},
        ) from None
    facts = modinfo.from_modinfo_output(answer.stdout)
    if answer.rc != 0 or not facts.vermagic:
        raise _not_a_module(path, "modinfo cannot read it")
    return facts
