# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the parent's status from sysfs. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Callable

from ..core import names, slots
from ..core.errors import TwostepError
from ..core.slots import Child, Parent, Slot
from .paths import Paths

ReadText = Callable[[str], str]
ListDir = Callable[[str], "list[str]"]


def read_text(path: str) -> str:
    """Return the text of a small file; one byte too many is kept, so that the parser sees the excess."""
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read(slots.MAX_TEXT + 2)


@dataclass(frozen=True)
class Status:
    """The status side of the parent."""

    paths: Paths
    read_text: ReadText = read_text
    listdir: ListDir = field(default=os.listdir)

    def _texts(self, folder: str, wanted: tuple[str, ...]) -> dict[str, str]:
        return {name: self.read_text(f"{folder}/{name}") for name in wanted}

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(self.listdir(folder))
        except FileNotFoundError:
            return []

    def _module_fact(self, module: str, name: str) -> str | None:
        try:
            return self.read_text(f"{self.paths.sys}/module/{names.module(module)}/{name}").strip() or None
        except OSError:
            return None

    def is_loaded(self, module: str) -> bool:
        """Return whether a module of this name is in the kernel."""
        try:
            self.listdir(f"{self.paths.sys}/module/{names.module(module)}")
        except OSError:
            return False
        return True

    def loaded_srcversion(self, module: str) -> str | None:
        """Return the checksum of the sources of a loaded module, None without one."""
        return self._module_fact(module, "srcversion")

    def parent(self) -> Parent:
        """Return the parent or raise `no_parent`."""
        folder = self.paths.status
        try:
            texts = self._texts(folder, ("contract",))
        except FileNotFoundError:
            raise TwostepError(
                "no_parent",
                "The parent module twostep is not loaded.",
                "Run the playbook twostep.hotswap.install_parent, or modprobe twostep.",
            ) from None
        except OSError as error:
            raise unreadable(folder, error) from None
        return slots.parse_parent(folder, texts, self._module_fact("twostep", "version"))

    def slot_names(self) -> list[str]:
        """Return the names of all slots, in order."""
        return self._names(f"{self.paths.status}/slots")

    def slot(self, name: str) -> Slot:
        """Return one slot, or raise `no_parent` or `no_slot`."""
        folder = f"{self.paths.status}/slots/{names.slot(name)}"
        self.parent()
        try:
            texts = self._texts(folder, slots.SLOT_FILES)
            last_swap = self._texts(f"{folder}/last_swap", slots.LAST_SWAP_FILES)
        except FileNotFoundError as error:
            if name in self.slot_names():
                raise unreadable(str(error.filename or folder), error) from None
            raise TwostepError(
                "no_slot", f"Slot {name} does not exist.", "Create it with twostep.hotswap.parent, or correct the name.", {"slot": name}
            ) from None
        except OSError as error:
            raise unreadable(folder, error) from None
        return slots.parse_slot(name, folder, texts, last_swap, self._told(f"{folder}/child"))

    def _told(self, folder: str) -> dict[str, str]:
        """Return what the child tells; its folder comes and goes with the child, so a vanished file is left out."""
        told = {}
        for name in self._names(folder)[:64]:
            try:
                told[name] = self.read_text(f"{folder}/{name}")
            except OSError:
                continue
        return told

    def child(self, module: str) -> Child | None:
        """Return a registered child, or None."""
        folder = f"{self.paths.status}/children/{names.module(module)}"
        try:
            return slots.parse_child(module, folder, self._texts(folder, slots.CHILD_FILES))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(folder, error) from None

    def children(self) -> list[Child]:
        """Return all registered children, by module."""
        found = [self.child(name) for name in self._names(f"{self.paths.status}/children")]
        return [child for child in found if child is not None]


def unreadable(path: str, error: OSError) -> TwostepError:
    """Return the error for a status file that cannot be read."""
    return TwostepError(
        "bad_status", f"{path} cannot be read: {error.strerror}.", "Look at the host, as root: sysfs should be readable.", {"path": path}
    )
