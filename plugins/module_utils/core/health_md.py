# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""md: does every software array of this host hold all its copies?

Judges a snapshot of ``/sys/block/<md>/md/``; reads nothing. ``/proc/mdstat`` is not used: it hides a queued
rebuild, and a rebuild onto a spare shows there as a clean array.
"""

from __future__ import annotations

from dataclasses import dataclass

from .health import NOT_OK, OK, UNKNOWN, Finding, combine

_RUNNING = ("clean", "active", "active-idle", "write-pending", "read-auto")
_QUIET = ("idle", "check")
# The personalities without copies have neither `degraded` nor `sync_action`.
_WITHOUT_COPIES = ("raid0", "linear")


@dataclass(frozen=True)
class Array:
    """One array as its sysfs files say; None where a file is absent. ``members`` are the states of rd0, rd1, ..."""

    name: str
    level: str | None
    array_state: str | None
    degraded: str | None
    raid_disks: str | None
    sync_action: str | None
    members: tuple[str | None, ...]


def runs(array: Array) -> Finding:
    """Is the array started and taking I/O?"""
    if array.array_state in _RUNNING:
        return Finding(OK, f"{array.name} runs.")
    if array.array_state is None:
        return Finding(UNKNOWN, f"{array.name} does not tell its state.")
    return Finding(NOT_OK, f"{array.name} is {array.array_state}.")


def complete(array: Array) -> Finding:
    """Is no copy missing? ``degraded`` counts the missing ones."""
    if array.degraded is None or not array.degraded.isdigit():
        return Finding(UNKNOWN, f"{array.name} does not tell how many copies are missing.")
    if int(array.degraded) > 0:
        return Finding(NOT_OK, f"{array.name} is degraded: {int(array.degraded)} of {array.raid_disks or '?'} members are missing.")
    return Finding(OK, f"{array.name} is not degraded.")


def quiet(array: Array) -> Finding:
    """Is nothing being rebuilt? A queued rebuild shows as ``recover`` too, which is what we want to see."""
    if array.sync_action is None:
        return Finding(UNKNOWN, f"{array.name} does not tell whether it is being rebuilt.")
    if array.sync_action in _QUIET:
        return Finding(OK, f"{array.name} is not being rebuilt.")
    return Finding(NOT_OK, f"{array.name} is busy with {array.sync_action}.")


def in_sync(array: Array) -> Finding:
    """Is every place of the array taken by a member that holds current data?"""
    if array.raid_disks is None or not array.raid_disks.isdigit():
        return Finding(UNKNOWN, f"{array.name} does not tell how many members it has.")
    if len(array.members) < int(array.raid_disks):
        return Finding(NOT_OK, f"{array.name} has {len(array.members)} of {int(array.raid_disks)} members.")
    for place, state in enumerate(array.members):
        if state is None:
            return Finding(UNKNOWN, f"Member {place} of {array.name} does not tell its state.")
        if "in_sync" not in state.split(","):
            return Finding(NOT_OK, f"Member {place} of {array.name} is {state}, not in_sync.")
    return Finding(OK, f"All {len(array.members)} members of {array.name} are in_sync.")


def judge(array: Array) -> Finding:
    """Return the finding of one sample.

    An array with all members in_sync also answers the what-if question: whichever host stalls, a whole copy stays.
    """
    if array.level is None:
        return Finding(UNKNOWN, f"{array.name} does not tell its level.")
    if array.level in _WITHOUT_COPIES:
        if array.degraded is not None:
            return Finding(UNKNOWN, f"{array.name} is {array.level} and yet tells of missing copies.")
        return combine([runs(array), Finding(OK, f"{array.name} is {array.level} and keeps no copies that could be lost.")])
    return combine([runs(array), complete(array), quiet(array), in_sync(array)])


def evidence(array: Array) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    return {
        "level": array.level,
        "array_state": array.array_state,
        "degraded": array.degraded,
        "raid_disks": array.raid_disks,
        "sync_action": array.sync_action,
        "members": list(array.members)[:32],
    }
