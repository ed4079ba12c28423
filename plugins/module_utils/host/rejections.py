# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rejected builds that this host knows of, one file for each."""

from __future__ import annotations

import os

from ..core import names, rejection
from ..core.errors import TwostepError
from ..core.rejection import Mark
from . import modinfo, module_tree, whole_file
from .paths import Paths
from .runner import Run
from .slots import Status

MAX_MARKS = 64


def read(paths: Paths) -> list[Mark]:
    """Return all marks, in the order of their names.

    :raises TwostepError: `read_failed`: what is rejected is not known then.
    """
    try:
        entries = sorted(os.listdir(paths.rejected))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TwostepError(
            "read_failed",
            f"{paths.rejected} cannot be read: {error.strerror}.",
            "Look at the filesystem of the host.",
            {"path": paths.rejected},
        ) from None
    found = [rejection.of_file(name, whole_file.read(os.path.join(paths.rejected, name))) for name in entries if name.endswith(".json")]
    return [mark for mark in found if mark is not None]


def write(paths: Paths, mark: Mark) -> None:
    """Make a mark; on return it is on the disk. One of the same build is replaced.

    :raises TwostepError: `write_failed`, `too_many_rejected`.
    """
    known = read(paths)
    if len(known) >= MAX_MARKS and mark.file_name not in [one.file_name for one in known]:
        raise TwostepError("too_many_rejected", f"{paths.rejected} has {len(known)} marks.", "Remove those that are of no use any more.")
    whole_file.write(os.path.join(paths.rejected, mark.file_name), rejection.render(mark), 0o600, 0o700)


def remove(paths: Paths, family: str, version: str) -> list[Mark]:
    """Remove the marks of every build of a version, and return them.

    :raises TwostepError: `read_failed`, `write_failed`.
    """
    found = [mark for mark in read(paths) if (mark.family, mark.version) == (family, version)]
    for mark in found:
        whole_file.remove(os.path.join(paths.rejected, mark.file_name))
    return found


def refuse(paths: Paths, family: str | None, version: str, srcversion: str | None) -> None:
    """Refuse a build that is rejected here.

    :raises TwostepError: `version_rejected`, `read_failed`.
    """
    for mark in read(paths):
        if mark.is_about(family, version, srcversion):
            raise rejection.refused("this host", mark)


def srcversion(paths: Paths, status: Status, run: Run, release: str, family: str, version: str) -> str:
    """Return the checksum of the sources of a version: of the loaded module, else of the installed file; empty where neither tells one."""
    module = names.child_module(family, version)
    found = status.loaded_srcversion(module)
    path = module_tree.find(paths, release, module)
    if not found and path:
        try:
            found = modinfo.read(path, run).info.srcversion
        except TwostepError:
            found = None
    return found if found and rejection.SRCVERSION.fullmatch(found) else ""
