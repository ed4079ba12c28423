# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds module files of a kernel, and what that kernel demands of modules. Changes nothing.

What version magic a kernel wants is written nowhere in the running system. It is taken from a module that came with the kernel:
that one fits by construction, whereas our own parent may lie there rebuilt, or for a kernel of the same name that is gone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ..core import linkage, names
from ..core.compat_facts import Kernel
from ..core.elf import Machine
from ..core.errors import TwostepError
from . import modinfo
from .paths import Paths
from .runner import Run
from .slots import ReadText, read_text

# Debian and Arch; Red Hat and Fedora; SUSE. DKMS chooses by distribution.
_DESTINATIONS = ("updates/dkms", "extra", "updates")
_SUFFIXES = (".ko", ".ko.xz", ".ko.gz", ".ko.zst")
_MOST_VERSIONS = 64
_LOCKDOWN = re.compile(r"\[([a-z]+)\]")


def find(paths: Paths, kernel: str, module: str) -> str | None:
    """Return the path of an installed module of ours, or None."""
    for destination in _DESTINATIONS:
        for suffix in _SUFFIXES:
            path = os.path.join(paths.modules(names.kernel(kernel)), destination, names.module(module) + suffix)
            # Whatever lies there, also a link to nothing: the reader says what is wrong with it.
            if os.path.lexists(path):
                return path
    return None


def has(paths: Paths, kernel: str, module: str) -> bool:
    """Return whether a module of ours is installed; a link to nothing is no module."""
    return os.path.isfile(find(paths, kernel, module) or "")


def family(paths: Paths, kernel: str, name: str) -> dict[str, str]:
    """Return the installed files of a family of children, by version."""
    pattern = re.compile(rf"twostep_{names.family(name)}_([0-9]{{1,5}})_([0-9]{{1,5}})_([0-9]{{1,5}})\.ko(\.xz|\.gz|\.zst)?")
    found: dict[str, str] = {}
    for destination in _DESTINATIONS:
        folder = os.path.join(paths.modules(names.kernel(kernel)), destination)
        try:
            files = sorted(os.listdir(folder))
        except OSError:
            continue
        for file in files:
            match = pattern.fullmatch(file)
            if match and len(found) < _MOST_VERSIONS:
                found.setdefault(f"{match[1]}.{match[2]}.{match[3]}", os.path.join(folder, file))
    return found


def _shipped_modules(paths: Paths, kernel: str) -> list[str]:
    """Return some module files that came with a kernel, by its modules.dep."""
    folder = paths.modules(names.kernel(kernel))
    found = []
    try:
        with open(os.path.join(folder, "modules.dep"), encoding="utf-8", errors="replace") as stream:
            for line in stream:
                name = line.split(":", 1)[0]
                if name.startswith("kernel/") and ".." not in name:
                    found.append(os.path.join(folder, name))
                if len(found) == 4:
                    break
    except OSError:
        return []
    return found


@dataclass(frozen=True)
class Shipped:
    """What a module that came with the kernel tells of it; `machine` and `module_bytes` are None where only its modinfo could be read."""

    vermagic: str | None = None
    machine: Machine | None = None
    module_bytes: int | None = None


def shipped(paths: Paths, kernel: str, run: Run) -> Shipped:
    """Return what a kernel wants of modules; all of it None when no module that came with it can be read."""
    for path in _shipped_modules(paths, kernel):
        try:
            file = modinfo.read(path, run)
            found = file.info.vermagic.strip()
            if found and file.image is None:
                return Shipped(found)
            if found and file.image is not None:
                linked = linkage.parse(file.image)
                return Shipped(found, linked.machine, linked.module_bytes)
        except TwostepError:
            continue
    return Shipped()


def _taint(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _flag(path: str, read: ReadText) -> str:
    try:
        return read(path).strip()
    except OSError:
        return ""


def kernel_facts(paths: Paths, running: str, asked: str, run: Run, read: ReadText = read_text) -> Kernel:
    """Return what the running kernel says about modules, with the version magic of the kernel `asked` about.

    A file that is absent means that this kernel has no such restriction.
    """
    wants = shipped(paths, asked, run)
    lockdown = _LOCKDOWN.search(_flag(f"{paths.sys}/kernel/security/lockdown", read))
    return Kernel(
        release=running,
        vermagic=wants.vermagic,
        sig_enforce=_flag(f"{paths.sys}/module/module/parameters/sig_enforce", read) in ("Y", "1"),
        lockdown=lockdown[1] if lockdown else "none",
        modules_disabled=_flag(f"{paths.proc}/sys/kernel/modules_disabled", read) == "1",
        machine=wants.machine,
        module_bytes=wants.module_bytes,
        taint=_taint(_flag(f"{paths.proc}/sys/kernel/tainted", read)),
    )
