# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots in the initramfs: installs the scripts that bring them up there, has it made again, and proves what is in it."""

from __future__ import annotations

import os
from typing import Iterable, Sequence

from ..core import early, early_scripts
from ..core.boot import BootSlot
from ..core.early_scripts import DRACUT, INITRAMFS_TOOLS
from ..core.errors import TwostepError
from . import boot, initramfs, module_tree, whole_file
from .paths import Paths
from .runner import Run

_MAKERS = {INITRAMFS_TOOLS: "/usr/share/initramfs-tools/hook-functions", DRACUT: "/usr/lib/dracut/dracut-functions.sh"}
_TIMEOUT_S = 900.0


def maker(paths: Paths) -> str:
    """Return what makes the initramfs of this host.

    :raises TwostepError: `no_initramfs_maker`.
    """
    for name, proof in _MAKERS.items():
        if os.path.exists(paths.at(proof)):
            return name
    raise TwostepError(
        "no_initramfs_maker", "Neither initramfs-tools nor dracut is installed.", "Install one of them, or leave early: true away."
    )


def check(paths: Paths, release: str, slots: Iterable[BootSlot]) -> None:
    """Find out beforehand what would keep the running kernel's initramfs from bringing the slots up; changes nothing.

    :raises TwostepError: `no_initramfs_maker`, `no_module`.
    """
    wanted = early.wanted(slots)
    if wanted:
        maker(paths)
    _check_modules(paths, release, wanted)


def table(paths: Paths, release: str) -> str:
    """Return the table for the initramfs of a kernel; this is what the scripts ask the agent for.

    :raises TwostepError: `no_module` where a slot has none for that kernel, `bad_boot_config`.
    """
    wanted = early.wanted(boot.read_slots(paths))
    _check_modules(paths, release, wanted)
    return early.table(wanted)


def _check_modules(paths: Paths, release: str, wanted: Sequence[BootSlot]) -> None:
    for name in ["twostep", *map(early.module, wanted)] if wanted else []:
        if module_tree.find(paths, release, name) is None:
            raise TwostepError(
                "no_module",
                f"{name} is not installed for {release}, so its initramfs could not bring the slots up.",
                f"Build and install it for {release} with twostep.hotswap.dkms.",
                {"module": name, "kernel": release},
            )


def _scripts(paths: Paths, agent: str) -> dict[str, str]:
    return {paths.at(path): text for path, text in early_scripts.files(maker(paths), agent, boot.PYTHON).items()}


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
    return [paths.at(path) for name in _MAKERS for path in early_scripts.files(name, "/agent", boot.PYTHON)]


def _stamp(paths: Paths, release: str) -> str:
    return os.path.join(paths.early, release)


def is_made(paths: Paths, release: str) -> bool:
    """Return whether the initramfs of a kernel was last made by us from the boot configuration as it is now."""
    try:
        return (whole_file.read(_stamp(paths, release)) or "") == early.table(boot.read_slots(paths))
    except TwostepError:
        return False  # a damaged boot configuration is written anew first


def kernels(paths: Paths, running: str) -> list[str]:
    """Return the kernels whose initramfs has to have the slots: the running one first, and each other that has one and all the modules."""
    wanted = early.wanted(boot.read_slots(paths))
    names = {"twostep", *map(early.module, wanted)}
    others = [release for release in initramfs.kernels(paths) if release != running]
    return [running, *(release for release in others if all(module_tree.find(paths, release, name) for name in names))]


def make(paths: Paths, run: Run, running: str) -> list[str]:
    """Make the initramfs of all `kernels` again from the boot configuration, and return their names.

    :raises TwostepError: `no_initramfs_maker`, `initramfs_failed`, `not_proven`, `no_module`. The one that failed is as it was before.
    """
    wanted = table(paths, running)
    made = kernels(paths, running)
    for release in made:
        argv = ["update-initramfs", "-u", "-k", release] if maker(paths) == INITRAMFS_TOOLS else ["dracut", "--force", "--kver", release]
        answer = run(argv, timeout_s=_TIMEOUT_S)
        if answer.rc != 0:
            raise TwostepError(
                "initramfs_failed",
                f"{argv[0]} exited {answer.rc} for {release}: {(answer.stderr or answer.stdout).strip()[-300:]}.",
                f"Run it by hand: {' '.join(argv)}.",
                {"kernel": release, "output": (answer.stdout + answer.stderr)[-2000:]},
            )
        _prove(paths, run, release)
        whole_file.write(_stamp(paths, release), wanted, 0o600, 0o700)
    return made


def _prove(paths: Paths, run: Run, release: str) -> None:
    wanted = [early.module(slot) for slot in early.wanted(boot.read_slots(paths))]
    image = initramfs.look(paths, release, run)
    has = image.modules if image and image.modules is not None else ()
    missing = [name for name in ("twostep", *wanted) if wanted and name not in has]
    if missing:
        why = (image.problem if image else "").rstrip(".") or f"it has no {missing[0]}"
        raise TwostepError(
            "not_proven",
            f"The initramfs of {release} was made, but {why}.",
            "Look at the hooks of the initramfs; is another one made than the one that boots?",
            {"kernel": release, "missing": missing},
        )
