# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into the initramfs of a kernel. Changes nothing."""

from __future__ import annotations

import os

from ..core import names
from ..core.errors import TwostepError
from ..core.initramfs import Initramfs, early_in, modules_in
from .paths import Paths
from .runner import Run

# Debian; Red Hat; SUSE and others.
_IMAGES = ("initrd.img-{}", "initramfs-{}.img", "initrd-{}")
_PROGRAMS = ("lsinitramfs", "lsinitrd")
_TIMEOUT_S = 120.0


def path_of(paths: Paths, release: str) -> str | None:
    """Return the initramfs of a kernel, None where it has none."""
    places = [os.path.join(paths.boot, name.format(names.kernel(release))) for name in _IMAGES]
    return next((place for place in places if os.path.isfile(place)), None)


def kernels(paths: Paths) -> list[str]:
    """Return the installed kernels that have an initramfs, in order of their names."""
    try:
        installed = sorted(os.listdir(os.path.dirname(paths.modules("x"))))
    except OSError:
        return []
    found = []
    for release in installed:
        try:
            if path_of(paths, release):
                found.append(release)
        except TwostepError:
            continue  # a folder that is named like no kernel
    return found


def look(paths: Paths, release: str, run: Run) -> Initramfs | None:
    """Return what the initramfs of a kernel has of our modules, None where there is none. Listing it takes seconds, so ask once."""
    path = path_of(paths, release)
    if path is None:
        return None
    for program in _PROGRAMS:
        try:
            answer = run([program, path], timeout_s=_TIMEOUT_S)
        except TwostepError as error:
            if error.code == "no_command":
                continue
            return Initramfs(path, problem=error.message)
        if answer.rc != 0:
            return Initramfs(path, problem=f"{program} exited {answer.rc}.")
        listing = answer.stdout.splitlines()
        return Initramfs(path, modules_in(listing), early=early_in(listing))
    return Initramfs(path, problem=f"neither {' nor '.join(_PROGRAMS)} is installed.")
