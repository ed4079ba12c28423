# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at what would serve a slot after a reboot: the installed files, the boot configuration, the initramfs. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import replace

from ..core import drift, names
from ..core.drift import Difference, Facts, FileFact, Initramfs
from ..core.errors import TwostepError
from ..core.slots import Slot
from . import boot, modinfo, module_tree, trials
from .paths import Paths
from .runner import Run
from .slots import Status

# Debian; Red Hat; SUSE and others.
_IMAGES = ("initrd.img-{}", "initramfs-{}.img", "initrd-{}")
_PROGRAMS = ("lsinitramfs", "lsinitrd")
_TIMEOUT_S = 120.0


def of_slot(paths: Paths, status: Status, run: Run, release: str, slot: Slot, image: Initramfs | None = None) -> list[Difference]:
    """Return what differs between a slot as it serves and as it would after a boot of the running kernel.

    :param image: the answer of `initramfs`, None to leave it out of account.
    """
    committed, problem = _committed(paths, slot.slot)
    trial, damaged = _trial(paths, slot.slot)
    file = _file(paths, release, slot.module, run) if slot.module else FileFact()
    return drift.differences(
        Facts(
            slot=slot,
            srcversion=status.loaded_srcversion(slot.module) if slot.module else None,
            file=file,
            parent_srcversion=status.loaded_srcversion("twostep"),
            parent_file=_file(paths, release, "twostep", run),
            committed=committed,
            boot_problem=problem or damaged,
            trial=trial,
            initramfs=replace(image, older=_is_older(image.path, file.path)) if image else None,
        )
    )


def _committed(paths: Paths, slot: str) -> tuple[str | None, str | None]:
    try:
        found = boot.read_slot(paths, slot)
    except TwostepError as error:
        return None, error.message
    return (None, None) if found is None else (found.version, None)


def _trial(paths: Paths, slot: str) -> tuple[str | None, str | None]:
    try:
        found = trials.read(paths, slot)
    except TwostepError as error:
        return None, error.message
    return (found.version, None) if found and found.state == "armed" else (None, None)


def _file(paths: Paths, release: str, module: str, run: Run) -> FileFact:
    path = module_tree.find(paths, release, module)
    if path is None:
        return FileFact()
    try:
        return FileFact(path, modinfo.read(path, run).info.srcversion or None)
    except TwostepError as error:
        return FileFact(path, problem=error.message)


def initramfs(paths: Paths, release: str, run: Run) -> Initramfs | None:
    """Return what the initramfs of a kernel has of our modules, None where there is none. Listing it takes seconds, so ask once."""
    places = [os.path.join(paths.boot, name.format(names.kernel(release))) for name in _IMAGES]
    path = next((place for place in places if os.path.isfile(place)), None)
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
        return Initramfs(path, drift.modules_in(answer.stdout.splitlines()))
    return Initramfs(path, problem=f"neither {' nor '.join(_PROGRAMS)} is installed.")


def _is_older(path: str, module_path: str | None) -> bool:
    try:
        return module_path is not None and os.stat(path).st_mtime < os.stat(module_path).st_mtime
    except OSError:
        return False
