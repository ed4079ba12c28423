# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceph: could all daemons of this host stall together, and is every placement group whole?

Judges what ``ceph -f json`` printed (Pacific or newer). ``osd ok-to-stop`` ends with exit status 16 and a full answer when it says no, and
says yes about an OSD that does not exist or is down. A state such as ``stale+active+clean`` holds the good words and is none: so every
word of a state must be a known good one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from . import untrusted
from .errors import TwostepError
from .health import NOT_OK, OK, UNKNOWN, Finding, combine, parse_json

_BUSY = 16
_WHOLE = frozenset({"active", "clean"})
_ALLOWED = _WHOLE | {"scrubbing", "deep", "snaptrim", "snaptrim_wait"}


@dataclass(frozen=True)
class Answer:
    """What one ``ceph`` command answered."""

    rc: int
    stdout: str
    stderr: str = ""


@dataclass(frozen=True)
class Host:
    """The daemons that Ceph has seen on this host; ``known`` is whether it has seen the host at all."""

    known: bool
    osds: tuple[int, ...] = ()
    monitors: tuple[str, ...] = ()


def _mapping(text: str) -> Mapping[Any, Any]:
    try:
        return untrusted.mapping(parse_json(text, "ceph"))
    except TwostepError:
        return {}


def _unanswered(what: str, answer: Answer) -> Finding:
    told = [line for line in answer.stderr.splitlines() if line.strip()]
    why = (untrusted.text(told[-1], 160) or "").rstrip(". ") if told else ""
    return Finding(UNKNOWN, f"ceph {what} gave no answer that could be read, exit status {answer.rc}{': ' + why if why else ''}.")


def _numbers(value: object) -> tuple[int, ...] | None:
    """Return the whole numbers of a list, or None if it is none or has anything else in it."""
    if not isinstance(value, list):
        return None
    found = [untrusted.integer(item) for item in value]
    return None if None in found else tuple(item for item in found if item is not None)


def find_host(answer: Answer, nodename: str) -> Host | None:
    """Return what ``node ls`` tells of this host, or None when it cannot be read.

    Daemons report the host's name as the kernel has it. Names that differ in their domain only are taken as this host, all of them.
    """
    document = _mapping(answer.stdout)
    if answer.rc != 0 or not {"mon", "osd"} <= set(document):
        return None
    label, known = nodename.split(".", maxsplit=1)[0], False
    osds: list[int] = []
    monitors: list[str] = []
    for kind, hosts in document.items():
        if not isinstance(hosts, Mapping):
            return None
        for name, daemons in hosts.items():
            if str(name).partition(".")[0] != label:
                continue
            known = True
            numbers = _numbers(daemons) if kind == "osd" else ()
            if numbers is None or not isinstance(daemons, list):
                return None
            osds += numbers
            monitors += [str(daemon) for daemon in daemons if kind == "mon"]
    return Host(known, tuple(sorted(set(osds))), tuple(sorted(set(monitors))))


def nobody(nodename: str) -> Finding:
    """Return what is said of a host that Ceph does not know."""
    name = untrusted.text(nodename, 64)
    return Finding(
        UNKNOWN,
        f"Ceph knows no daemon on a host named {name}. Take ceph out of twostep_health_sources if it is not meant to have one.",
    )


def monitors(answer: Answer, host: Host | None, stall_seconds: float) -> Finding:
    """Would the monitors keep quorum without those of this host? One is taken away also where it has none.

    A monitor may tell of an old quorum for as long as its lease lasts.
    """
    document = _mapping(answer.stdout)
    quorum = _numbers(document.get("quorum"))
    all_monitors = untrusted.mapping(document.get("monmap")).get("mons")
    if answer.rc != 0 or quorum is None or not isinstance(all_monitors, list) or not 0 < len(quorum) <= len(all_monitors):
        return _unanswered("quorum_status", answer)
    needed = len(all_monitors) // 2 + 1
    left = len(quorum) - max(1, len(host.monitors) if host else 0)
    if len(quorum) < needed:
        return Finding(NOT_OK, f"The monitors have no quorum: {len(quorum)} of {len(all_monitors)} are in it.")
    if left < needed:
        return Finding(
            NOT_OK,
            f"If this host stalled for {stall_seconds:g} s, {max(left, 0)} of {len(all_monitors)} monitors would be left and {needed} are "
            "needed: quorum would be lost.",
        )
    return Finding(OK, f"{len(quorum)} of {len(all_monitors)} monitors are in quorum, and without this host {left} are left.")


def osds(answer: Answer, asked: tuple[int, ...]) -> Finding:
    """Could all ``asked`` OSDs stop together?"""
    document = _mapping(answer.stdout)
    told, verdict = _numbers(document.get("osds")), document.get("ok_to_stop")
    bad = untrusted.integer(document.get("num_not_ok_pgs"))
    if answer.rc not in (0, _BUSY) or told is None or bad is None or not isinstance(verdict, bool) or not set(asked) <= set(told):
        return _unanswered("osd ok-to-stop", answer)
    names = ", ".join(str(osd) for osd in asked[:16])
    if verdict and answer.rc == 0 and bad == 0:
        return Finding(OK, f"OSDs {names} could stop together.")
    if not verdict and bad > 0:
        return Finding(NOT_OK, f"If OSDs {names} stalled together, placement groups would be without I/O: {bad}.")
    return Finding(UNKNOWN, f"Ceph cannot tell whether OSDs {names} could stop together.")


def placement_groups(answer: Answer) -> Finding:
    """Does every placement group have all its copies, and is none being repaired or moved?"""
    document = _mapping(answer.stdout)
    states = _states(answer)
    if answer.rc != 0 or states is None:
        return _unanswered("pg stat", answer)
    if document.get("pg_ready") is not True:
        return Finding(UNKNOWN, "The manager does not know all placement groups yet.")
    count = untrusted.integer(untrusted.mapping(document.get("pg_summary")).get("num_pgs"))
    if not states or sum(states.values()) != count:
        return Finding(UNKNOWN, "The manager does not tell the state of every placement group.")
    bad = [Finding(NOT_OK, f"Placement groups that are {state}: {number}.") for state, number in states.items() if not _whole(state)]
    return combine(bad or [Finding(OK, f"All {count} placement groups are active+clean.")])


def _whole(state: str) -> bool:
    words = frozenset(state.split("+"))
    return words >= _WHOLE and words <= _ALLOWED


def _states(answer: Answer) -> dict[str, int] | None:
    """Return how many placement groups are in each state."""
    entries = untrusted.mapping(_mapping(answer.stdout).get("pg_summary")).get("num_pg_by_state")
    if not isinstance(entries, list):
        return None
    states: dict[str, int] = {}
    for entry in entries:
        fields = untrusted.mapping(entry)
        name, number = untrusted.text(fields.get("name"), 120), untrusted.integer(fields.get("num"))
        if not name or number is None or name in states:
            return None
        states[name] = number
    return states


def evidence_monitors(answer: Answer) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report; so do the next two."""
    document = _mapping(answer.stdout)
    names = document.get("quorum_names")
    told = untrusted.mapping(document.get("monmap")).get("mons")
    return {
        "rc": answer.rc,
        "in_quorum": [untrusted.text(name, 64) for name in names[:16]] if isinstance(names, list) else None,
        "monitors": len(told) if isinstance(told, list) else None,
    }


def evidence_osds(answer: Answer, asked: tuple[int, ...]) -> dict[str, object]:
    return {"rc": answer.rc, "osds": list(asked[:64]), "not_ok_pgs": untrusted.integer(_mapping(answer.stdout).get("num_not_ok_pgs"))}


def evidence_placement_groups(answer: Answer) -> dict[str, object]:
    return {"rc": answer.rc, "states": dict(list((_states(answer) or {}).items())[:32])}
