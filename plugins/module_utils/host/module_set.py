# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is unloaded and loaded as one: the modules of a vendor, or the parent with its slots and children.

Each act can be repeated: what is gone already, or there already, is left alone.
"""

from __future__ import annotations

import os
from typing import Sequence

from ..core.reload import PARENT
from . import boot, kernel_module, parent
from .world import World


class ModuleSet:
    """Modules that stand for themselves, in the order in which they are loaded."""

    def __init__(self, world: World, modules: Sequence[str]) -> None:
        self._world = world
        self._modules = tuple(modules)

    def remove(self) -> None:
        """Unload them.

        :raises TwostepError: as `kernel_module.unload`.
        """
        for name in reversed(self._modules):
            kernel_module.unload(self._world.paths, self._world.run, name)

    def insert(self) -> None:
        """Load them from their installed files.

        :raises TwostepError: as `kernel_module.load`.
        """
        for name in self._modules:
            kernel_module.load(self._world.paths, self._world.run, name)


class ParentSet(ModuleSet):
    """The parent: its slots go down before it, and come up again from their boot configuration."""

    def __init__(self, world: World) -> None:
        super().__init__(world, [PARENT])

    def remove(self) -> None:
        """Take the slots down, and unload children and parent."""
        world = self._world
        for slot in world.status.slot_names():
            if world.status.slot(slot).state != "empty":
                world.control.deactivate(slot)
            world.control.remove(slot)
        for child in self._children():
            kernel_module.unload(world.paths, world.run, child)
        super().remove()

    def insert(self) -> None:
        """Load the parent, and bring the slots up.

        :raises TwostepError: the first slot's that does not serve; the others were tried, too.
        """
        world = self._world
        super().insert()
        actor = parent.ParentActor(world.paths, world.run, control=world.control)
        failures = parent.bring_up(actor, boot.read_slots(world.paths))
        for _slot, failure in sorted(failures.items()):
            if failure is not None:
                raise failure

    def _children(self) -> list[str]:
        try:
            return sorted(os.listdir(f"{self._world.paths.status}/children"))
        except OSError:
            return []


def of(world: World, modules: Sequence[str]) -> ModuleSet:
    """Return the set of these modules."""
    return ParentSet(world) if tuple(modules) == (PARENT,) else ModuleSet(world, modules)
