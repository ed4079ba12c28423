# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scratch slot: made like the real one, swapped, committed, taken down. Every write to the kernel is bounded in time."""

from __future__ import annotations

from typing import Any, Callable

from ..core.errors import TwostepError
from ..core.slots import Slot
from . import settled
from .kernel_control import Control, SwapLine
from .scratch_disk import Hire
from .servant import Handlers, Servant
from .world import World

# What the real slot's administrator chose, beside family and params; the last ones bound the probation.
_LIKE_THE_REAL_ONE = ("queue_depth", "hw_queues", "request_bytes", "inflight_policy")
_STALL_MS = 3000
_PREPARE_S = 20.0
_COMMIT_S = 30.0
_TAKE_DOWN_S = 10.0
_POLL_S = 0.1


def orders(control: Control) -> Handlers:
    """Return what the servant for the kernel does."""

    def swap(slot: str, version: str, generation: int, deadline_ms: int, one_way: bool) -> None:
        control.swap(slot, SwapLine(version, generation, deadline_ms=deadline_ms, one_way=one_way))

    return {"swap": swap, "commit": control.commit, "deactivate": control.deactivate, "remove": control.remove}


class ScratchSlot:
    """One slot of ours.

    :param left_s: seconds that the rehearsal still has.
    """

    def __init__(self, world: World, name: str, deadline_ms: int, hired: Hire, left_s: Callable[[], float]) -> None:
        self._world = world
        self.name = name
        self._deadline_ms = deadline_ms
        self._hire = hired
        self._left_s = left_s
        self._servant: Servant | None = None

    def look(self) -> Slot:
        """Return its status."""
        return self._world.status.slot(self.name)

    def _settled(self) -> Slot:
        return settled.look(self._world, self.name, self._deadline_ms)

    def make(self, like: str, family: str, params: str) -> None:
        """Make the slot with the settings of the real one; it has no device yet."""
        control = self._world.control
        settings = {name: control.setting(like, name) for name in _LIKE_THE_REAL_ONE}
        control.create(self.name)
        for name, value in {"family": family, "params": params, **settings, "probation_stall_ms": str(_STALL_MS)}.items():
            control.configure(self.name, name, value)

    def bound_stalls(self, milliseconds: int | None = None) -> None:
        """Set how long a request may take in a probation; without a number as at the beginning."""
        self._world.control.configure(self.name, "probation_stall_ms", str(milliseconds or _STALL_MS))

    def swap(self, version: str, one_way: bool = False) -> Slot:
        """Let a version serve, and return what the kernel says then."""
        before = self.look()
        bound_s = _PREPARE_S + 2 * self._deadline_ms / 1000
        self._order(
            "swap",
            bound_s,
            slot=self.name,
            version=version,
            generation=before.generation,
            deadline_ms=self._deadline_ms,
            one_way=one_way,
        )
        after = self._settled()
        if (after.state, after.version, after.generation) != ("serving", version, before.generation + 1):
            self.refuse_return(version)
            raise TwostepError(
                "not_proven",
                f"The kernel said yes to {version}, but the scratch slot is {after.state} with {after.version or 'nothing'}.",
                "Read the kernel log of the host.",
                {"state": after.state, "version": after.version, "generation": after.generation},
            )
        return after

    def refuse_return(self, version: str) -> None:
        """Raise `returned` when the kernel has taken the version back in its probation, or is about to."""
        now = self._settled()
        if now.version != version and now.last_swap.result == "returned" and now.last_swap.to_version == version:
            raise TwostepError(
                "returned",
                f"The kernel took {version} back: {now.last_swap.reason}.",
                "Keep the old version and report this to the makers of the child.",
                {"reason": now.last_swap.reason, "serves": now.version},
            )

    def commit(self) -> None:
        """End the probation."""
        slot = self.look()
        self._order("commit", _COMMIT_S, slot=self.name, generation=slot.generation)
        if self.look().parked:
            raise TwostepError("not_proven", "After its commit the scratch slot still has a parked child.", "Read the kernel log.")

    def remove(self) -> list[str]:
        """Take the slot down and return what could not be. The time for this is not the rehearsal's."""
        left = []
        try:
            take_down(self._world, self.name, lambda order, **words: self._ordered(order, _TAKE_DOWN_S, **words))
        except TwostepError as error:
            left.append(f"slot {self.name} ({error.code})")
        if self._servant is not None and not self._servant.end():
            left.append(f"process {self._servant.pid}")
        self._servant = None
        return left

    def _order(self, order: str, bound_s: float, **words: Any) -> None:
        left_s = self._left_s()
        if left_s <= 0:
            raise TwostepError("too_slow", "The rehearsal has used up its time.", "Raise timeout_s, or look at what else the host does.")
        self._ordered(order, min(bound_s, left_s), **words)

    def _ordered(self, order: str, bound_s: float, **words: Any) -> None:
        if self._servant is None:
            self._servant = self._hire("the kernel", lambda: orders(self._world.control), ())
        self._servant.order(order, bound_s, **words)


def take_down(world: World, name: str, order: Callable[..., None]) -> None:
    """Remove a scratch slot, or raise why it stays. udev and its like may have the device open for a moment."""
    end = world.monotonic_s() + _TAKE_DOWN_S
    while name in world.status.slot_names():
        try:
            if world.status.slot(name).state != "empty":
                order("deactivate", slot=name)
            order("remove", slot=name)
        except TwostepError as error:
            if error.code != "slot_in_use" or world.monotonic_s() >= end:
                raise
            world.sleep(_POLL_S)
