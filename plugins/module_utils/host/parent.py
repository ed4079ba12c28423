# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the parent and its slots up and down. The module `parent` and the agent's `restore` both use it.

Every step proves itself by reading the kernel's state back.
"""

from __future__ import annotations

import contextlib
import os
from typing import Callable, Sequence

from ..core import names
from ..core.boot import BootSlot
from ..core.errors import TwostepError
from ..core.parent import Found, FoundSlot, Plan, Step, plan_present
from . import boot, kernel_module
from .paths import Paths
from .runner import Run

Write = Callable[[str, str], None]
_MOUNT_POINT = "/sys/kernel/config"


def write_attribute(path: str, text: str) -> None:
    """Write `text` in one write, as configfs wants it; an OSError carries the kernel's answer."""
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode("ascii"))
    finally:
        os.close(handle)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return stream.read(4096).rstrip("\n")
    except OSError:
        return ""


def _folders(path: str) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(path) if entry.is_dir())
    except OSError:
        return []


class ParentActor:
    """Looks at the parent on this host and does single steps on it."""

    def __init__(self, paths: Paths, run: Run, *, agent: str = "", write: Write = write_attribute) -> None:
        self._paths = paths
        self._run = run
        self._agent = agent
        self._write = write

    def slot(self, name: str) -> FoundSlot:
        """Return the slot as the kernel tells it now; an unknown one reads as empty fields."""
        folder = os.path.join(self._paths.status, "slots", name)
        generation = _read(os.path.join(folder, "generation"))
        values = {key: _read(os.path.join(folder, key)) for key in ("state", "family", "params", "version")}
        return FoundSlot(slot=name, generation=int(generation) if generation.isdigit() else 0, **values)

    def look(self, exact_unit: bool = True) -> Found:
        """Return what the host has.

        :param exact_unit: whether the unit counts only when it is enabled and runs the wanted agent.
        """
        configured: dict[str, BootSlot | None] = {}
        for name in boot.configured(self._paths):
            try:
                configured[name] = boot.read_slot(self._paths, name)
            except TwostepError:
                configured[name] = None
        has_unit = boot.has_unit(self._paths)
        if exact_unit and has_unit:
            has_unit = bool(self._agent) and boot.unit_is_current(self._paths, self._run, self._agent)
        return Found(
            loaded=os.path.isdir(self._paths.status),
            configfs=os.path.isdir(self._paths.configfs),
            slots={name: self.slot(name) for name in _folders(os.path.join(self._paths.status, "slots"))},
            boot=configured,
            unit=has_unit,
            children=tuple(_folders(os.path.join(self._paths.status, "children"))),
        )

    def do(self, step: Step, plan: Plan) -> None:
        """Do one step of `plan` and prove it."""
        if step.action == "load_parent":
            kernel_module.load(self._paths, self._run, "twostep")
        elif step.action == "mount_configfs":
            self._mount_configfs()
        elif step.action == "create_slot":
            self._create(step.slot)
        elif step.action == "adopt":
            self._adopt(plan.targets[step.slot], any(other.action == "create_slot" and other.slot == step.slot for other in plan.steps))
        elif step.action == "write_boot":
            boot.write_slot(self._paths, plan.targets[step.slot])
        elif step.action == "install_unit":
            boot.install_unit(self._paths, self._run, self._agent)
        elif step.action == "remove_boot":
            boot.remove_slot(self._paths, step.slot)
        elif step.action == "remove_unit":
            boot.remove_unit(self._paths, self._run)
        elif step.action == "take_down":
            self._take_down(step.slot)
        else:
            kernel_module.unload(self._paths, self._run, step.module or "twostep")

    def _mount_configfs(self) -> None:
        if not os.path.isdir(self._paths.configfs):
            self._run(["mount", "-t", "configfs", "configfs", _MOUNT_POINT])
        if not os.path.isdir(self._paths.configfs):
            raise TwostepError(
                "no_configfs",
                f"{self._paths.configfs} does not exist though twostep is loaded.",
                f"Mount configfs on {_MOUNT_POINT} and look at the kernel log.",
            )

    def _control(self, slot: str, attribute: str = "") -> str:
        return os.path.join(self._paths.configfs, names.slot(slot), attribute)

    def _create(self, slot: str) -> None:
        try:
            os.mkdir(self._control(slot).rstrip("/"))
        except FileExistsError:
            pass
        except OSError as error:
            raise TwostepError(
                "slot_not_created", f"Slot {slot} cannot be created: {error.strerror}.", "Look at the kernel log of the host."
            ) from None

    def _adopt(self, wanted: BootSlot, is_new: bool) -> None:
        """Give a bare slot its first child; on failure a slot made just now and a child loaded just now are taken away again."""
        module = names.child_module(wanted.family, wanted.version)
        was_loaded = kernel_module.is_loaded(self._paths, module)
        try:
            kernel_module.load(self._paths, self._run, module)
            self._configure(wanted)
            self._first_swap(wanted)
        except TwostepError:
            if is_new:
                with contextlib.suppress(OSError):
                    os.rmdir(self._control(wanted.slot).rstrip("/"))
            if not was_loaded:
                with contextlib.suppress(TwostepError):
                    kernel_module.unload(self._paths, self._run, module)
            raise

    def _configure(self, wanted: BootSlot) -> None:
        limits = {"queue_depth": wanted.queue_depth, "hw_queues": wanted.hw_queues}
        values = {
            "family": wanted.family,
            "params": wanted.params,
            **{key: str(value) for key, value in limits.items() if value is not None},
        }
        for attribute, value in values.items():
            try:
                self._write(self._control(wanted.slot, attribute), value + "\n")
            except OSError as error:
                raise TwostepError(
                    "slot_not_configured",
                    f"Slot {wanted.slot} refuses {attribute} {value!r}: {error.strerror}.",
                    "Correct the value; the kernel log may tell more.",
                ) from None

    def _first_swap(self, wanted: BootSlot) -> None:
        line = f"version={wanted.version} generation={self.slot(wanted.slot).generation}\n"
        answer = ""
        try:
            self._write(self._control(wanted.slot, "swap"), line)
        except OSError as error:
            answer = error.strerror or str(error)
        now = self.slot(wanted.slot)
        if answer or now.state != "serving" or now.version != wanted.version:
            reason = _read(os.path.join(self._paths.status, "slots", wanted.slot, "last_swap", "reason"))
            raise TwostepError(
                "adopt_failed",
                f"{wanted.family} {wanted.version} does not take slot {wanted.slot}: {reason or answer or 'no reason given'}.",
                f"Check params {wanted.params!r} (is the device there and free?) and the kernel log.",
                {"slot": wanted.slot, "state": now.state, "errno": answer, "reason": reason},
            )

    def _take_down(self, slot: str) -> None:
        try:
            if self.slot(slot).state != "empty":
                self._write(self._control(slot, "active"), "0\n")
            os.rmdir(self._control(slot).rstrip("/"))
        except OSError as error:
            raise TwostepError(
                "slot_busy",
                f"Slot {slot} cannot be taken down: {error.strerror}.",
                "Stop what uses the slot, then run again.",
                {"slot": slot},
            ) from None
        if os.path.isdir(os.path.join(self._paths.status, "slots", slot)):
            raise TwostepError("slot_busy", f"Slot {slot} is still there after it was removed.", "Look at the kernel log.", {"slot": slot})


def bring_up(actor: ParentActor, wanted: Sequence[BootSlot]) -> dict[str, TwostepError | None]:
    """Bring each slot of `wanted` up that does not serve yet; one that fails does not keep the others down.

    For the boot: nothing is written to the boot configuration. Returns by slot what went wrong, None where it serves.
    """
    outcome: dict[str, TwostepError | None] = {}
    for slot in wanted:
        try:
            plan = plan_present([slot], actor.look(), boot=False)
            for step in plan.steps:
                actor.do(step, plan)
            outcome[slot.slot] = None
        except TwostepError as error:
            outcome[slot.slot] = error
    return outcome
