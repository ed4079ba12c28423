# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps bring the parent and its slots up or down. Decides only; `host/parent.py` acts.

A slot that serves is never changed here: another version is the business of a swap, and other parameters need the slot taken down.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Iterator, Sequence

from .boot import BootSlot
from .errors import TwostepError
from .slots import Slot


@dataclass(frozen=True)
class Users:
    """Who uses the disk of a slot: names of stacked devices, mount points, and programs as `name (pid)`."""

    openers: int = 0
    holders: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What the host has. `boot` maps a slot to its boot configuration, or to None where the file is damaged.

    :ivar scripts: those that bring slots up in the initramfs are in place.
    :ivar made: the initramfs has the early slots as the boot configuration has them.
    """

    loaded: bool = False
    configfs: bool = False
    slots: dict[str, Slot] = field(default_factory=dict)
    boot: dict[str, BootSlot | None] = field(default_factory=dict)
    unit: bool = False
    scripts: bool = False
    made: bool = True
    children: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One thing to do; `slot` and `module` are empty where the step has none."""

    action: str
    reason: str
    slot: str = ""
    module: str = ""


@dataclass(frozen=True)
class Drift:
    """A slot whose version, serving or committed, is another than the wanted one."""

    slot: str
    running: str
    wanted: str


@dataclass(frozen=True)
class Plan:
    """Ordered steps, the drift that they leave alone, and by slot what its steps bring up."""

    steps: tuple[Step, ...] = ()
    drift: tuple[Drift, ...] = ()
    targets: dict[str, BootSlot] = field(default_factory=dict)


def is_bare(slot: Slot | None) -> bool:
    """Return whether the slot still waits for its first child."""
    return slot is None or slot.state == "empty"


def _refuse_other(wanted: BootSlot, found: Slot) -> None:
    for name in ("family", "params"):
        if (getattr(found, name) or "") != getattr(wanted, name):
            raise TwostepError(
                "slot_differs",
                f"Slot {wanted.slot} serves with {name} {getattr(found, name)!r}, wanted is {getattr(wanted, name)!r}.",
                "Take the slot down first (state absent with this slot), or correct the wanted value.",
            )


def is_bereft(slot: Slot) -> bool:
    """Return whether a slot that was served before has no child: it fails requests, or keeps them for a child that did not come."""
    return slot.state in ("failed", "detached")


def _served(wanted: BootSlot, found: Found) -> BootSlot:
    """Return `wanted` with the version that serves it, or that was committed, and the room for requests that this one needed.

    An upgrade is never undone by bringing a slot up.
    """
    slot = found.slots.get(wanted.slot)
    committed = found.boot.get(wanted.slot)
    if committed is not None and wanted.request_bytes is None:
        wanted = replace(wanted, request_bytes=committed.request_bytes)
    if slot is not None and not is_bare(slot):
        if committed is not None and committed.family == slot.family:
            return wanted.with_version(committed.version)
        return wanted.with_version(slot.version) if slot.version else wanted
    if committed is not None and committed.family == wanted.family:
        return wanted.with_version(committed.version)
    return wanted


def plan_present(wanted: Sequence[BootSlot], found: Found, boot: bool, now: bool = True) -> Plan:
    """Return the plan that brings the wanted slots up; slots that are not named stay as they are.

    :param boot: whether the boot configuration is kept too.
    :param now: whether slots that nothing serves are brought up now, and not only by the next boot.
    :raises TwostepError: `slot_differs`, `duplicate_slot`; then nothing may be done.
    """
    names = [slot.slot for slot in wanted]
    if len(set(names)) != len(names):
        raise TwostepError("duplicate_slot", "A slot is named twice.", "Name each slot once.")
    steps = []
    drift = []
    targets = {}
    if now and not found.loaded:
        steps.append(Step("load_parent", "twostep is not loaded"))
    if now and not found.configfs:
        steps.append(Step("mount_configfs", "configfs is not mounted"))
    for slot in wanted:
        present = found.slots.get(slot.slot)
        target = _served(slot, found)
        running = target.version
        if now and present is None:
            steps.append(Step("create_slot", "the slot does not exist", slot.slot))
        if present is None or is_bare(present):
            if now:
                steps.append(Step("adopt", f"nothing serves; first adoption of {target.family} {target.version}", slot.slot))
        else:
            _refuse_other(slot, present)
            if now and is_bereft(present):
                steps.append(Step("revive", f"the slot is {present.state}; {target.family} {target.version} serves it again", slot.slot))
            running = present.version or target.version
        if running != slot.version:
            drift.append(Drift(slot.slot, running, slot.version))
        targets[slot.slot] = target
        if boot and target != found.boot.get(slot.slot):
            steps.append(Step("write_boot", f"at boot {target.family} {target.version} shall serve", slot.slot))
    if boot and not found.unit:
        steps.append(Step("install_unit", "the unit that brings the slots up is not in place"))
    if boot:
        steps += _early(targets, found, any(step.action == "write_boot" for step in steps))
    return Plan(tuple(steps), tuple(drift), targets)


def _early(targets: dict[str, BootSlot], found: Found, writes: bool) -> Iterator[Step]:
    """Return the steps that bring the initramfs to what the boot configuration will be."""
    before = {name: slot for name, slot in found.boot.items() if slot and slot.early}
    after = {name: slot for name, slot in {**found.boot, **targets}.items() if slot and slot.early}
    new_scripts = bool(after) and not found.scripts
    if new_scripts:
        yield Step("install_scripts", "the scripts that bring slots up in the initramfs are not in place")
    if new_scripts or not found.made or (writes and before != after):
        yield Step("make_initramfs", f"it is to bring up {', '.join(sorted(after)) or 'no slot'}")


def _refuse_busy(slot: str, users: Users) -> None:
    if not users.openers and not users.holders and not users.mounts:
        return
    named = [f"device {name}" for name in users.holders]
    named += [f"mount {path}" for path in users.mounts]
    named += [f"program {name}" for name in users.programs]
    raise TwostepError(
        "slot_busy",
        f"Slot {slot} is in use by {', '.join(named) or f'{users.openers} open file descriptions'}.",
        "Unmount it, take the devices on it down and stop the programs, then run again.",
        {
            "slot": slot,
            "openers": users.openers,
            "holders": list(users.holders),
            "mounts": list(users.mounts),
            "programs": list(users.programs),
        },
    )


def plan_absent(slots: Sequence[str], found: Found, users: dict[str, Users]) -> Plan:
    """Return the plan that takes slots down: the named ones, or with none named all of them and the parent too.

    :param users: who uses each slot that exists.
    :raises TwostepError: `slot_busy` before anything is done.
    """
    everything = not slots
    targets = sorted(found.slots) if everything else [name for name in slots if name in found.slots]
    for name in targets:
        _refuse_busy(name, users.get(name, Users()))
    steps = [Step("take_down", "the slot exists", name) for name in targets]
    configured = sorted(found.boot) if everything else [name for name in slots if name in found.boot]
    # First what a reboot would bring back.
    first = [Step("remove_boot", "the slot is brought up at boot", name) for name in configured]
    gone = [found.boot[name] for name in configured]
    if not found.made or (found.scripts and any(slot is None or slot.early for slot in gone)):
        first.append(Step("make_initramfs", "it may bring up slots that are taken down"))
    if everything and found.scripts:
        first.append(Step("remove_scripts", "no slot is left"))
    steps = [*first, *steps]
    if everything:
        if found.unit:
            steps.insert(0, Step("remove_unit", "the unit is in place"))
        steps += [Step("unload_child", "no slot is left", module=name) for name in found.children]
        if found.loaded:
            steps.append(Step("unload_parent", "no slot is left"))
    return Plan(tuple(steps))
