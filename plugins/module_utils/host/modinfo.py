# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what a module file on this host says about itself: ``.ko``, ``.ko.xz``, ``.ko.gz``, and ``.ko.zst`` by ``modinfo``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ..core import modinfo
from ..core.errors import TwostepError
from . import module_file
from .runner import Run

_MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class ModuleFile:
    """A module file: its path, the SHA-256 of the file as it lies there, its facts, and its uncompressed content.

    The content is None where the standard library cannot decompress it.
    """

    path: str
    sha256: str
    info: modinfo.ModuleInfo
    image: bytes | None = field(default=None, repr=False, compare=False)


def uncompressed(path: str) -> bytes:
    """Return the content of a ``.ko``, ``.ko.xz`` or ``.ko.gz``, uncompressed; raise as ``read`` does."""
    return module_file.unpack(path, module_file.read(path, _MAX_BYTES), _MAX_BYTES)


def read(path: str, run: Run) -> ModuleFile:
    """Return the facts of the module file ``path``.

    :param run: used only for ``.zst``, which the standard library cannot read.
    :raises TwostepError: ``no_module_file`` when it cannot be opened, ``not_a_module`` when it is something else.
    """
    raw = module_file.read(path, _MAX_BYTES)
    sha256 = hashlib.sha256(raw).hexdigest()
    if path.endswith(".zst"):
        return ModuleFile(path, sha256, _by_program(path, run))
    image = module_file.unpack(path, raw, _MAX_BYTES)
    try:
        return ModuleFile(path, sha256, modinfo.from_elf(image), image)
    except TwostepError as error:
        raise about(path, error) from None


def about(path: str, error: TwostepError) -> TwostepError:
    """Return an error of the parser with the file's path in it."""
    return TwostepError(error.code, error.message.replace("The file is", f"The file {path} is"), error.next_step, {"path": path})


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
        raise module_file.not_a_module(path, "modinfo cannot read it")
    return facts
