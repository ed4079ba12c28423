# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until the kernel is done with a slot: with a swap, which outlives its requester, or with a return that an alarm has begun."""

from __future__ import annotations

from ..core.slots import Slot
from .world import World

_POLL_S = 0.05
_GRACE_S = 2.0


def look(world: World, slot: str, deadline_ms: int) -> Slot:
    """Return the status of `slot` once it stands, or as it is when the kernel's own deadline should long have ended that.

    :param deadline_ms: of the swap; a return has the same.
    """
    end = world.monotonic_s() + 2 * deadline_ms / 1000 + _GRACE_S
    while True:
        now = world.status.slot(slot)
        if _stands(now) or world.monotonic_s() >= end:
            return now
        world.sleep(_POLL_S)


def _stands(slot: Slot) -> bool:
    last = slot.last_swap
    if slot.state == "held" or slot.probation == "alarmed" or last.result == "running":
        return False
    # Another version serves than the one that came, and the reason is not told yet.
    return not (slot.state == "serving" and last.result == "ok" and last.to_version not in (None, slot.version))
