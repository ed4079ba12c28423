# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has to let go of disks before they can be taken down, in which order, and what brings each of them back. Decides only.

Units are stopped first, then file systems are unmounted (the innermost first), swap areas are taken out of use, and the disks are taken
out of their md arrays and multipath maps, which go on without them. Whatever else holds a disk is refused by name.
`host/consumers.py` acts.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Iterator, Mapping, Sequence

from . import health_md, multipath
from .errors import TwostepError
from .health import OK

SCHEMA = 1
KINDS = ("unit", "mount", "swap", "leg", "path")
# The levels that keep their data without one member.
_LEVELS = ("raid1", "raid4", "raid5", "raid6", "raid10")
# What the host itself lives on, and what holds our own files; it cannot be unmounted while the host works.
_NEEDED = (
    *("/", "/usr", "/etc", "/var", "/run", "/boot", "/lib", "/usr/lib", "/lib/modules", "/usr/lib/modules"),
    *("/usr/local", "/usr/local/lib", "/usr/local/lib/twostep", "/etc/twostep", "/var/lib", "/var/lib/twostep"),
)
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,199}\.(service|socket|timer|path)")
_ARRAY = re.compile(r"md[A-Za-z0-9_-]{1,30}")
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Consumer:
    """One user of a disk that is stopped and later started again.

    :ivar kind: unit, mount, swap, leg of an array, or path of a multipath map.
    :ivar name: unit, mount point, device, array or map.
    :ivar device: what it uses, `/dev/twostep/<slot>`, another disk or a partition; empty for a unit.
    :ivar how: what bringing it back needs: `unit`, or `fstype` and `options`, of a mount; `priority` of a swap area; of a path the `uuid`
        of its map, and the map's `table` with the `number` that the path had in it.
    """

    kind: str
    name: str
    device: str = ""
    how: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.device} in {self.name}" if self.kind in ("leg", "path") else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Device:
    """A disk or a partition of one: path, number as `259:0`, and the devices that are made of it."""

    path: str
    number: str
    holders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo."""

    point: str
    number: str
    root: str
    source: str
    fstype: str
    options: str


@dataclass(frozen=True)
class MountUnit:
    """What systemd says of a mount: `unit` is empty where nothing but the mount itself knows it; `bound` are running units that need it."""

    unit: str = ""
    bound: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leg:
    """An array that a disk is a member of; `bitmap` is the place of its write-intent bitmap, None where it does not tell."""

    array: health_md.Array
    bitmap: str | None


@dataclass(frozen=True)
class Facts:
    """What was found. `units` are those named by the caller, running ones only.

    `mount_units` is by mount point; `legs` and `maps` are by the holder's name in /sys/block.
    """

    devices: tuple[Device, ...]
    mounts: tuple[Mount, ...] = ()
    mount_units: Mapping[str, MountUnit] | None = None
    swaps: tuple[tuple[str, int], ...] = ()
    legs: Mapping[str, Leg] | None = None
    maps: Mapping[str, multipath.Map] | None = None
    units: tuple[str, ...] = ()


def unit(value: object) -> str:
    """Return the name of a unit that may be stopped, or raise `bad_unit`."""
    if not isinstance(value, str) or _UNIT.fullmatch(value) is None:
        raise TwostepError(
            "bad_unit", f"unit {str(value)[:80]!r} is not a valid name.", "Name a .service, .socket, .timer or .path, with its suffix."
        )
    return value


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Return the mounts of /proc/self/mountinfo in the order in which they were made."""
    found = []
    # The kernel escapes blank, tab and line feed; every other space is part of a name.
    for line in text.split("\n"):
        before, dash, after = line.partition(" - ")
        left, right = [_plain(word) for word in before.split(" ")], [_plain(word) for word in after.split(" ")]
        if dash and len(left) > 5 and len(right) > 1:
            inner = [option for option in right[2].split(",") if option not in ("ro", "rw")] if len(right) > 2 else []
            options = ",".join([left[5], *(option for option in inner if option)])
            found.append(Mount(left[4], left[2], left[3], right[1], right[0], options))
    return tuple(found)


def parse_swaps(text: str) -> tuple[tuple[str, int], ...]:
    """Return path and priority of the swap areas in /proc/swaps."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return tuple((_plain(row[0]), int(row[4])) for row in rows if len(row) > 4 and re.fullmatch(r"-?[0-9]+", row[4]))


def _plain(word: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), word)


def mounts_on(facts: Facts) -> tuple[Mount, ...]:
    """Return the mounts of the devices; Btrfs gives its mounts numbers of their own, so the name counts, too."""
    numbers = {device.number for device in facts.devices}
    paths = {device.path for device in facts.devices}
    return tuple(mount for mount in facts.mounts if mount.number in numbers or mount.source in paths)


def plan(facts: Facts) -> tuple[Consumer, ...]:
    """Return the consumers in the order in which they are stopped.

    :raises TwostepError: `consumer_unknown`, `consumer_needed`, `consumer_not_spare`; then nothing may be done.
    """
    units = list(facts.units)
    mounts = []
    for mount in reversed(mounts_on(facts)):
        known = (facts.mount_units or {}).get(mount.point, MountUnit())
        units += [name for name in known.bound if name not in units]
        mounts.append(_mount(facts, mount, known))
    swaps = [
        Consumer("swap", path, path, {"priority": str(priority)})
        for device in facts.devices
        for path, priority in facts.swaps
        if path == device.path
    ]
    members = [member for device in facts.devices for member in _members(device, facts)]
    return (*(Consumer("unit", unit(name)) for name in units), *mounts, *swaps, *members)


def _mount(facts: Facts, mount: Mount, known: MountUnit) -> Consumer:
    source = next((device.path for device in facts.devices if mount.number == device.number), mount.source)
    if mount.point in _NEEDED:
        raise TwostepError(
            "consumer_needed",
            f"The host itself lives on {source}: {mount.point} is mounted from it.",
            "Take the host down for this: the warm way cannot.",
            {"device": source, "mount": mount.point},
        )
    # An option names the subvolume of Btrfs; a folder of one is a bind mount as elsewhere.
    if mount.root != "/" and not (mount.fstype == "btrfs" and f"subvol={mount.root}" in mount.options.split(",")):
        raise _unknown(source, f"{mount.point} shows only {mount.root} of the file system on it")
    # umount takes what lies on top.
    if next(other for other in reversed(facts.mounts) if other.point == mount.point) is not mount:
        raise _unknown(source, f"another mount lies over {mount.point}")
    return Consumer("mount", mount.point, source, {"unit": known.unit, "fstype": mount.fstype, "options": mount.options})


def _members(device: Device, facts: Facts) -> Iterator[Consumer]:
    for name in device.holders:
        leg, found = (facts.legs or {}).get(name), (facts.maps or {}).get(name)
        together = sum(name in other.holders for other in facts.devices) > 1
        if leg is not None:
            yield _leg(device, name, leg, together)
        elif found is not None:
            yield _path(device, found, together)
        else:
            raise _unknown(device.path, f"the device {name} is made of it")


def _leg(device: Device, name: str, leg: Leg, together: bool) -> Consumer:
    if leg.array.level not in _LEVELS:
        raise _not_spare(device.path, name, f"it is {leg.array.level} and keeps no second copy")
    found = health_md.judge(leg.array)
    if found.verdict != OK:
        raise _not_spare(device.path, name, found.reason)
    if leg.bitmap in (None, "none"):
        raise _not_spare(device.path, name, "it has no write-intent bitmap, and would be copied as a whole afterwards")
    if together:
        raise _not_spare(device.path, name, "more than one of its members would be taken down")
    return Consumer("leg", name, device.path)


def _path(device: Device, found: multipath.Map, together: bool) -> Consumer:
    why = "more than one of its paths would be taken down" if together else multipath.why_needed(found, device.number)
    if why:
        raise TwostepError(
            "consumer_not_spare",
            f"{device.path} cannot be taken out of {found.name}: {why}.",
            f"Bring {found.name} into order (multipath -ll or dmsetup status shows its paths), and run again.",
            {"device": device.path, "map": found.name},
        )
    return Consumer("path", found.name, device.path, {"uuid": found.uuid, "table": (found.table or "").strip(), "number": device.number})


def _unknown(device: str, what: str) -> TwostepError:
    return TwostepError(
        "consumer_unknown",
        f"{device} cannot be taken down: {what}, and nobody here knows how to stop and restart that.",
        "Stop it with twostep_hook_before_swap, and start it again with twostep_hook_after_swap.",
        {"device": device},
    )


def _not_spare(device: str, array: str, why: str) -> TwostepError:
    return TwostepError(
        "consumer_not_spare",
        f"{device} cannot be taken out of {array}: {why.rstrip('.')}.",
        f"Bring {array} into order (mdadm --grow --bitmap=internal adds a bitmap), and run again.",
        {"device": device, "array": array},
    )


def render(found: Sequence[Consumer]) -> str:
    """Return the text in which consumers are remembered."""
    return json.dumps({"schema": SCHEMA, "consumers": [asdict(one) for one in found]}, indent=1, sort_keys=True) + "\n"


def parse(text: str, where: str) -> tuple[Consumer, ...]:
    """Return what `render` has written, or raise `bad_swap_file`; every name has passed its check."""
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA or not isinstance(data["consumers"], list):
            raise ValueError(text)
        return tuple(_checked(entry) for entry in data["consumers"])
    except (ValueError, KeyError, TypeError, RecursionError, TwostepError):
        raise TwostepError(
            "bad_swap_file",
            f"{where} is damaged: it does not say what was stopped.",
            "Look which file systems, swap areas, arrays, multipath maps and services miss their disk, bring them back by hand, "
            f"and remove {where}.",
        ) from None


def _checked(entry: Mapping[str, object]) -> Consumer:
    kind, name, device, how = entry["kind"], entry["name"], entry["device"], entry["how"] or {}
    if kind not in KINDS or not isinstance(name, str) or not isinstance(device, str) or not isinstance(how, dict):
        raise ValueError(entry)
    told = {str(key): str(value) for key, value in how.items()}
    if kind == "unit":
        unit(name)
    elif not device.startswith("/"):
        raise ValueError(entry)
    elif kind == "path":
        if not multipath.is_remembered(name, told):
            raise ValueError(entry)
    elif not name.startswith("/") if kind != "leg" else _ARRAY.fullmatch(name) is None:
        raise ValueError(entry)
    return Consumer(str(kind), name, device, told or None)
