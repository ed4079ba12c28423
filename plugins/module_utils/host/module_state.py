# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a module as the kernel has it, and at its installed file. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import replace

from ..core import module_identity, names
from ..core.errors import TwostepError
from ..core.module_identity import SECTION, Identity
from ..core.reload import ModuleFacts
from . import modinfo
from .paths import Paths
from .runner import Run

_BUILTIN = "(builtin)"
_MAX_BYTES = 4096


def look(paths: Paths, run: Run, release: str, name: str) -> ModuleFacts:
    """Return what the kernel `release`, which runs, has of a module; `kept` is left out."""
    path = installed(run, release, name)
    state = _state(paths, name)
    if path == _BUILTIN or state == "builtin":
        return ModuleFacts(name, "builtin")
    found = ModuleFacts(name, state, loaded(paths, name), path, holders=_entries(f"{_folder(paths, name)}/holders"))
    if path is None:
        return found
    try:
        file = modinfo.read(paths.at(path), run)
        identity = module_identity.of_file(file.info, file.image)
    except TwostepError as error:
        return replace(found, problem=error.message.rstrip("."))
    return replace(found, file=identity, vermagic=file.info.vermagic.strip(), signed=file.info.signed)


def installed(run: Run, release: str, name: str) -> str | None:
    """Return the file that modprobe would load, `(builtin)` where the kernel has the module in itself, None without one."""
    answer = run(["modinfo", "-k", names.kernel(release), "-n", names.kernel_module(name)])
    path = answer.stdout.strip()
    return path if answer.rc == 0 and (path.startswith("/") or path == _BUILTIN) else None


def identity_of(path: str, run: Run) -> Identity:
    """Return the identity of a module file.

    :raises TwostepError: `no_module_file`, `not_a_module`, `zstd_unreadable`.
    """
    file = modinfo.read(path, run)
    return module_identity.of_file(file.info, file.image)


def loaded(paths: Paths, name: str) -> Identity:
    """Return the identity of a loaded module; without marks where it is not loaded."""
    folder = _folder(paths, name)
    notes = _read(f"{folder}/notes/{SECTION}")
    texts = [_read(f"{folder}/{mark}").decode("utf-8", "replace").strip() for mark in ("srcversion", "version")]
    return Identity(module_identity.build_id(notes), *texts)


def _folder(paths: Paths, name: str) -> str:
    return os.path.join(paths.sys, "module", names.kernel_module(name))


def _state(paths: Paths, name: str) -> str:
    folder = _folder(paths, name)
    if not os.path.isdir(folder):
        return "absent"
    return _read(f"{folder}/initstate").decode("ascii", "replace").strip() or "builtin"


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(_MAX_BYTES)
    except OSError:
        return b""


def _entries(folder: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.listdir(folder)))
    except OSError:
        return ()
