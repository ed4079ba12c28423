# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes one look at this host: its slots' counters, who serves, and the kernel's log. Changes nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

from ..core import evidence, names, rehearsal
from ..core.errors import TwostepError
from ..core.evidence import SlotEvidence, Snapshot
from ..core.slots import Slot
from . import kernel_log, trials
from .kernel_log import Device
from .paths import Paths
from .slots import Status


def uptime_s() -> float:
    """Return the seconds since the boot of this host, with those in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class World:
    """Everything that a look may touch. `log` is how the kernel's log is read."""

    paths: Paths
    status: Status
    uptime_s: Callable[[], float] = uptime_s
    log: Device | None = None


def look(world: World, family: str) -> Snapshot:
    """Return the evidence of the slots of a family; slots of rehearsals are left out.

    :raises TwostepError: `bad_family`, `no_parent`, `bad_status`, `too_many_slots`, `no_boot_id`.
    """
    wanted = names.family(family)
    world.status.parent()
    found = [world.status.slot(name) for name in world.status.slot_names() if not rehearsal.is_scratch(name)]
    chosen = [slot for slot in found if slot.family == wanted]
    if len(chosen) > evidence.MAX_SLOTS:
        raise TwostepError(
            "too_many_slots",
            f"This host has {len(chosen)} slots of family {wanted}; at most {evidence.MAX_SLOTS} can be judged.",
            "Set twostep_soak to false for it.",
        )
    seen = tuple(_seen(world, slot) for slot in chosen)
    # The log comes last: what happens while the counters are read is in it.
    return Snapshot(_boot_id(world.paths), round(world.uptime_s(), 3), seen, kernel_log.look(world.paths, world.log))


def _seen(world: World, slot: Slot) -> SlotEvidence:
    health = _text(world, f"{world.paths.status}/slots/{slot.slot}/health")
    return evidence.of_slot(slot, health, _text(world, f"{world.paths.sys}/block/{names.disk(slot.slot)}/stat"))


def _text(world: World, path: str) -> str | None:
    try:
        return world.status.read_text(path)
    except OSError:
        return None


def _boot_id(paths: Paths) -> str:
    try:
        return trials.boot_id(paths)
    except OSError as error:
        raise TwostepError(
            "no_boot_id", f"The name of this boot cannot be read: {error.strerror}.", "Look at the host: /proc should be readable."
        ) from None
