# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold after a fault, and after the run that finishes the job. Pure: looks at nodes go in, complaints come out.

A look is what guest/look.py prints, by node. No complaint is no loss: numbers O6, O7, O9 and O10 of the project's list of oracles; O1 (what
was written is what is read) is fio's, which verifies all the time and ends with the first mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.twostep.hotswap.plugins.module_utils.core import ledger
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

Looks = Mapping[str, Mapping[str, Any]]


def entries(look: Mapping[str, Any]) -> list[ledger.Entry]:
    """Return what a node's ledger says.

    :raises TwostepError: ``ledger_damaged``.
    """
    text = str(look["ledger"])
    return list(ledger.decode((text + "\n").encode() if text else b"", "ledger.jsonl").entries)


def alarms(before: Looks, after: Looks, patterns: re.Pattern[str], meant: str = "") -> list[str]:
    """Return what the kernels have reported since the look before, but for what the fault itself has brought about."""
    found = []
    for node, look in after.items():
        known = set(before[node]["log"]) if before[node]["boot_id"] == look["boot_id"] else set()
        new = [line for line in look["log"] if line not in known and patterns.search(line)]
        found += [f"{node}: the kernel says {line!r}" for line in new if not (meant and re.search(meant, line))]
    return found


def safe(looks: Looks, versions: tuple[str, str]) -> list[str]:
    """Return what is lost, or hangs, in a fleet that a run has left in the middle."""
    found = []
    for node, look in looks.items():
        if look["workload"] != "active":
            found.append(f"{node}: the workload is {look['workload']!r}: fio has met an error or a wrong block")
        for name, slot in look["slots"].items():
            if slot["state"] != "serving":
                found.append(f"{node} {name}: {slot['state']!r} instead of serving")
            if slot["version"] not in versions:
                found.append(f"{node} {name}: version {slot['version']!r}, which nobody has asked for")
            if look["boot"].get(name) not in versions:
                found.append(f"{node} {name}: a boot would bring up {look['boot'].get(name)!r}")
        try:
            entries(look)
        except TwostepError as problem:
            found.append(f"{node}: {problem.message}")
    return [*found, *overlapping(looks)]


def pending(looks: Looks, version: str) -> list[str]:
    """Return the nodes that have not gone to a version yet, or not committed it, in the order in which a run takes them."""
    return [
        node for node, look in looks.items() if any((slot["version"], slot["parked"]) != (version, "") for slot in look["slots"].values())
    ]


def finished(looks: Looks, version: str, votes: int) -> list[str]:
    """Return what is missing in a fleet whose upgrade has been finished."""
    found = []
    for node, look in looks.items():
        for name, slot in look["slots"].items():
            stands = (slot["version"], slot["parked"], look["boot"].get(name))
            if stands != (version, "", version):
                found.append(f"{node} {name}: serves {stands[0]!r}, parked {stands[1]!r}, boots {stands[2]!r}, and all was to be {version}")
        if (look["degraded"], look["sync"]) != ("0", "idle"):
            found.append(f"{node}: md0 lacks {look['degraded']} copies, and is {look['sync']}")
        if look["votes"] != votes:
            found.append(f"{node}: sees {look['votes']} votes of {votes}")
        if lease(look):
            found.append(f"{node}: the lease was not given back by {lease(look)}")
        found += [f"{node} {what}: begun and never ended" for what in unfinished(look)]
    return found


def lease(look: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lease that a node has granted, empty for none."""
    kept = json.loads(look["lease"]) if look["lease"] else {}
    return kept.get("lease") or {}


def unfinished(look: Mapping[str, Any]) -> list[str]:
    """Return the swaps of a node's ledger with a phase that was begun last and has no end."""
    last: dict[str, ledger.Entry] = {}
    for entry in entries(look):
        if entry.swap_id:
            last[entry.swap_id] = entry
    return [f"{entry.swap_id} ({entry.phase})" for entry in last.values() if entry.event == "begin"]


def overlapping(looks: Looks) -> list[str]:
    """Return pairs of nodes that were in the swap phase at the same second: at most one may stall at a time."""
    spans = sorted(span for node, look in looks.items() for span in _spans(node, look))
    found, latest = [], ("", "", "")
    for begin, end, node in spans:
        if node != latest[2] and begin < latest[1]:
            found.append(f"{latest[2]} and {node} swapped at the same moment, {begin}")
        if end > latest[1]:
            latest = (begin, end, node)
    return found


def _spans(node: str, look: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    try:
        told = entries(look)
    except TwostepError:
        return []  # told by safe
    begun: dict[str, str] = {}
    spans = []
    for entry in told:
        if entry.phase == "swap" and entry.event == "begin":
            begun[entry.swap_id] = entry.at
        elif entry.phase == "swap" and entry.swap_id in begun:
            spans.append((begun.pop(entry.swap_id), entry.at, node))
    return spans
