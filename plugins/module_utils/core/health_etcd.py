# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""etcd: are all voters healthy, and would they keep quorum without one of them?

Judges what ``etcdctl -w json`` printed. Its exit status is not used: it is 1 beside a full answer when one member is down, and when
a learner, which has no vote, cannot be asked. ``endpoint health`` alone proves too little: before 3.5 it calls a member without
space healthy, and it does not tell which member answers at an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from . import untrusted
from .errors import TwostepError
from .health import NOT_OK, OK, UNKNOWN, Finding, combine, parse_json

_IDENTITY = 2**64 - 1
_ALARMS = {1: "NOSPACE", 2: "CORRUPT"}
# etcd sees who asks and refuses: that says nothing about its health.
_REFUSALS = ("user name is empty", "invalid auth token", "authentication failed", "permission denied", "auth token is not provided")


@dataclass(frozen=True)
class Snapshot:
    """What ``member list``, ``endpoint health --cluster``, ``endpoint status --cluster`` and ``alarm list`` printed."""

    members: str
    health: str
    status: str
    alarms: str


@dataclass(frozen=True)
class Member:
    """A member that has not started yet has neither name nor addresses, and yet a vote."""

    identity: int
    name: str
    addresses: tuple[str, ...]
    learner: bool


@dataclass(frozen=True)
class Health:
    """Is an address healthy, and if not, why."""

    healthy: bool
    error: str


@dataclass(frozen=True)
class Status:
    """What a member says of itself at an address; ``leader`` is 0 where it knows none."""

    address: str
    identity: int
    leader: int
    errors: tuple[str, ...]


def _document(text: str) -> Any:
    try:
        return parse_json(text, "etcdctl")
    except TwostepError:
        return None


def _records(value: object) -> list[Mapping[Any, Any]] | None:
    """Return a list of mappings, or None for anything else: a list that was read by half answers nothing."""
    found = untrusted.records(value)
    return found if isinstance(value, list) and len(found) == len(value) else None


def _words(value: object) -> tuple[str, ...] | None:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else None


def parse_members(text: str) -> tuple[Member, ...] | None:
    members = []
    for entry in _records(untrusted.mapping(_document(text)).get("members")) or ():
        identity = untrusted.integer(entry.get("ID"), _IDENTITY)
        name = untrusted.text(entry.get("name", ""), 64)
        addresses = _words(entry.get("clientURLs"))
        learner = entry.get("isLearner", False)
        if identity is None or name is None or addresses is None or not isinstance(learner, bool):
            return None
        members.append(Member(identity, name or f"member {identity:x}", addresses, learner))
    return tuple(members) or None


def parse_health(text: str) -> dict[str, Health] | None:
    """Return the health of every address; one that two members share is healthy only if it was so each time."""
    told: dict[str, Health] = {}
    for entry in _records(_document(text)) or ():
        address, healthy = entry.get("endpoint"), entry.get("health")
        if not isinstance(address, str) or not isinstance(healthy, bool):
            return None
        if address not in told or told[address].healthy:
            told[address] = Health(healthy, (untrusted.text(entry.get("error"), 120) or "no reason was given").rstrip(". "))
    return told or None


def parse_status(text: str) -> tuple[Status, ...] | None:
    found = []
    for entry in _records(_document(text)) or ():
        status = untrusted.mapping(entry.get("Status"))
        identity = untrusted.integer(untrusted.mapping(status.get("header")).get("member_id"), _IDENTITY)
        leader = untrusted.integer(status.get("leader", 0), _IDENTITY)
        errors = _words(status.get("errors"))
        address = entry.get("Endpoint")
        if identity is None or leader is None or errors is None or not isinstance(address, str):
            return None
        found.append(Status(address, identity, leader, errors))
    return tuple(found) or None


def healthy(voter: Member, told: Mapping[str, Health] | None) -> Finding:
    """Does this voter answer at all its addresses?"""
    if not voter.addresses:
        return Finding(NOT_OK, f"{voter.name} has a vote and has not started.")
    if told is None:
        return Finding(UNKNOWN, "The answer of etcdctl endpoint health could not be read.")
    missing = [address for address in voter.addresses if address not in told]
    if missing:
        return Finding(UNKNOWN, f"etcdctl does not tell whether {voter.name} is healthy.")
    for address in voter.addresses:
        error = told[address].error
        if told[address].healthy:
            continue
        if any(refusal in error for refusal in _REFUSALS):
            return Finding(UNKNOWN, f"{voter.name} refuses the question: {error}.")
        return Finding(NOT_OK, f"{voter.name} is not healthy: {error}.")
    return Finding(OK, f"{voter.name} is healthy.")


def answers_itself(voter: Member, statuses: tuple[Status, ...] | None) -> Finding:
    """Is it this voter that answers at its addresses, and does it complain of nothing?

    All members may give the same address, such as that of the local host: then one of them would speak for all.
    """
    own = [status for status in statuses or () if status.address in voter.addresses]
    if not own:
        return Finding(UNKNOWN, f"{voter.name} does not tell its status.")
    if any(status.identity != voter.identity for status in own):
        return Finding(UNKNOWN, f"Another member answers at an address of {voter.name}.")
    errors = untrusted.text(" ".join(word for status in own for word in status.errors), 120)
    if errors:
        return Finding(NOT_OK, f"{voter.name} reports: {errors}.")
    return Finding(OK, f"{voter.name} answers itself.")


def _fit(voter: Member, told: Mapping[str, Health] | None, statuses: tuple[Status, ...] | None) -> Finding:
    first = healthy(voter, told)
    return first if first.verdict == NOT_OK else combine([first, answers_itself(voter, statuses)])


def one_leader(voters: tuple[Member, ...], statuses: tuple[Status, ...] | None) -> Finding:
    """Do all members that answer follow the same voter?"""
    if statuses is None:
        return Finding(UNKNOWN, "The answer of etcdctl endpoint status could not be read.")
    identities = {voter.identity: voter.name for voter in voters}
    leaders = {status.leader for status in statuses if status.identity in identities}
    if 0 in leaders:
        return Finding(NOT_OK, "A voter knows no leader.")
    if len(leaders) > 1:
        return Finding(NOT_OK, "The voters do not agree on a leader.")
    for leader in leaders:
        if leader in identities:
            return Finding(OK, f"All follow {identities[leader]}.")
    return Finding(UNKNOWN, "The leader is none of the voters.")


def no_alarm(text: str) -> Finding:
    """Is no alarm set? The answer without one has no field ``alarms``."""
    document = _document(text)
    alarms = _records(untrusted.mapping(document).get("alarms", []))
    if not isinstance(document, Mapping) or alarms is None:
        return Finding(UNKNOWN, "The answer of etcdctl alarm list could not be read.")
    if not alarms:
        return Finding(OK, "No alarm is set.")
    names = sorted({_ALARMS.get(untrusted.integer(alarm.get("alarm")) or 0, "of another kind") for alarm in alarms})
    return Finding(NOT_OK, f"There is an alarm: {', '.join(names)}.")


def survives_stall(voters: int, healthy_voters: int, stall_seconds: float) -> Finding:
    """Would the others keep quorum if one healthy voter answered nothing? It is taken that this host has one."""
    quorum, left = voters // 2 + 1, healthy_voters - 1
    if left >= quorum:
        return Finding(OK, f"Without one of them {left} are left and {quorum} are needed.")
    return Finding(
        NOT_OK,
        f"If this host stalled for {stall_seconds:g} s, {max(left, 0)} healthy voters would be left and {quorum} are needed: "
        "quorum would be lost.",
    )


def judge(snapshot: Snapshot, stall_seconds: float) -> Finding:
    """Return the finding of one sample."""
    members = parse_members(snapshot.members)
    if members is None:
        return Finding(UNKNOWN, "The answer of etcdctl member list could not be read.")
    voters = tuple(member for member in members if not member.learner)
    told, statuses = parse_health(snapshot.health), parse_status(snapshot.status)
    each = [_fit(voter, told, statuses) for voter in voters]
    findings = [finding for finding in each if finding.verdict != OK]
    if not findings:
        findings = [Finding(OK, f"All {len(voters)} voters are healthy.")]
    findings += [one_leader(voters, statuses), no_alarm(snapshot.alarms)]
    if all(finding.verdict != UNKNOWN for finding in each):
        findings.append(survives_stall(len(voters), sum(finding.verdict == OK for finding in each), stall_seconds))
    return combine(findings)


def evidence(snapshot: Snapshot) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    members = parse_members(snapshot.members) or ()
    told = parse_health(snapshot.health) or {}
    return {
        "voters": [member.name for member in members if not member.learner][:16],
        "learners": [member.name for member in members if member.learner][:16],
        "unhealthy": sorted(untrusted.text(address, 120) or "" for address, health in told.items() if not health.healthy)[:16],
    }
