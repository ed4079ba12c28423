# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DRBD 8.4, the one in the kernel's tree: do both hosts of every device hold a whole copy?

Judges the text of ``/proc/drbd``; ``drbdsetup`` has no JSON for this version. Its form follows drivers/block/drbd/drbd_proc.c of
Linux 6.1 and 6.12, which print version 8.4.11: a line ``cs: ro: ds:`` with protocol and flags for each device, below it its counters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .health import NOT_OK, OK, UNKNOWN, Finding, combine

_VERSION = re.compile(r"version: ([0-9]+)\.([0-9]+)")
_DEVICE = re.compile(r"\s*([0-9]{1,7}): (.*)")
_STATE = re.compile(r"cs:(\w+)(?: ro:(\w+)/(\w+) ds:(\w+)/(\w+) [ABC ] ([rs])([a-])([p-])([u-])([a-z-])([s-]))?")
_OUT_OF_SYNC = re.compile(r"\s+ns:.* oos:([0-9]{1,19})")
# A comparison of both disks copies nothing.
_CONNECTED = ("Connected", "VerifyS", "VerifyT")


@dataclass(frozen=True)
class Device:
    """One device; None where its lines do not say it. ``flags`` are those after the protocol, such as ``r-----``."""

    name: str
    connection: str | None = None
    role: str | None = None
    disk: str | None = None
    peer_disk: str | None = None
    flags: str | None = None
    out_of_sync: int | None = None


def version(text: str) -> tuple[int, int] | None:
    """Return the version of the loaded module, its first two numbers."""
    found = _VERSION.match(text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def parse(text: str) -> list[Device]:
    """Return the devices; one whose line is not understood has no state."""
    blocks: list[tuple[str, str, list[str]]] = []
    for line in text.splitlines():
        device = _DEVICE.fullmatch(line)
        if device:
            blocks.append((f"drbd{int(device.group(1))}", device.group(2), []))
        elif blocks:
            blocks[-1][2].append(line)
    return [_device(*block) for block in blocks]


def _device(name: str, state: str, below: list[str]) -> Device:
    counters = [found for found in map(_OUT_OF_SYNC.fullmatch, below) if found]
    out_of_sync = int(counters[0].group(1)) if len(counters) == 1 else None
    said = _STATE.fullmatch(state.rstrip())
    if said is None:
        return Device(name)
    connection, role, _peer_role, disk, peer_disk, *flags = said.groups()
    return Device(name, connection, role, disk, peer_disk, "".join(flags) if disk else None, out_of_sync)


def connected(device: Device) -> Finding:
    """Is the peer there, and nothing being copied?"""
    if device.connection is None:
        return Finding(UNKNOWN, f"{device.name} does not tell the state of its connection.")
    if device.connection in _CONNECTED:
        return Finding(OK, f"{device.name} is connected.")
    return Finding(NOT_OK, f"{device.name} is {device.connection}, not Connected.")


def current(device: Device) -> Finding:
    """Are both disks whole? Then a whole copy stays, whichever of the two hosts stalls."""
    if device.disk is None or device.peer_disk is None:
        return Finding(UNKNOWN, f"{device.name} does not tell the state of its disks.")
    if (device.disk, device.peer_disk) == ("UpToDate", "UpToDate"):
        return Finding(OK, f"Both disks of {device.name} are UpToDate: without this host a whole copy is left.")
    return Finding(NOT_OK, f"The disks of {device.name} are {device.disk} here and {device.peer_disk} at the peer, not both UpToDate.")


def flowing(device: Device) -> Finding:
    """Is nothing suspended: no I/O, no resync, not the activity log? The fifth flag, congestion, is about speed only."""
    if device.flags is None:
        return Finding(UNKNOWN, f"{device.name} does not tell whether it is suspended.")
    if device.flags[0] != "r":
        return Finding(NOT_OK, f"The I/O of {device.name} is suspended.")
    if device.flags[1:4] != "---":
        return Finding(NOT_OK, f"The resync of {device.name} is suspended (flags {device.flags}).")
    if device.flags[5] != "-":
        return Finding(NOT_OK, f"The activity log of {device.name} is suspended.")
    return Finding(OK, f"{device.name} is not suspended.")


def equal(device: Device) -> Finding:
    """Is no block known to differ?"""
    if device.out_of_sync is None:
        return Finding(UNKNOWN, f"{device.name} does not tell how much is out of sync.")
    if device.out_of_sync:
        return Finding(NOT_OK, f"{device.out_of_sync} KiB of {device.name} are out of sync.")
    return Finding(OK, f"Nothing of {device.name} is out of sync.")


def judge(device: Device) -> Finding:
    """Return the finding of one sample."""
    if device.connection == "Unconfigured":
        return Finding(NOT_OK, f"{device.name} is Unconfigured, not Connected.")
    return combine([connected(device), current(device), flowing(device), equal(device)])


def evidence(device: Device) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    return {
        "connection": device.connection,
        "role": device.role,
        "disk": device.disk,
        "peer_disk": device.peer_disk,
        "flags": device.flags,
        "out_of_sync_kib": device.out_of_sync,
    }
