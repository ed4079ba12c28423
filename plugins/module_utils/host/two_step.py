# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The middle of a two_step swap: the old module goes, the new one comes, and the slot holds all I/O meanwhile.

Everything that is needed is in locked memory before the hold begins. Where the successor does not come, the old child is
brought back; the kernel asks for it too, at its deadline.
"""

from __future__ import annotations

import contextlib

from ..core import names
from ..core.errors import TwostepError
from ..core.slots import Slot
from ..core.swap_request import SwapRequest
from . import kernel_module, module_image, module_tree, reliance
from .preload import load_failed
from .world import World

_POLL_S = 0.002
_PARENT = "twostep"


class Successor:
    """What replaces the child that serves."""

    def __init__(self, world: World, request: SwapRequest) -> None:
        self._world = world
        self._request = request
        self._new = b""
        self._old = b""

    def prepare(self) -> None:
        """Read both modules, load what the new one needs, and lock it all in memory."""
        world, request = self._world, self._request
        reliance.refuse(world.paths, request.slot)
        self._new = module_image.read(request.path)
        old_path = module_tree.find(world.paths, world.release, request.old_module)
        # A file of the same name is the new one: there is no way back by file then, and the kernel is told so by its deadline only.
        if old_path and request.old_module != request.module:
            self._old = module_image.read(old_path)
        for needed in request.depends:
            if needed != _PARENT:
                kernel_module.load(world.paths, world.run, needed)
        world.loader.lock_memory()

    def replace(self) -> None:
        """Right after the kernel has released the old child: unload it, load the new one, wait until a child serves."""
        world, request = self._world, self._request
        has_gone = False
        try:
            if self._may_go():
                world.loader.remove(request.old_module)
                has_gone = True
            world.loader.insert(request.module, self._new)
        except TwostepError as error:
            self._bring_back(has_gone)
            raise load_failed(world, request.module, error) from None
        slot = self._wait()
        if slot.version != request.to_version:
            raise TwostepError(
                "returned",
                f"{request.to_version} did not take over: {slot.last_swap.reason}.",
                "Read the kernel log of the host, and correct the new child.",
            )

    def _may_go(self) -> bool:
        """A module that another slot uses stays; only one of the new module's name has to go."""
        child = self._world.status.child(self._request.old_module)
        return child is None or child.users == 0 or self._request.old_module == self._request.module

    def _bring_back(self, has_gone: bool) -> None:
        """Give the slot its old child again; the kernel lets it adopt at the deadline."""
        if has_gone and self._old:
            with contextlib.suppress(TwostepError):
                self._world.loader.insert(self._request.old_module, self._old)
        with contextlib.suppress(TwostepError):
            self._wait()

    def _wait(self) -> Slot:
        """Return the slot once a child serves it."""
        world, request = self._world, self._request
        # Two deadlines are the kernel's bound, and modprobe gets time to load what it asks for.
        end = world.monotonic_s() + 2 * request.deadline_ms / 1000 + 10
        while True:
            slot = world.status.slot(request.slot)
            if slot.state == "serving" and slot.last_swap.result in ("ok", "returned"):
                return slot
            if world.monotonic_s() >= end:
                raise TwostepError(
                    "no_child",
                    f"No child serves slot {request.slot}: {slot.last_swap.reason or slot.state}.",
                    f"Load {request.module} or {names.module(request.old_module)} with modprobe: the slot takes it, and its I/O goes on.",
                )
            world.sleep(_POLL_S)
