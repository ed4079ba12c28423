# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host of the fleet said about its slots and about the step, typed.

Parses the registered results of ``slot_info`` and ``compat_info``; decides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, NamedTuple, Sequence

from . import names, rejection, slots, untrusted
from .compat_facts import CURED_BY_A_BOOT
from .errors import TwostepError
from .rejection import Mark
from .slots import Range

STATES = ("empty", "serving", "held", "detached", "failed")
VERDICTS = ("current", "hot", "two_step", "warm", "cold", "refuse")
_MOST_REASONS = 4
_MOST_STEPS = 64
# Each host of a fleet has it, since the parent is a module from outside the kernel's tree: it says nothing about the step.
_OF_EVERY_HOST = ("tainted",)
MODES = ("handover", "two_step", "warm", "cold")


class Drift(NamedTuple):
    """One way in which a slot serves otherwise than it would after a reboot."""

    code: str
    message: str


@dataclass(frozen=True)
class Slot:
    """One slot as its host sees it; ``version`` is None while no child serves, ``parked`` is the child in probation."""

    slot: str
    family: str | None
    version: str | None
    state: str | None
    parked: str | None
    generation: int | None
    drift: tuple[Drift, ...] = ()
    srcversion: str | None = None


@dataclass(frozen=True)
class Facts:
    """The slots of a host, or the ``problem`` that kept it from telling; ``rejected`` are the builds that it has a mark of."""

    slots: tuple[Slot, ...]
    problem: str | None = None
    rejected: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Compat:
    """A host's verdict on one step; ``verdict`` is None when it could not be had, and ``reason`` then says why.

    ``path`` has the versions of the shortest chain of hot steps, both ends included; it is empty without one. ``after_boot`` says
    whether a boot of the host into the version cures what rules a hot step out. ``protocols`` has by version what it speaks with its
    peers, None for nothing; only what is known. ``srcversion`` is that of the file that was judged.
    """

    verdict: str | None
    mode: str | None
    reason: str
    path: tuple[str, ...] = ()
    after_boot: bool = False
    protocols: Mapping[str, Range | None] = field(default_factory=dict)
    srcversion: str | None = None


def natural(host: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts ``n2`` before ``n10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]+)", host) if part]


def _valid(check: Any, value: object) -> str | None:
    try:
        return str(check(value))
    except TwostepError:
        return None


def facts(result: object, family: str | None) -> Facts:
    """Return the slots of ``family`` (None: of all) in a registered ``slot_info`` result; absent means that the host was never asked."""
    answer = untrusted.mapping(result)
    if not answer:
        return Facts((), "the host was not asked, as in a run with --limit")
    problem = untrusted.problem(answer)
    if problem:
        return Facts((), problem)
    slots = []
    for record in untrusted.records(answer.get("slots")):
        name = _valid(names.slot, record.get("slot"))
        if name is None:
            return Facts((), "the host told of a slot without a valid name")
        told_family = _valid(names.family, record.get("family"))
        if family is not None and told_family != family:
            continue
        slots.append(
            Slot(
                slot=name,
                family=told_family,
                version=_valid(names.version, record.get("version")),
                state=untrusted.choice(record.get("state"), STATES),
                parked=_valid(names.version, record.get("parked")),
                generation=untrusted.integer(record.get("generation")),
                drift=_drift(record.get("drift")),
                srcversion=untrusted.text(record.get("srcversion"), 64),
            )
        )
    marks = tuple(mark for mark in rejection.told(answer.get("rejected")) if family in (None, mark.family))
    return Facts(tuple(sorted(slots, key=lambda item: item.slot)), None, marks)


def _drift(told: object) -> tuple[Drift, ...]:
    found = ((untrusted.text(record.get("code"), 40), untrusted.text(record.get("message"))) for record in untrusted.records(told, 8))
    return tuple(Drift(code, message) for code, message in found if code and message)


def compat(result: object) -> dict[str, Compat]:
    """Return the verdicts, by slot, in a registered ``compat_info`` result of a loop over slots."""
    verdicts = {}
    for record in untrusted.records(untrusted.mapping(result).get("results")):
        slot = _valid(names.slot, record.get("slot")) or _valid(names.slot, _looped(record))
        if slot is not None:
            verdicts[slot] = _compat(record)
    return verdicts


def _looped(record: Mapping[Any, Any]) -> object:
    item = record.get("item")
    return item.get("slot") if isinstance(item, Mapping) else item


def _compat(record: Mapping[Any, Any]) -> Compat:
    problem = untrusted.problem(record)
    verdict = untrusted.choice(record.get("verdict"), VERDICTS)
    if problem or verdict is None:
        return Compat(None, None, problem or "the host gave no verdict")
    told = [reason for reason in untrusted.records(record.get("reasons")) if reason.get("code") not in _OF_EVERY_HOST]
    reasons = [untrusted.text(reason.get("message")) for reason in told[:_MOST_REASONS]]
    reason = " ".join(reason for reason in reasons if reason)
    path = _path(record.get("twostep_path"))
    after_boot = verdict in ("warm", "cold") and _cured(told)
    build = untrusted.text(record.get("srcversion"), 64)
    mode = untrusted.choice(record.get("mode"), MODES)
    return Compat(verdict, mode, reason, path, after_boot, _protocols(record.get("protocols")), build)


def _protocols(told: object) -> dict[str, Range | None]:
    found: dict[str, Range | None] = {}
    for version, text in list(untrusted.mapping(told).items())[:_MOST_STEPS]:
        name = _valid(names.version, version)
        try:
            protocol = None if text is None else slots.schema_range(str(text)[:40])
        except ValueError:
            continue
        if name is not None:
            found[name] = protocol
    return found


def _cured(reasons: Sequence[Mapping[Any, Any]]) -> bool:
    """Return whether all that is worse than warm goes away with a boot; a level that nobody knows does not."""
    grave = [reason for reason in reasons if reason.get("level") not in ("info", "warning", "two_step", "warm")]
    return all(reason.get("level") == "cold" and reason.get("code") in CURED_BY_A_BOOT for reason in grave)


def _path(told: object) -> tuple[str, ...]:
    """Return a chain of versions, or nothing: one that holds anything else is not believed."""
    versions = [_valid(names.version, version) for version in told[:_MOST_STEPS]] if isinstance(told, (list, tuple)) else []
    return tuple(version for version in versions if version) if all(versions) else ()
