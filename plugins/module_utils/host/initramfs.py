# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into the initramfs of a kernel. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Listing:
    """The paths in an initramfs, one in each line, alone or as the last word; `program` has listed it. None of `lines`: it cannot be."""

    program: str = ""
    lines: tuple[str, ...] | None = None
    problem: str = ""


def listing(path: str, run: Run) -> Listing:
    """Return what is in an initramfs. It takes seconds, so ask once."""
    for program in _PROGRAMS:
        try:
            answer = run([program, path], timeout_s=_TIMEOUT_S)
        except TwostepError as error:
            if error.code == "no_command":
                continue
            return Listing(program, problem=error.message)
        if answer.rc != 0:
            return Listing(program, problem=f"{program} exited {answer.rc}.")
        return Listing(program, tuple(answer.stdout.splitlines()))
    return Listing(problem=f"neither {' nor '.join(_PROGRAMS)} is installed.")


def look(paths: Paths, release: str, run: Run) -> Initramfs | None:
    """Return what the initramfs of a kernel has of our modules, None where there is none. As slow as `listing`."""
    path = path_of(paths, release)
    return None if path is None else look_at(path, run)


def look_at(path: str, run: Run) -> Initramfs:
    """Return what the initramfs in a file has of our modules."""
    found = listing(path, run)
    if found.lines is None:
        return Initramfs(path, problem=found.problem)
    return Initramfs(path, modules_in(found.lines), early=early_in(found.lines))
