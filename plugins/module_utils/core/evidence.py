# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host, by which it can be judged later whether a new version does it good: counters, who serves, and the kernel's log.

Numbers as they stand, nothing since anything: what has changed between two looks is `soak.py`'s to find out. A host fills it in
(`host/evidence.py`); the controller reads it back with `parse`, which trusts nothing in it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Mapping

from . import kernel_log, names, slots, untrusted
from .errors import TwostepError
from .kernel_log import Log

MAX_SLOTS = 64
KINDS = ("read", "write", "discard", "flush")
ERRORS = ("child_errors", "refused_ends", "probation_failures")
# Columns of /sys/block/<disk>/stat, Documentation/block/stat.rst: requests and milliseconds of each kind.
_COLUMNS = {"read": (0, 3), "write": (4, 7), "discard": (11, 14), "flush": (15, 16)}
_IN_FLIGHT = 8
_LEAST_COLUMNS = 11
_MAX_COUNT = 2**63 - 1
_MAX_UPTIME_S = 1e10


@dataclass(frozen=True)
class Traffic:
    """Requests of one kind that the disk has ended since it exists, and the milliseconds that they took, a hold included."""

    count: int = 0
    ms: int = 0


@dataclass(frozen=True)
class Io:
    """What the block layer counted of a disk. A kernel that does not count a kind has zeros there."""

    read: Traffic
    write: Traffic
    discard: Traffic
    flush: Traffic
    in_flight: int

    def of(self, kind: str) -> Traffic:
        """Return the traffic of one of `KINDS`."""
        found: Traffic = getattr(self, kind)
        return found

    @property
    def count(self) -> int:
        """All requests that have ended."""
        return sum(self.of(kind).count for kind in KINDS)


@dataclass(frozen=True)
class SlotEvidence:
    """One slot.

    :ivar health: the child's opinion of itself, `ok`, `not_ok <errno>` or `unknown`; None where the parent has no such file.
    :ivar last_result: how its last swap went.
    :ivar child_errors: requests that the children have failed, as they say; None if they do not tell.
    :ivar io: None where the disk does not count.
    """

    slot: str
    state: str
    version: str | None
    generation: int
    probation: str
    health: str | None
    last_result: str
    child_errors: int | None
    refused_ends: int
    probation_failures: int
    io: Io | None


@dataclass(frozen=True)
class Snapshot:
    """A look at a host. `uptime_s` is seconds since its boot, sleep included; `log` is None where it could not be read."""

    boot_id: str
    uptime_s: float
    slots: tuple[SlotEvidence, ...]
    log: Log | None

    def slot(self, name: str) -> SlotEvidence | None:
        """Return the evidence of a slot, None where it does not exist."""
        return next((slot for slot in self.slots if slot.slot == name), None)

    def as_dict(self) -> dict[str, Any]:
        """Return the look as plain data."""
        return {
            "boot_id": self.boot_id,
            "uptime_s": self.uptime_s,
            "slots": [asdict(slot) for slot in self.slots],
            "log": self.log.as_dict() if self.log else None,
        }


def parse_stat(text: str) -> Io | None:
    """Return what /sys/block/<disk>/stat says, None where it says something else."""
    try:
        columns = [slots.number(word) for word in text.split()]
    except ValueError:
        return None
    if len(columns) < _LEAST_COLUMNS:
        return None
    columns += [0] * (max(max(pair) for pair in _COLUMNS.values()) + 1 - len(columns))
    return Io(in_flight=columns[_IN_FLIGHT], **{kind: Traffic(columns[count], columns[ms]) for kind, (count, ms) in _COLUMNS.items()})


def of_slot(slot: slots.Slot, health: str | None, stat: str | None) -> SlotEvidence:
    """Return the evidence that a slot's status, its file `health` and its disk's `stat` are."""
    errors = slot.child.get("errors", "")
    return SlotEvidence(
        slot=slot.slot,
        state=slot.state,
        version=slot.version,
        generation=slot.generation,
        probation=slot.probation,
        health=untrusted.text(health, 32),
        last_result=slot.last_swap.result,
        child_errors=int(errors) if errors.isascii() and errors.isdigit() and len(errors) < len(str(_MAX_COUNT)) else None,
        refused_ends=slot.refused_ends,
        probation_failures=slot.probation_failures,
        io=None if stat is None else parse_stat(stat),
    )


def parse(told: object) -> Snapshot | None:
    """Return a look as `as_dict` gave it, from a host that may lie about its form; None where it is none.

    One slot that cannot be read spoils all of it: what is left out cannot speak against a version.
    """
    record = untrusted.mapping(told)
    boot_id, uptime_s = untrusted.text(record.get("boot_id"), 64), untrusted.number(record.get("uptime_s"), _MAX_UPTIME_S)
    listed = record.get("slots")
    if not boot_id or uptime_s is None or not isinstance(listed, (list, tuple)) or len(listed) > MAX_SLOTS:
        return None
    try:
        found = tuple(_slot(untrusted.mapping(item)) for item in listed)
    except (ValueError, TwostepError):
        return None
    if len({slot.slot for slot in found}) != len(found):
        return None
    return Snapshot(boot_id, uptime_s, found, kernel_log.parse(record.get("log")))


def _slot(record: Mapping[Any, Any]) -> SlotEvidence:
    version, child_errors = record.get("version"), record.get("child_errors")
    return SlotEvidence(
        slot=names.slot(record.get("slot")),
        state=_choice(record.get("state"), slots.STATES),
        version=None if version is None else names.version(version),
        generation=_count(record.get("generation")),
        probation=_choice(record.get("probation"), slots.PROBATIONS),
        health=untrusted.text(record.get("health"), 32),
        last_result=_choice(record.get("last_result"), slots.RESULTS),
        child_errors=None if child_errors is None else _count(child_errors),
        refused_ends=_count(record.get("refused_ends")),
        probation_failures=_count(record.get("probation_failures")),
        io=None if record.get("io") is None else _io(untrusted.mapping(record.get("io"))),
    )


def _io(record: Mapping[Any, Any]) -> Io:
    kinds = {kind: untrusted.mapping(record.get(kind)) for kind in KINDS}
    traffic = {kind: Traffic(_count(told.get("count")), _count(told.get("ms"))) for kind, told in kinds.items()}
    return Io(in_flight=_count(record.get("in_flight")), **traffic)


def _count(value: object) -> int:
    found = untrusted.integer(value, _MAX_COUNT)
    if found is None:
        raise ValueError(value)
    return found


def _choice(value: object, allowed: tuple[str, ...]) -> str:
    found = untrusted.choice(value, allowed)
    if found is None:
        raise ValueError(value)
    return found
