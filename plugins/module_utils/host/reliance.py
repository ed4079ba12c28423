# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the host itself need a slot to load a module? Then two_step would wait for itself, and is refused. Changes nothing."""

from __future__ import annotations

import os

from ..core import names
from ..core.errors import TwostepError
from .paths import Paths

# What modprobe, systemd and the agent read or write while a slot holds its I/O.
_NEEDED = ("/", "/usr", "/etc", "/lib/modules", "/var", "/var/lib/twostep", "/run")
_MAX_DEPTH = 16


def _devices_below(paths: Paths, folder: str, depth: int = 0) -> set[str]:
    """Return the names of a block device, given by its folder in sysfs, and of all that it is made of."""
    real = os.path.realpath(folder)
    found = {os.path.basename(real)}
    if os.path.exists(os.path.join(real, "partition")):
        found |= _devices_below(paths, os.path.dirname(real), depth + 1)
    if depth > _MAX_DEPTH:
        return found
    try:
        slaves = os.listdir(os.path.join(real, "slaves"))
    except OSError:
        return found
    for name in slaves:
        found |= _devices_below(paths, os.path.join(real, "slaves", name), depth + 1)
    return found


def _folder_of(paths: Paths, device: str) -> str:
    """Return the folder in sysfs of a device, given as /dev/... path or as number."""
    if device.startswith("/dev/twostep/"):
        return f"{paths.sys}/class/block/twostep!{os.path.basename(device)}"
    if device.startswith("/dev/"):
        return f"{paths.sys}/class/block/{os.path.basename(os.path.realpath(paths.at(device)))}"
    return f"{paths.sys}/dev/block/{device}"


def _mounts(paths: Paths) -> list[tuple[str, str]]:
    """Return mount point and device of every mount, in the order in which they were made.

    The device's name is preferred: Btrfs gives its mounts numbers of their own.
    """
    found = []
    with open(f"{paths.proc}/self/mountinfo", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            before, dash, after = line.partition(" - ")
            left, right = before.split(), after.split()
            if dash and len(left) > 4 and len(right) > 1:
                found.append((left[4], right[1] if right[1].startswith("/dev/") and right[1] != "/dev/root" else left[2]))
    return found


def _holding(mounts: list[tuple[str, str]], path: str) -> str | None:
    """Return the device of the mount that `path` is on."""
    best = ""
    found = None
    for point, device in mounts:
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, found = point, device
    return found


def needed_by(paths: Paths, slot: str) -> str | None:
    """Return what of the host lies on a slot, or None."""
    wanted = f"twostep!{names.slot(slot)}"
    try:
        mounts = _mounts(paths)
        with open(f"{paths.proc}/swaps", encoding="utf-8", errors="replace") as stream:
            swaps = [line.split()[0] for line in stream.readlines()[1:] if line.split()]
    except OSError as error:
        return f"something unknown ({error.filename}: {error.strerror})"
    places = [(path, _holding(mounts, path)) for path in _NEEDED]
    places += [(f"the swap area {area}", area if area.startswith("/dev/") else _holding(mounts, area)) for area in swaps]
    for what, device in places:
        if device and wanted in _devices_below(paths, _folder_of(paths, device)):
            return what
    return None


def refuse(paths: Paths, slot: str) -> None:
    """Raise `slot_needed` when the host needs the slot to load a module."""
    needed = needed_by(paths, slot)
    if needed:
        raise TwostepError(
            "slot_needed",
            f"The host has {needed} on slot {slot}, so it cannot change modules while the slot waits for one.",
            "Use a module name with the version in it, which is swapped by handover, or move it off the slot.",
            {"slot": slot, "needed": needed},
        )
