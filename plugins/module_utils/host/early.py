# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots in the initramfs: installs the scripts that bring them up there, has it made again, and proves what is in it."""

from __future__ import annotations

import os
import re
from typing import ContextManager, Iterable, Sequence

from ..core import early, early_scripts
from ..core.boot import BootSlot
from ..core.early_scripts import DRACUT, INITRAMFS_TOOLS
from ..core.errors import TwostepError
from . import boot, initramfs, initramfs_maker, lock, module_tree, whole_file
from .paths import Paths
from .runner import Run

_WAIT_S = 1800.0  # one takes minutes, and there may be several kernels
_MODULES = re.compile(r"^[ \t]*MODULES=[\"']?([a-z]+)", re.MULTILINE)


def check(paths: Paths, release: str, slots: Iterable[BootSlot]) -> None:
    """Find out beforehand what would keep the running kernel's initramfs from bringing the slots up; changes nothing.

    :param slots: all that there will be, also those that are not changed now.
    :raises TwostepError: `no_initramfs_maker`, `initramfs_too_small`, `no_module`.
    """
    wanted = early.wanted(slots)
    if wanted and initramfs_maker.maker(paths) == INITRAMFS_TOOLS:
        _refuse_dependencies_only(paths)
    _check_modules(paths, release, wanted)


def _refuse_dependencies_only(paths: Paths) -> None:
    """Refuse MODULES=dep: initramfs-tools would look for the drivers of what lies below a slot, and cannot see below one."""
    folder = paths.at("/etc/initramfs-tools")
    try:
        parts = [f"{folder}/conf.d/{name}" for name in sorted(os.listdir(f"{folder}/conf.d"))]
    except OSError:
        parts = []
    text = "\n".join(whole_file.read(path) or "" for path in [f"{folder}/initramfs.conf", *parts])
    if (_MODULES.findall(text) or ["most"])[-1] == "dep":
        raise TwostepError(
            "initramfs_too_small",
            "initramfs-tools is set to MODULES=dep, which leaves out the drivers of what lies below a slot.",
            "Set MODULES=most in /etc/initramfs-tools.",
        )


def table(paths: Paths, release: str) -> str:
    """Return the table for the initramfs of a kernel; this is what the scripts ask the agent for.

    :raises TwostepError: `no_module` where a slot has none for that kernel, `bad_boot_config`.
    """
    wanted = early.wanted(boot.read_slots(paths))
    _check_modules(paths, release, wanted)
    return early.table(wanted)


def _check_modules(paths: Paths, release: str, wanted: Sequence[BootSlot]) -> None:
    for name in ["twostep", *map(early.module, wanted)] if wanted else []:
        if not module_tree.has(paths, release, name):
            raise TwostepError(
                "no_module",
                f"{name} is not installed for {release}, so its initramfs could not bring the slots up.",
                f"Build and install it for {release} with twostep.hotswap.dkms.",
                {"module": name, "kernel": release},
            )


def _scripts(paths: Paths, agent: str) -> dict[str, str]:
    return {paths.at(path): text for path, text in early_scripts.files(initramfs_maker.maker(paths), agent, boot.PYTHON).items()}


def is_installed(paths: Paths, agent: str) -> bool:
    """Return whether the scripts are in place and ask `agent`."""
    return has_scripts(paths) and all(
        whole_file.read(path) == text and os.access(path, os.X_OK) for path, text in _scripts(paths, agent).items()
    )


def install(paths: Paths, agent: str) -> None:
    """Put the scripts in place.

    :raises TwostepError: `no_initramfs_maker`, `write_failed`.
    """
    for path, text in _scripts(paths, agent).items():
        whole_file.write(path, text, 0o755, 0o755)


def has_scripts(paths: Paths) -> bool:
    """Return whether any of the scripts is there, whichever agent it asks."""
    return any(os.path.lexists(path) for path in _all_scripts(paths))


def remove(paths: Paths) -> None:
    """Remove the scripts; an initramfs that is made from then on knows of no slots."""
    for path in _all_scripts(paths):
        whole_file.remove(path)


def _all_scripts(paths: Paths) -> list[str]:
    return [paths.at(path) for name in (INITRAMFS_TOOLS, DRACUT) for path in early_scripts.files(name, "/agent", boot.PYTHON)]


def is_made(paths: Paths, running: str) -> bool:
    """Return whether we made the initramfs of all `kernels` from the boot configuration as it is now."""
    try:
        wanted = _digest(paths)
    except TwostepError:
        return not has_scripts(paths)  # a damaged boot configuration is written anew first
    if not wanted and not os.path.isdir(paths.early):
        return True
    return all((whole_file.read(_stamp(paths, release)) or "") == wanted for release in kernels(paths, running))


def _digest(paths: Paths) -> str:
    return early_scripts.digest(early.table(boot.read_slots(paths)))


def _stamp(paths: Paths, release: str) -> str:
    return os.path.join(paths.early, release)


def kernels(paths: Paths, running: str) -> list[str]:
    """Return the kernels whose initramfs follows the boot configuration: the running one, and each with one and all the modules."""
    return [running, *(release for release in _others(paths, running) if not _lacks(paths, release))]


def left_out(paths: Paths, running: str) -> list[str]:
    """Return the kernels whose initramfs stays as it is, because they lack a module: what it brings up is what they had before."""
    return [release for release in _others(paths, running) if _lacks(paths, release)]


def _others(paths: Paths, running: str) -> list[str]:
    return [release for release in initramfs.kernels(paths) if release != running]


def _lacks(paths: Paths, release: str) -> bool:
    wanted = early.wanted(boot.read_slots(paths))
    return any(not module_tree.has(paths, release, name) for name in (["twostep", *map(early.module, wanted)] if wanted else []))


def make(paths: Paths, run: Run, running: str) -> list[str]:
    """Make the initramfs of all `kernels` again from the boot configuration, and return their names.

    :raises TwostepError: `no_initramfs_maker`, `no_module`, `initramfs_failed`, `not_proven`, `write_failed`.
    """
    with locked(paths):
        table(paths, running)
        made = kernels(paths, running)
        for release in made:
            _make_one(paths, run, release)
        return made


def _make_one(paths: Paths, run: Run, release: str) -> None:
    initramfs_maker.make(paths, run, release, lambda path: _prove(paths, run, release, path))
    whole_file.write(_stamp(paths, release), _digest(paths), 0o600, 0o700)


def _prove(paths: Paths, run: Run, release: str, path: str) -> None:
    """Look into the initramfs: has it the modules, and the table as it is wanted, or none?"""
    wanted = early.wanted(boot.read_slots(paths))
    image = initramfs.look_at(path, run)
    if image.modules is None:
        problem = image.problem.rstrip(".")
    else:
        missing = [name for name in ("twostep", *map(early.module, wanted)) if wanted and name not in image.modules]
        if not missing and image.early == _digest(paths):
            return
        problem = f"it has no {missing[0]}" if missing else "the slots in it are not those of the boot configuration"
    raise TwostepError(
        "not_proven",
        f"The initramfs of {release} was made, but {problem}.",
        "Look at the hooks of the initramfs; is another one made than the one that boots?",
        {"kernel": release},
    )


def locked(paths: Paths) -> ContextManager[None]:
    """Make one initramfs at a time: two slots of a host may be committed at once.

    :raises TwostepError: `initramfs_busy`, `write_failed`.
    """
    return lock.held(os.path.join(paths.early, ".lock"), "one that makes an initramfs", _WAIT_S, "initramfs_busy")
