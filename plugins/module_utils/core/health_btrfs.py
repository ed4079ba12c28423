# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""btrfs: does every mounted file system of this host hold all its copies?

Judges a snapshot of ``/sys/fs/btrfs/<uuid>/``; reads nothing. No tool is asked: none reports redundancy.

What sysfs does not tell, with kernel 6.18: whether the file system is mounted read-only, and whether a device that was left out of an
earlier mount holds old data. Until something reads that data its counters stay zero: only the chunks of another profile, which a degraded
mount leaves behind once it needs new chunks, give it away. So after a degraded mount a scrub is needed whatever this source says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from .health import NOT_OK, OK, UNKNOWN, Finding, combine

_WITH_COPIES = ("raid1", "raid1c3", "raid1c4", "raid10", "raid5", "raid6")
# Nothing of these is on another device: dup keeps both copies on one.
_WITHOUT_COPIES = ("single", "dup", "raid0")
_COUNTERS = ("write_errs", "read_errs", "flush_errs", "corruption_errs", "generation_errs")


@dataclass(frozen=True)
class Device:
    """One device as its files in ``devinfo/<id>/`` say; None where a file is absent."""

    number: str
    missing: str | None
    in_fs_metadata: str | None
    replace_target: str | None
    error_stats: str | None

    def errors(self) -> dict[str, int] | None:
        """Return the counters, or None if one of them is not told: before Linux 5.14, or as long as they are ``invalid``."""
        counters: dict[str, int] = {}
        for line in (self.error_stats or "").splitlines():
            name, _space, count = line.partition(" ")
            if not count.isdecimal():
                return None
            counters[name] = int(count)
        return counters if set(_COUNTERS) <= set(counters) else None


@dataclass(frozen=True)
class Filesystem:
    """One mounted file system.

    :param name: its label, or its UUID if that says more.
    :param chunks: ``total_bytes`` of each profile, by what the chunks hold: ``{"data": {"raid1": "1073741824"}, ...}``.
    """

    name: str
    uuid: str
    exclusive_operation: str | None
    devices: tuple[Device, ...]
    chunks: Mapping[str, Mapping[str, str | None]]

    def profiles(self, kind: str) -> list[str]:
        """Return the profiles that have chunks of this kind."""
        return [profile for profile, size in sorted(self.chunks.get(kind, {}).items()) if size is None or size.strip("0")]


def told(fs: Filesystem) -> Finding:
    """Are the profiles of all chunks known? Data may have none yet; metadata and system chunks always exist."""
    sizes = [size for profiles in fs.chunks.values() for size in profiles.values()]
    if not all(size is not None and size.isdecimal() for size in sizes):
        return Finding(UNKNOWN, f"{fs.name} does not tell how large its chunks are.")
    if not fs.profiles("system") or not (fs.profiles("metadata") or fs.profiles("mixed")):
        return Finding(UNKNOWN, f"{fs.name} does not tell the profiles of its chunks.")
    strange = sorted({profile for kind in fs.chunks for profile in fs.profiles(kind)} - {*_WITH_COPIES, *_WITHOUT_COPIES})
    if strange:
        return Finding(UNKNOWN, f"{fs.name} has chunks of a profile that is not understood: {', '.join(strange)}.")
    return Finding(OK, f"{fs.name} tells its profiles.")


def keeps_copies(fs: Filesystem) -> bool:
    """Is anything of it on more than one device? Precondition: ``told`` is ok."""
    return any(profile in _WITH_COPIES for kind in fs.chunks for profile in fs.profiles(kind))


def one_profile(fs: Filesystem) -> Finding:
    """Is each kind of chunk kept in one profile? A degraded mount writes new chunks in one that needs fewer devices."""
    split = [f"{kind} ({', '.join(fs.profiles(kind))})" for kind in sorted(fs.chunks) if len(fs.profiles(kind)) > 1]
    if split:
        return Finding(
            NOT_OK,
            f"{fs.name} keeps chunks of one kind in several profiles, some perhaps without a second copy: {', '.join(split)}. "
            "Finish with btrfs balance and its convert filters, then run btrfs scrub.",
        )
    return Finding(OK, f"{fs.name} keeps each kind of chunk in one profile.")


def all_there(fs: Filesystem) -> Finding:
    """Is no device missing?"""
    if not fs.devices:
        return Finding(UNKNOWN, f"{fs.name} does not tell its devices.")
    missing = [device.number for device in fs.devices if device.missing == "1"]
    if missing:
        return Finding(NOT_OK, f"{fs.name} is degraded: of its {len(fs.devices)} devices number {', '.join(missing)} is missing.")
    silent = [device.number for device in fs.devices if device.missing != "0"]
    if silent:
        return Finding(UNKNOWN, f"{fs.name} does not tell whether its device {', '.join(silent)} is missing.")
    return Finding(OK, f"All {len(fs.devices)} devices of {fs.name} are there.")


def belong(fs: Filesystem) -> Finding:
    """Does every device hold its part? The target of a replacement, running or suspended, does not yet."""
    unfinished = [device.number for device in fs.devices if device.in_fs_metadata == "0" or device.replace_target == "1"]
    if unfinished:
        return Finding(NOT_OK, f"Device {', '.join(unfinished)} of {fs.name} does not hold its part yet.")
    if any(device.in_fs_metadata != "1" or device.replace_target != "0" for device in fs.devices):
        return Finding(UNKNOWN, f"{fs.name} does not tell whether each device holds its part.")
    return Finding(OK, f"Each device of {fs.name} holds its part.")


def quiet(fs: Filesystem) -> Finding:
    """Is nothing being balanced, replaced, added, removed or resized? A paused balance counts as well; a scrub is not told."""
    if fs.exclusive_operation == "none":
        return Finding(OK, f"{fs.name} is not being changed.")
    if not fs.exclusive_operation or fs.exclusive_operation == "UNKNOWN":
        return Finding(UNKNOWN, f"{fs.name} does not tell whether it is being changed.")
    return Finding(NOT_OK, f"{fs.name} is busy with {fs.exclusive_operation}.")


def without_errors(fs: Filesystem) -> Finding:
    """Has no device counted an error? btrfs does not copy by itself what a device missed while it was away."""
    counted = []
    for device in fs.devices:
        raised = {name: count for name, count in (device.errors() or {}).items() if count}
        if raised:
            counted.append(f"device {device.number} ({', '.join(f'{name} {count}' for name, count in raised.items())})")
    if counted:
        return Finding(
            NOT_OK,
            f"{fs.name} has counted errors and may lack what was to be written then: {', '.join(counted)}. "
            "Run btrfs scrub, then btrfs device stats --reset.",
        )
    silent = [device.number for device in fs.devices if device.errors() is None]
    if silent or not fs.devices:
        return Finding(UNKNOWN, f"{fs.name} does not tell the errors of its device {', '.join(silent) or '?'}.")
    return Finding(OK, f"No device of {fs.name} has counted an error.")


def judge(fs: Filesystem) -> Finding:
    """Return the finding of one sample.

    A file system with all devices there and without errors also answers the what-if question: whichever host stalls, a whole copy stays.
    """
    layout = told(fs)
    if layout.verdict == OK and not keeps_copies(fs):
        return combine([all_there(fs), Finding(OK, f"{fs.name} keeps no copies on other devices that could be lost.")])
    demands = [all_there(fs), belong(fs), quiet(fs), without_errors(fs), one_profile(fs)]
    return combine(demands if layout.verdict == OK else [layout, *demands])


def evidence(fs: Filesystem) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    return {
        "uuid": fs.uuid,
        "exclusive_operation": fs.exclusive_operation,
        "profiles": {kind: fs.profiles(kind)[:8] for kind in sorted(fs.chunks)[:8]},
        "missing": {device.number: device.missing for device in fs.devices[:32]},
        "errors": {device.number: device.errors() for device in fs.devices[:32]},
    }
