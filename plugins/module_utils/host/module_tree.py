# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds module files of a kernel, and what that kernel demands of modules. Changes nothing.

What version magic a kernel wants is written nowhere in the running system. It is taken from a module that came with the kernel:
that one fits by construction, whereas our own parent may lie there rebuilt, or for a kernel of the same name that is gone.
"""

from __future__ import annotations

import os
import re

from ..core import names
from ..core.compat_facts import Kernel
from ..core.errors import TwostepError
from . import modinfo
from .paths import Paths
from .runner import Run
from .slots import ReadText, read_text

# Debian and Arch; Red Hat and Fedora; SUSE. DKMS chooses by distribution.
_DESTINATIONS = ("updates/dkms", "extra", "updates")
_SUFFIXES = (".ko", ".ko.xz", ".ko.gz", ".ko.zst")
_LOCKDOWN = re.compile(r"\[([a-z]+)\]")


def find(paths: Paths, kernel: str, module: str) -> str | None:
    """Return the path of an installed module of ours, or None."""
    for destination in _DESTINATIONS:
        for suffix in _SUFFIXES:
            path = os.path.join(paths.modules(names.kernel(kernel)), destination, names.module(module) + suffix)
            if os.path.isfile(path):
                return path
    return None


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


def vermagic(paths: Paths, kernel: str, run: Run) -> str | None:
    """Return the version magic that a kernel wants, or None when no module that came with it can be read."""
    for path in _shipped_modules(paths, kernel):
        try:
            found = modinfo.read(path, run).info.vermagic.strip()
        except TwostepError:
            continue
        if found:
            return found
    return None


def _flag(path: str, read: ReadText) -> str:
    try:
        return read(path).strip()
    except OSError:
        return ""


def kernel_facts(paths: Paths, running: str, asked: str, run: Run, read: ReadText = read_text) -> Kernel:
    """Return what the running kernel says about modules, with the version magic of the kernel `asked` about.

    A file that is absent means that this kernel has no such restriction.
    """
    lockdown = _LOCKDOWN.search(_flag(f"{paths.sys}/kernel/security/lockdown", read))
    return Kernel(
        release=running,
        vermagic=vermagic(paths, asked, run),
        sig_enforce=_flag(f"{paths.sys}/module/module/parameters/sig_enforce", read) in ("Y", "1"),
        lockdown=lockdown[1] if lockdown else "none",
        modules_disabled=_flag(f"{paths.proc}/sys/kernel/modules_disabled", read) == "1",
    )
