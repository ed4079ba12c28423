# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is what serves what would serve after a reboot? Compares the loaded child with its file, the boot configuration and the initramfs.

Decides only; `host/drift.py` looks. Drift is told, it forbids nothing: what runs goes on running.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Iterator

from . import names
from .initramfs import Initramfs
from .slots import Slot

_REMAKE = "Make the initramfs again (update-initramfs -u, or dracut -f), or leave the children out of it."


@dataclass(frozen=True)
class Difference:
    """One difference: of what, what the kernel has, what was found instead (None: nothing, or not known), and why it matters."""

    what: str
    loaded: str | None
    found: str | None
    code: str
    message: str
    next_step: str

    def as_dict(self) -> dict[str, str | None]:
        """Return the difference as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class FileFact:
    """The installed file of a module: its `srcversion`, or the `problem` that kept it from being read; None both without a file."""

    path: str | None = None
    srcversion: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Facts:
    """What there is to compare.

    :ivar srcversion: of the loaded module that serves; `parent_srcversion` of the loaded parent.
    :ivar committed: version in the boot configuration, None without one, or where `boot_problem` says why it cannot be read.
    :ivar trial: version that the next boot tries, None without one.
    :ivar early: the initramfs is to bring the slot up.
    :ivar initramfs: None where the kernel has none.
    """

    slot: Slot
    srcversion: str | None = None
    file: FileFact = FileFact()
    parent_srcversion: str | None = None
    parent_file: FileFact = FileFact()
    committed: str | None = None
    boot_problem: str | None = None
    trial: str | None = None
    early: bool = False
    initramfs: Initramfs | None = None


def differences(facts: Facts) -> list[Difference]:
    """Return what differs; empty where a reboot would change nothing."""
    slot = facts.slot
    found = list(_file("parent", "twostep", facts.parent_srcversion, facts.parent_file))
    if slot.module is None or slot.version is None:
        return found
    found += _file("file", slot.module, facts.srcversion, facts.file)
    found += _boot(facts)
    found += _trial(facts)
    found += _initramfs(facts)
    return found


def _file(what: str, module: str, loaded: str | None, file: FileFact) -> Iterator[Difference]:
    if file.problem is not None:
        message = f"The installed file of {module} cannot be compared with the loaded one: {file.problem}"
        yield Difference(what, loaded, None, f"{what}_unreadable", message, "Build and install it again with twostep.hotswap.dkms.")
    elif file.path is None:
        message = f"{module} is loaded, but no file of it is installed: after a reboot it would be missing."
        yield Difference(what, loaded, None, f"{what}_missing", message, "Build and install it with twostep.hotswap.dkms.")
    elif loaded != file.srcversion:
        message = f"{module} is loaded with srcversion {loaded or 'unknown'}; {file.path} has {file.srcversion or 'none'}."
        step = (
            "Go to it with twostep.hotswap.rolling_reload at a quiet time: the parent is not upgraded hot."
            if what == "parent"
            else "Give the new build a version of its own and swap to it, or install the build that serves."
        )
        yield Difference(what, loaded, file.srcversion, f"{what}_other", message, step)


def _boot(facts: Facts) -> Iterator[Difference]:
    slot = facts.slot
    if facts.boot_problem is not None:
        yield Difference("boot", slot.version, None, "boot_unreadable", facts.boot_problem, "Write it again with twostep.hotswap.parent.")
    # In probation the old version is the committed one. Without a configuration somebody has chosen that nothing comes up.
    elif facts.committed is not None and slot.parked is None and facts.committed != slot.version:
        message = f"Slot {slot.slot} serves {slot.version}, but its boot configuration has {facts.committed}."
        yield Difference("boot", slot.version, facts.committed, "boot_other", message, "Commit what serves with twostep.hotswap.swap.")


def _trial(facts: Facts) -> Iterator[Difference]:
    slot = facts.slot
    if facts.trial is not None:
        message = f"The next boot tries {facts.trial} for slot {slot.slot}, which serves {slot.version}."
        step = "Reboot at a quiet time, or take it back with twostep.hotswap.swap for the version that serves."
        yield Difference("trial", slot.version, facts.trial, "trial_armed", message, step)


def _initramfs(facts: Facts) -> Iterator[Difference]:
    initramfs, slot = facts.initramfs, facts.slot
    if initramfs is None or slot.family is None:
        return
    if initramfs.modules is None:
        message = f"What {initramfs.path} has of our modules cannot be told: {initramfs.problem}"
        yield Difference(
            "initramfs", slot.version, None, "initramfs_unknown", message, "Install the program that lists it, or look into it by hand."
        )
        return
    committed = facts.committed or slot.version or ""
    wanted = names.child_module(slot.family, committed)
    ours = [name for name in initramfs.modules if name.startswith(f"twostep_{slot.family}_")]
    if ours and wanted not in ours:
        message = f"{initramfs.path} has {', '.join(ours)}, but {committed} is to serve slot {slot.slot} after a boot."
        yield Difference("initramfs", slot.version, ", ".join(ours), "initramfs_other", message, _REMAKE)
    elif facts.early and (not ours or "twostep" not in initramfs.modules):
        missing = "twostep" if ours else f"module of {slot.family}"
        message = f"Slot {slot.slot} is to be brought up by the initramfs, but {initramfs.path} has no {missing}."
        step = "Run twostep.hotswap.parent for the slot with early: true; it makes the initramfs again."
        yield Difference("initramfs", slot.version, None, "initramfs_missing", message, step)
    elif wanted in ours and initramfs.older:
        message = f"{initramfs.path} has a {wanted} from before the installed file was written: it may be another build."
        yield Difference("initramfs", slot.version, wanted, "initramfs_older", message, _REMAKE)
