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
from ..core.parent import Found, Plan, Step, plan_present
from . import boot, early, kernel_module, new_kernel, trials
from .kernel_control import Control, SwapLine
from .paths import Paths
from .runner import Run
from .slots import Status

_MOUNT_POINT = "/sys/kernel/config"
_CHILD_REFUSES = {
    "ENOENT": ("what they name does not exist", "Correct params, or attach the device."),
    "ENXIO": ("what they name does not exist", "Correct params, or attach the device."),
    "ENODEV": ("what they name does not exist", "Correct params, or attach the device."),
    "EBUSY": ("what they name is in use", "Free the device, or correct params."),
    "EINVAL": ("the child does not understand them", "Correct params; for remap write lower=<path of a block device>."),
}


class ParentActor:
    """Looks at the parent on this host and does single steps on it.

    :param agent: path of the agent that the boot unit runs; empty where no unit is written.
    :param release: of the kernel, for the initramfs; empty where that is left alone.
    """

    def __init__(self, paths: Paths, run: Run, *, agent: str = "", release: str = "", control: Control | None = None) -> None:
        self._paths = paths
        self._run = run
        self._agent = agent
        self._release = release
        self._control = control or Control(paths, Status(paths))
        self._status = self._control.status

    def look(self, exact_unit: bool = False) -> Found:
        """Return what the host has.

        :param exact_unit: whether unit and scripts count only when they are as they should be and run the wanted agent.
        """
        configured: dict[str, BootSlot | None] = {}
        for name in boot.configured(self._paths):
            try:
                configured[name] = boot.read_slot(self._paths, name)
            except TwostepError:
                configured[name] = None
        has_unit = boot.has_unit(self._paths)
        if exact_unit and has_unit:
            has_unit = new_kernel.is_current(self._paths, self._agent) and boot.unit_is_current(self._paths, self._run, self._agent)
        return Found(
            loaded=kernel_module.is_loaded(self._paths, "twostep"),
            configfs=os.path.isdir(self._paths.configfs),
            slots={name: self._status.slot(name) for name in self._status.slot_names()},
            boot=configured,
            unit=has_unit,
            scripts=early.is_installed(self._paths, self._agent) if exact_unit else early.has_scripts(self._paths),
            made=not self._release or early.is_made(self._paths, self._release),
            children=self._children(),
        )

    def _children(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(os.listdir(self._paths.status + "/children")))
        except OSError:
            return ()

    def do(self, step: Step, plan: Plan) -> None:
        """Do one step of `plan` and prove it."""
        is_new = any(other.action == "create_slot" and other.slot == step.slot for other in plan.steps)
        actions: dict[str, Callable[[], object]] = {
            "load_parent": lambda: kernel_module.load(self._paths, self._run, "twostep"),
            "mount_configfs": self._mount_configfs,
            "create_slot": lambda: self._control.create(step.slot),
            "adopt": lambda: self._adopt(plan.targets[step.slot], is_new),
            "revive": lambda: self._revive(plan.targets[step.slot]),
            "write_boot": lambda: boot.write_slot(self._paths, plan.targets[step.slot]),
            "install_unit": self._install_unit,
            "install_scripts": lambda: early.install(self._paths, self._agent),
            "make_initramfs": lambda: early.make(self._paths, self._run, self._release),
            "remove_scripts": lambda: early.remove(self._paths),
            "remove_boot": lambda: self._remove_boot(step.slot),
            "remove_unit": self._remove_unit,
            "take_down": lambda: self._take_down(step.slot),
            "unload_child": lambda: kernel_module.unload(self._paths, self._run, step.module),
            "unload_parent": lambda: kernel_module.unload(self._paths, self._run, "twostep"),
        }
        actions[step.action]()

    def _install_unit(self) -> None:
        new_kernel.install(self._paths, self._agent)
        boot.install_unit(self._paths, self._run, self._agent)

    def _remove_unit(self) -> None:
        new_kernel.remove(self._paths)
        boot.remove_unit(self._paths, self._run)

    def _remove_boot(self, slot: str) -> None:
        trials.remove(self._paths, slot)
        boot.remove_slot(self._paths, slot)

    def _mount_configfs(self) -> None:
        if not os.path.isdir(self._paths.configfs):
            self._run(["mount", "-t", "configfs", "configfs", _MOUNT_POINT])
        if not os.path.isdir(self._paths.configfs):
            raise TwostepError(
                "no_configfs",
                f"{self._paths.configfs} does not exist though twostep is loaded.",
                f"Mount configfs on {_MOUNT_POINT} and look at the kernel log.",
            )

    def _adopt(self, wanted: BootSlot, is_new: bool) -> None:
        """Give a bare slot its first child; on failure a slot made just now and a child loaded just now are taken away again."""
        module = names.child_module(wanted.family, wanted.version)
        was_loaded = kernel_module.is_loaded(self._paths, module)
        try:
            kernel_module.load(self._paths, self._run, module)
            self._configure(wanted)
            self._first_swap(wanted)
            self._prove(wanted)
        except TwostepError:
            if is_new:
                with contextlib.suppress(TwostepError):
                    self._control.remove(wanted.slot)
            if not was_loaded:
                with contextlib.suppress(TwostepError):
                    kernel_module.unload(self._paths, self._run, module)
            raise

    def _revive(self, wanted: BootSlot) -> None:
        """Give a slot whose child is gone the same one, or another, again; family and parameters are those that it has.

        A detached slot may take the module as soon as it is loaded; then nothing is asked of it any more.
        """
        kernel_module.load(self._paths, self._run, names.child_module(wanted.family, wanted.version))
        if self._status.slot(wanted.slot).state != "serving":
            self._first_swap(wanted)
        self._prove(wanted)

    def _configure(self, wanted: BootSlot) -> None:
        self._control.configure(wanted.slot, "family", wanted.family)
        self._control.configure(wanted.slot, "params", wanted.params)
        for name in ("queue_depth", "hw_queues", "request_bytes"):
            value = getattr(wanted, name)
            if value is not None:
                self._control.configure(wanted.slot, name, str(value))

    def _first_swap(self, wanted: BootSlot) -> None:
        try:
            self._control.swap(wanted.slot, SwapLine(wanted.version, self._status.slot(wanted.slot).generation))
        except TwostepError as error:
            last = self._status.slot(wanted.slot).last_swap
            if last.result != "failed" or last.to_version != wanted.version:
                raise
            # The kernel took the request up, so the errno is the child's, whatever it would mean for the request.
            name = str(error.data.get("errno"))
            text, next_step = _CHILD_REFUSES.get(name, (last.reason, "Read the kernel log of the host."))
            raise TwostepError(
                "child_refused",
                f"{wanted.family} {wanted.version} does not take slot {wanted.slot} with params {wanted.params!r}: {text} ({name}).",
                next_step,
                {**error.data, "reason": last.reason},
            ) from None

    def _prove(self, wanted: BootSlot) -> None:
        now = self._status.slot(wanted.slot)
        if now.state != "serving" or now.version != wanted.version:
            raise TwostepError(
                "adopt_failed",
                f"Slot {wanted.slot} took {wanted.family} {wanted.version}, but is {now.state} with {now.version or 'nothing'}.",
                "Read the kernel log of the host.",
                {"slot": wanted.slot, "state": now.state},
            )

    def _take_down(self, slot: str) -> None:
        if self._status.slot(slot).state != "empty":
            self._control.deactivate(slot)
        self._control.remove(slot)
        if slot in self._status.slot_names():
            raise TwostepError("slot_in_use", f"Slot {slot} is still there after it was removed.", "Read the kernel log.", {"slot": slot})


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
