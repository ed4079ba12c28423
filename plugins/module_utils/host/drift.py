# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at what would serve a slot after a reboot: the installed files, the boot configuration, the initramfs. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import replace

from ..core import drift
from ..core.boot import BootSlot
from ..core.drift import Difference, Facts, FileFact
from ..core.errors import TwostepError
from ..core.initramfs import Initramfs
from ..core.slots import Slot
from . import boot, modinfo, module_tree, trials
from .paths import Paths
from .runner import Run
from .slots import Status


def of_slot(paths: Paths, status: Status, run: Run, release: str, slot: Slot, image: Initramfs | None = None) -> list[Difference]:
    """Return what differs between a slot as it serves and as it would after a boot of the running kernel.

    :param image: the answer of `initramfs.look`, None to leave it out of account.
    """
    committed, problem = _committed(paths, slot.slot)
    trial, damaged = _trial(paths, slot.slot)
    file = _file(paths, release, slot.module, run) if slot.module else FileFact()
    if image and not (committed and committed.early) and _has_early(paths):
        image = None  # it is made for other slots, and does not bring up this one
    return drift.differences(
        Facts(
            slot=slot,
            srcversion=status.loaded_srcversion(slot.module) if slot.module else None,
            file=file,
            parent_srcversion=status.loaded_srcversion("twostep"),
            parent_file=_file(paths, release, "twostep", run),
            committed=committed.version if committed else None,
            early=committed.early if committed else False,
            boot_problem=problem or damaged,
            trial=trial,
            initramfs=replace(image, older=_is_older(image.path, file.path)) if image else None,
        )
    )


def _committed(paths: Paths, slot: str) -> tuple[BootSlot | None, str | None]:
    try:
        return boot.read_slot(paths, slot), None
    except TwostepError as error:
        return None, error.message


def _has_early(paths: Paths) -> bool:
    try:
        return any(slot.early for slot in boot.read_slots(paths))
    except TwostepError:
        return False


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


def _is_older(path: str, module_path: str | None) -> bool:
    try:
        return module_path is not None and os.stat(path).st_mtime < os.stat(module_path).st_mtime
    except OSError:
        return False
