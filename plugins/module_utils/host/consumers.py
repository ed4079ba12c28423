# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops and restarts what uses disks. Each act looks first, so that it can be repeated, and proves itself afterwards."""

from __future__ import annotations

import os
import shlex
from typing import Mapping, Sequence

from ..core import consumers, names
from ..core import health_md as core_health_md
from ..core.consumers import Consumer, Device, Facts, Leg, Mount, MountUnit
from ..core.errors import TwostepError
from ..core.health import OK
from ..core.multipath import Map
from . import health_md, multipath, sysfs
from .paths import Paths
from .runner import Result
from .world import World

_PATIENCE_S = 120.0
_PROOF_S = 10.0
_POLL_S = 0.5


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return None


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def disk_of(slot: str) -> str:
    """Return the kernel's name of a slot's disk, as in /sys/block."""
    return names.disk(slot)


def _devices(paths: Paths, disk: str) -> tuple[Device, ...]:
    folder = f"{paths.sys}/block/{disk}"
    parts = [name for name in _entries(folder) if os.path.exists(f"{folder}/{name}/partition")]
    return tuple(
        Device(_path(name, place), sysfs.read(f"{place}/dev") or "", tuple(_entries(f"{place}/holders")))
        for name, place in [(disk, folder), *((part, f"{folder}/{part}") for part in parts)]
    )


def _path(name: str, place: str) -> str:
    """Return the path of a device; that of device-mapper is by name, since its number may be another when it comes back."""
    mapped = sysfs.read(f"{place}/dm/name")
    return f"/dev/mapper/{mapped}" if mapped else f"/dev/{name.replace('!', '/')}"


def is_disk(paths: Paths, device: str) -> bool:
    """Return whether a path below /dev is that of a disk at this moment."""
    return os.path.isdir(f"{paths.sys}/block/{_kernel_name(paths, device)}")


def disk_at(paths: Paths, device: str) -> str:
    """Return the kernel's name of the disk at a path below /dev, or raise `no_disk`."""
    name = _kernel_name(paths, device)
    if not is_disk(paths, device):
        raise TwostepError(
            "no_disk",
            f"{device} is no disk of this host.",
            "Write the path of a whole disk that exists, e.g. /dev/sdb.",
            {"device": device},
        )
    return name


def _mounts(paths: Paths) -> tuple[Mount, ...]:
    return consumers.parse_mounts(_text(f"{paths.proc}/self/mountinfo") or "")


def _kernel_name(paths: Paths, device: str) -> str:
    """Return the name in /sys/class/block of what a path means at this moment."""
    real, dev = os.path.realpath(paths.at(device)), paths.at("/dev/")
    return real[len(dev) :].replace("/", "!") if real.startswith(dev) else device[len("/dev/") :].replace("/", "!")


def _is_mounted(paths: Paths, consumer: Consumer) -> bool:
    """Return whether the device is mounted there; what else is mounted at that place, such as an automount, does not count."""
    number = sysfs.read(f"{paths.sys}/class/block/{_kernel_name(paths, consumer.device)}/dev")
    here = [mount for mount in _mounts(paths) if mount.point == consumer.name]
    return any(mount.source == consumer.device or mount.number == number for mount in here)


def _leg_folder(paths: Paths, consumer: Consumer) -> str:
    """Return the folder that the kernel has for a member; it is there as long as the device belongs to the array."""
    return f"{paths.sys}/block/{consumer.name}/md/dev-{_kernel_name(paths, consumer.device)}"


def look(world: World, disks: Sequence[str], units: Sequence[str]) -> Facts:
    """Return who uses any of `disks`, named as in /sys/block; of `units` only those that run."""
    paths = world.paths
    found = Facts(tuple(device for disk in disks for device in _devices(paths, disk)), _mounts(paths))
    legs: dict[str, Leg] = {}
    maps: dict[str, Map] = {}
    for name in sorted({name for device in found.devices for name in device.holders}):
        of_paths = multipath.look(world, name)
        if of_paths is not None:
            maps[name] = of_paths
        elif os.path.isdir(f"{paths.sys}/block/{name}/md"):
            legs[name] = Leg(health_md.read_array(name, paths), sysfs.read(f"{paths.sys}/block/{name}/md/bitmap/location"))
    return Facts(
        devices=found.devices,
        mounts=found.mounts,
        mount_units={mount.point: _mount_unit(world, mount.point) for mount in consumers.mounts_on(found)},
        swaps=_swaps(paths, found.devices),
        legs=legs,
        maps=maps,
        units=tuple(name for name in units if _runs(world, name)),
    )


def _swaps(paths: Paths, devices: Sequence[Device]) -> tuple[tuple[str, int], ...]:
    """Return the swap areas; those on the devices by the devices' own paths."""
    ours = {_kernel_name(paths, device.path): device.path for device in devices}
    areas = consumers.parse_swaps(_text(f"{paths.proc}/swaps") or "")
    return tuple((ours.get(_kernel_name(paths, path), path), priority) for path, priority in areas)


def _show(world: World, name: str, *properties: str) -> Mapping[str, str]:
    answer = world.run(["systemctl", "show", *(f"--property={one}" for one in properties), "--", name])
    pairs = [line.partition("=") for line in answer.stdout.splitlines()]
    return {key: value for key, _sign, value in pairs}


def _runs(world: World, name: str) -> bool:
    return _show(world, name, "ActiveState").get("ActiveState") in ("active", "activating", "reloading")


def _mount_unit(world: World, point: str) -> MountUnit:
    told = _show(world, point, "Id", "FragmentPath", "RequiredBy", "BoundBy")
    needing = f"{told.get('RequiredBy', '')} {told.get('BoundBy', '')}".split()
    bound = [name for name in dict.fromkeys(needing) if name.endswith((".service", ".socket", ".timer", ".path")) and _runs(world, name)]
    return MountUnit(told.get("Id", "") if told.get("FragmentPath") else "", tuple(bound))


def _failed(what: str, consumer: Consumer, answer: Result, next_step: str) -> TwostepError:
    said = (answer.stderr or answer.stdout).strip()[-300:].rstrip(".")
    return TwostepError(
        f"consumer_not_{what}",
        f"{consumer} was not {what}{': ' if said else ''}{said}.",
        next_step,
        {"kind": consumer.kind, "name": consumer.name},
    )


def _kept_down(consumer: Consumer, point: str) -> TwostepError:
    """Return the error for a consumer that is not restarted, because a mount is missing that it may need."""
    return _failed("restarted", consumer, Result(1, "", f"{point} is not mounted"), f"Mount {point} first.")


def is_there(world: World, consumer: Consumer) -> bool:
    """Return whether a consumer uses its device at this moment, or a unit runs. A member that has failed is not used."""
    paths = world.paths
    if consumer.kind == "unit":
        return _runs(world, consumer.name)
    if consumer.kind == "mount":
        return _is_mounted(paths, consumer)
    if consumer.kind == "swap":
        areas = consumers.parse_swaps(_text(f"{paths.proc}/swaps") or "")
        return _kernel_name(paths, consumer.name) in [_kernel_name(paths, path) for path, _priority in areas]
    if consumer.kind == "path":
        return multipath.is_there(world, consumer)
    state = sysfs.read(f"{_leg_folder(paths, consumer)}/state")
    return state is not None and "faulty" not in state.split(",")


def _has_let_go(world: World, consumer: Consumer) -> bool:
    """Return whether the device is free of a consumer; a member that has failed keeps it until it is removed."""
    if consumer.kind == "leg":
        return not os.path.isdir(_leg_folder(world.paths, consumer))
    if consumer.kind == "path":
        return multipath.has_let_go(world, consumer)
    return not is_there(world, consumer)


def _down(world: World, consumer: Consumer) -> list[list[str]]:
    """Return the commands that have a consumer let go of its device."""
    if consumer.kind == "path":
        return multipath.leave(world, consumer)
    commands: dict[str, list[list[str]]] = {
        "unit": [["systemctl", "stop", "--", consumer.name]],
        "mount": [["umount", "--", consumer.name]],
        "swap": [["swapoff", "--", consumer.name]],
        "leg": [
            ["mdadm", f"/dev/{consumer.name}", "--fail", consumer.device],
            ["mdadm", f"/dev/{consumer.name}", "--remove", consumer.device],
        ],
    }
    return commands[consumer.kind]


def _up(world: World, consumer: Consumer) -> list[list[str]]:
    """Return the commands that bring a consumer back."""
    how = consumer.how or {}
    if consumer.kind == "unit":
        return [["systemctl", "start", "--", consumer.name]]
    if consumer.kind == "mount" and how.get("unit"):
        return [["systemctl", "start", "--", how["unit"]]]
    if consumer.kind == "mount":
        return [["mount", "-t", how.get("fstype", "auto"), "-o", how.get("options", "rw"), "--", consumer.device, consumer.name]]
    if consumer.kind == "swap":
        priority = how.get("priority", "-1")
        return [["swapon", *([] if priority.startswith("-") else ["-p", priority]), "--", consumer.name]]
    if consumer.kind == "path":
        return multipath.come_back(world, consumer)
    return [["mdadm", f"/dev/{consumer.name}", "--re-add", consumer.device]]


def _act(world: World, consumer: Consumer, commands: Sequence[Sequence[str]]) -> Result:
    """Run commands, and return the answer of the last one. A table that was not loaded must not be followed by a resume."""
    answer = Result(0, "", "")
    for argv in commands:
        answer = world.run(argv, timeout_s=_PATIENCE_S)
        if answer.rc != 0 and consumer.kind == "path":
            break
    return answer


def release(world: World, consumer: Consumer) -> None:
    """Have a consumer let go of its device.

    :raises TwostepError: `consumer_not_stopped`.
    """
    if _has_let_go(world, consumer):
        return
    commands = _down(world, consumer)
    answer = _act(world, consumer, commands)
    end = world.monotonic_s() + _PROOF_S
    while not _has_let_go(world, consumer) and world.monotonic_s() < end:
        world.sleep(_POLL_S)
        if consumer.kind == "leg" and not _has_let_go(world, consumer):
            answer = world.run(commands[-1], timeout_s=_PATIENCE_S)  # md keeps a failed member until its I/O has ended
    if not _has_let_go(world, consumer):
        raise _failed(
            "stopped", consumer, answer, "See what keeps it (fuser, lsof), stop that with twostep_hook_before_swap, and run again."
        )


def restore(world: World, consumer: Consumer) -> None:
    """Bring a consumer back.

    :raises TwostepError: `consumer_not_restarted`.
    """
    if is_there(world, consumer):
        return
    # The kernel's events for the new disk may bring an array's member, a path or a mount back by themselves, at the same time.
    world.run(["udevadm", "settle", "--timeout=30"], timeout_s=60.0)
    if is_there(world, consumer):
        return
    if consumer.kind == "leg":
        release(world, consumer)  # one that has failed has to leave before it comes back
    commands = _up(world, consumer)
    answer = _act(world, consumer, commands)
    end = world.monotonic_s() + _PROOF_S
    while not is_there(world, consumer) and world.monotonic_s() < end:
        world.sleep(_POLL_S)
    if not is_there(world, consumer):
        by_hand = " && ".join(" ".join(map(shlex.quote, argv)) for argv in commands)
        raise _failed("restarted", consumer, answer, f"Bring it back by hand: {by_hand}")


def release_all(world: World, found: Sequence[Consumer]) -> None:
    """Have consumers let go, in their order.

    :raises TwostepError: `consumer_not_stopped`, for the first that does not.
    """
    for one in found:
        release(world, one)
    # The last close is told to udev, which has a look at the device: that look is over before the device goes.
    world.run(["udevadm", "settle", "--timeout=30"], timeout_s=60.0)


def restore_all(world: World, found: Sequence[Consumer]) -> None:
    """Bring consumers back, in the reverse order.

    One that does not come back keeps only those down that may need it: what is mounted below a mount, and units, which would write into
    an empty folder.

    :raises TwostepError: what did not come back, all of it.
    """
    missing: list[TwostepError] = []
    lost: list[str] = []  # mount points
    for one in reversed(found):
        needed = next((point for point in lost if one.kind == "unit" or one.name.startswith(f"{point}/")), None)
        try:
            if needed:
                raise _kept_down(one, needed)
            restore(world, one)
        except TwostepError as error:
            missing.append(error)
            if one.kind == "mount":
                lost.append(one.name)
    if missing:
        raise TwostepError(
            missing[0].code,
            " ".join(error.message for error in missing),
            missing[0].next_step,
            {"missing": [dict(error.data) for error in missing]},
        )


def await_redundancy(world: World, found: Sequence[Consumer], bound_s: float) -> None:
    """Wait until every array that a slot was taken out of has all its copies again.

    :raises TwostepError: `not_redundant` after `bound_s`; the arrays go on copying.
    """
    end = world.monotonic_s() + bound_s
    for name in [consumer.name for consumer in found if consumer.kind == "leg"]:
        while True:
            finding = core_health_md.judge(health_md.read_array(name, world.paths))
            if finding.verdict == OK:
                break
            if world.monotonic_s() >= end:
                raise TwostepError(
                    "not_redundant",
                    f"After {bound_s:g} s {name} has not all its copies again: {finding.reason}",
                    "Wait until it has; then run again.",
                    {"array": name},
                )
            world.sleep(_POLL_S)
