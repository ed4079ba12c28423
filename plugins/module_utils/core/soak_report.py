# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report tells of the soak of one slot: all that was found of it in a run, whichever wave's hosts registered it."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from . import soak_run, untrusted
from .health import NOT_OK, OK
from .soak import CODES, HOST

_MAX_FINDINGS = 32
_MAX_LINES = 4
REGISTERS = tuple((f"soak, {stage}", soak_run.REGISTERS[stage]) for stage in soak_run.STAGES)


def by_host(registers: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return all findings of a run by host, each once; a host that was judged and is well has an empty list.

    :param registers: the variables of every host, among them what ``soak`` has registered at each stage.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    read: dict[int, object] = {}  # all hosts of a wave have registered the same one; as long as it is kept, no other has its id
    for variables in registers:
        for _phase, name in REGISTERS:
            told = untrusted.mapping(variables.get(name))
            if id(told) in read:
                continue
            read[id(told)] = told
            for host in _judged(told):
                found.setdefault(host, [])
            for record in untrusted.records(told.get("findings"), 4096):
                _add(found, record)
    return found


def _judged(told: Mapping[Any, Any]) -> list[str]:
    listed = told.get("judged")
    return [host for host in listed if isinstance(host, str)] if isinstance(listed, (list, tuple)) else []


def _add(found: dict[str, list[dict[str, Any]]], record: Mapping[Any, Any]) -> None:
    host, code = untrusted.text(record.get("host"), 255), untrusted.choice(record.get("code"), CODES)
    if host not in found or code is None:
        return
    lines = record.get("evidence")
    finding = {
        "slot": untrusted.text(record.get("slot"), 16) or HOST,
        "code": code,
        "verdict": CODES[code],
        "message": untrusted.text(record.get("message")) or "",
        "evidence": [text for text in map(untrusted.text, lines[:_MAX_LINES]) if text] if isinstance(lines, (list, tuple)) else [],
    }
    if finding not in found[host] and len(found[host]) < _MAX_FINDINGS:
        found[host].append(finding)


def of_slot(found: Mapping[str, Sequence[Mapping[str, Any]]], host: str, slot: str | None) -> dict[str, Any] | None:
    """Return the soak of a slot, findings about its host with it; None where the host was not judged."""
    if host not in found:
        return None
    mine = [dict(finding) for finding in found[host] if finding["slot"] in (slot, HOST)]
    return {"verdict": NOT_OK if any(one["verdict"] == NOT_OK for one in mine) else OK, "findings": mine}
