# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an initramfs has of modules, from its listing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable

from .early import TABLE

_MODULE = re.compile(r"(?:.*/)?(twostep(?:_[a-z0-9_]{1,48})?)\.ko(?:\.xz|\.gz|\.zst)?")
_FILE = re.compile(r"(?:.*/)?([A-Za-z0-9_-]{1,128})\.ko(?:\.xz|\.gz|\.zst)?")
_EARLY = re.compile(rf"/?{TABLE[1:]}-([0-9a-f]{{8,64}})")


@dataclass(frozen=True)
class Initramfs:
    """The initramfs of a kernel. `modules` are ours in it, None where it cannot be listed, and `problem` says why.

    :ivar early: digest of the slots that it brings up, as `early_scripts` makes it; empty where it brings up none.
    :ivar older: it is older than the file of the module that serves, so that it may have another build of it.
    """

    path: str
    modules: tuple[str, ...] | None = None
    problem: str = ""
    older: bool = False
    early: str = ""


def modules_in(listing: Iterable[str]) -> tuple[str, ...]:
    """Return our modules, parent included, in the listing of an initramfs: one path on a line, alone or as the last word."""
    found = set()
    for line in listing:
        match = _MODULE.fullmatch(line.rstrip().rsplit(" ", 1)[-1])
        if match:
            found.add(match[1])
    return tuple(sorted(found))


def module_of(path: str) -> str | None:
    """Return the module whose file a path names, None where it names none. Files may have dashes where the kernel has underlines."""
    match = _FILE.fullmatch(path)
    return match[1].replace("-", "_") if match else None


def which_in(listing: Iterable[str], modules: Iterable[str]) -> tuple[str, ...]:
    """Return which of these modules are in the listing of an initramfs."""
    wanted = set(modules)
    return tuple(sorted({name for line in listing for name in [module_of(line.rstrip().rsplit(" ", 1)[-1])] if name in wanted}))


def early_in(listing: Iterable[str]) -> str:
    """Return the digest of the slots that the listed initramfs brings up, empty without any."""
    for line in listing:
        match = _EARLY.fullmatch(line.rstrip().rsplit(" ", 1)[-1])
        if match:
            return match[1]
    return ""
