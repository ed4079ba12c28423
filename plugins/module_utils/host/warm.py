# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The middle of a warm upgrade: the slot's users let go of it, the other child gets an empty slot, and the users come back.

What will be stopped is written down before the first of it is. Whoever finds that file without a result brings everything back.
"""

from __future__ import annotations

from ..core import consumers as lists
from ..core import names
from ..core.consumers import Consumer
from ..core.errors import TwostepError
from ..core.swap_request import SwapRequest
from . import consumers, kernel_module, swap_folder
from .kernel_control import SwapLine
from .world import World

# An array with a write-intent bitmap copies what was written meanwhile; that it takes longer is told, not undone.
_REDUNDANCY_S = 3600.0


class Warm:
    """One warm upgrade of one slot."""

    def __init__(self, world: World, request: SwapRequest) -> None:
        self._world = world
        self._request = request
        self._consumers: tuple[Consumer, ...] = ()

    def prepare(self) -> list[str]:
        """Find out who uses the slot, write that down, and return it; changes nothing else.

        :raises TwostepError: what cannot be stopped, or not without losing the last copy of something.
        """
        request = self._request
        self._consumers = lists.plan(consumers.look(self._world, [consumers.disk_of(request.slot)], request.units))
        swap_folder.write_consumers(self._world.paths, request.swap_id, lists.render(self._consumers))
        return [str(one) for one in self._consumers]

    def take_down(self) -> None:
        """Stop the users in their order, and take the slot's device away."""
        consumers.release_all(self._world, self._consumers)
        self._world.control.deactivate(self._request.slot)

    def replace(self) -> None:
        """Give the empty slot to the new version."""
        world, request = self._world, self._request
        child = world.status.child(request.module)
        room = world.control.room(request.slot)
        if child is not None and room is not None and child.request_bytes > room:
            world.control.configure(request.slot, "request_bytes", str(child.request_bytes))
        self._adopt(request.to_version)

    def bring_back(self) -> None:
        """Start the users again, in the reverse order.

        :raises TwostepError: what did not come back, all of it.
        """
        consumers.restore_all(self._world, self._consumers)

    def await_redundancy(self) -> None:
        """Wait until the arrays have all their copies again."""
        consumers.await_redundancy(self._world, self._consumers, _REDUNDANCY_S)

    def go_back(self) -> None:
        """After a failure at any point: the old version serves again, and its users are back.

        :raises TwostepError: what could not be brought back.
        """
        request = self._request
        if self._world.status.slot(request.slot).version == request.to_version:
            self.take_down()
        self._revive()
        self.bring_back()

    def recover(self) -> str:
        """After a death at any point: a child serves, and the users are back. Return one sentence about it.

        :raises TwostepError: what could not be brought back; it can be tried again.
        """
        paths, swap_id = self._world.paths, self._request.swap_id
        text = swap_folder.read_consumers(paths, swap_id)
        if text is None:
            return ""
        self._revive()
        self._consumers = lists.parse(text, swap_folder.consumers_file(paths, swap_id))
        missing = [one for one in self._consumers if not consumers.is_there(self._world, one)]
        self.bring_back()
        return f" Brought back: {', '.join(map(str, missing))}." if missing else ""

    def _revive(self) -> None:
        """Let the old version serve where nothing does."""
        world, request = self._world, self._request
        if world.status.slot(request.slot).state == "empty":
            kernel_module.load(world.paths, world.run, names.child_module(request.family, request.from_version))
            self._adopt(request.from_version)

    def _adopt(self, version: str) -> None:
        world, slot = self._world, self._request.slot
        world.control.swap(slot, SwapLine(version, world.status.slot(slot).generation))
        found = world.status.slot(slot)
        if (found.state, found.version) != ("serving", version):
            raise TwostepError(
                "not_proven",
                f"Slot {slot} took {version}, but is {found.state} with {found.version or 'nothing'}.",
                "Read the kernel log of the host.",
            )
