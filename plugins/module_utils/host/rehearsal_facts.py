# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal has to know before it begins: the verdict, the room, the scratch devices there can be. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ..core import rehearsal, swap_plan
from ..core.candidate import Candidate
from ..core.compat_facts import Verdict
from ..core.errors import TwostepError
from ..core.exercise import Offers
from ..core.rehearsal import Wish
from ..core.slots import Slot
from . import compat, kernel_module, scratch_disk
from .world import World


@dataclass(frozen=True)
class Facts:
    """The real slot and what can be rehearsed for it. `candidate` is None where the slot serves the version already."""

    slot: Slot
    verdict: Verdict
    candidate: Candidate | None = None
    path: str = ""
    is_loaded: bool = False
    has_way_back: bool = True
    features: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    absent_drivers: tuple[str, ...] = ()
    relied_on: Offers = field(default_factory=Offers)
    block_bytes: int = 512
    template: str = ""

    @property
    def running(self) -> str:
        return self.slot.version or ""


def _memory_mib(world: World) -> int:
    with open(f"{world.paths.proc}/meminfo", encoding="ascii", errors="replace") as stream:
        for line in stream:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return 0


def _free_mib(world: World, folder: str) -> int:
    try:
        found = os.statvfs(world.paths.at(folder))
    except OSError as error:
        raise TwostepError("no_scratch", f"{folder} cannot be used: {error.strerror}.", "Choose a folder that exists, or memory.") from None
    return found.f_bavail * found.f_frsize // (1024 * 1024)


def _drivers(world: World) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the kinds of scratch devices that the kernel can make, and those of them that need their module loaded first."""
    possible, absent = [], []
    for kind, sign in (("nbd", "/dev/nbd0"), ("loop", "/dev/loop-control")):
        if os.path.exists(world.paths.at(sign)):
            possible.append(kind)
        elif world.run(["modinfo", "-n", kind]).rc == 0:
            possible.append(kind)
            absent.append(kind)
    return tuple(possible), tuple(absent)


def gather(world: World, wanted: Wish) -> Facts:
    """Return the facts, or raise what rules a rehearsal out."""
    checked = compat.check(compat.Host(world.paths, world.status, world.run, world.release), wanted.slot, wanted.version)
    slot = checked.slot
    if checked.verdict.verdict == "current":
        return Facts(slot, checked.verdict)
    wish = swap_plan.Wish(wanted.slot, wanted.version, "handover", wanted.deadline_ms, one_way=wanted.one_way)
    swap_plan.mode_of(wish, checked.verdict)
    if checked.candidate is None or checked.path is None or slot.family is None or slot.module is None:
        raise TwostepError("not_built", f"There is no module file of {wanted.version}.", "Build it with twostep.hotswap.dkms.")
    template = rehearsal.template(wanted, slot.family)
    _refuse_other_build(world, checked.candidate)
    rehearsal.refuse_short(wanted, _memory_mib(world), None if wanted.folder is None else _free_mib(world, wanted.folder))
    devices, absent = _drivers(world)
    if not devices:
        raise TwostepError(
            "no_scratch", "The kernel has neither nbd nor loop, so there is no scratch device.", "Install the kernel modules nbd and loop."
        )
    old = world.status.child(slot.module)
    device = f"twostep!{slot.slot}"
    return Facts(
        slot=slot,
        verdict=checked.verdict,
        candidate=checked.candidate,
        path=checked.path,
        is_loaded=kernel_module.is_loaded(world.paths, checked.candidate.name),
        has_way_back=all(reason.code != "no_way_back" for reason in checked.verdict.reasons),
        features=old.features if old else (),
        devices=devices,
        absent_drivers=absent,
        relied_on=scratch_disk.offers(world, device),
        block_bytes=scratch_disk.block_bytes(world, device),
        template=template,
    )


def _refuse_other_build(world: World, candidate: Candidate) -> None:
    loaded = world.status.loaded_srcversion(candidate.name)
    if not world.status.is_loaded(candidate.name) or loaded == (candidate.srcversion or None):
        return
    raise TwostepError(
        "other_build",
        f"The kernel has another build of {candidate.name} loaded than the one that is installed.",
        "Unload it if nothing uses it, or give the new build a version of its own.",
        {"loaded": loaded, "installed": candidate.srcversion},
    )


def generations(world: World) -> dict[str, tuple[int, str | None]]:
    """Return generation and version of all slots that are not of a rehearsal."""
    found = {}
    for name in world.status.slot_names():
        if not rehearsal.is_scratch(name):
            slot = world.status.slot(name)
            found[name] = (slot.generation, slot.version)
    return found


def refuse_touched(before: dict[str, tuple[int, str | None]], after: dict[str, tuple[int, str | None]]) -> None:
    """Raise `other_slot_changed` when a real slot is not as it was."""
    changed = sorted(name for name in set(before) | set(after) if before.get(name) != after.get(name))
    if changed:
        raise TwostepError(
            "other_slot_changed",
            f"During the rehearsal slot {changed[0]} went from {_shown(before, changed[0])} to {_shown(after, changed[0])}.",
            "Find out who has swapped it. If nobody has, do not use this version.",
            {"slots": changed},
        )


def _shown(found: dict[str, tuple[int, str | None]], name: str) -> str:
    return "generation {} with {}".format(*found[name]) if name in found else "nothing"
