# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consul: are all servers healthy, and could one of them be spared?

Judges the answer of ``/v1/operator/autopilot/health``. A dead server is taken out of the list after a while, and then all that is left
is healthy again: so what counts is the failure tolerance.
"""

from __future__ import annotations

from typing import Any, Mapping

from . import untrusted
from .health import NOT_OK, OK, UNKNOWN, Finding, combine, parse_json

# 429 says "not healthy" and carries the same body; it is also the answer to one who asks too often, and then there is none.
_ANSWERS = {200: True, 429: False}
_REFUSALS = (401, 403)


def healthy(status: int, document: Mapping[Any, Any]) -> Finding:
    """Does Consul call itself healthy? The HTTP status must say the same."""
    told = document.get("Healthy")
    if told is False:
        return Finding(NOT_OK, "Consul is not healthy.")
    if told is not True or not _ANSWERS[status]:
        return Finding(UNKNOWN, "Consul does not tell clearly whether it is healthy.")
    return Finding(OK, "Consul is healthy.")


def voters_healthy(document: Mapping[Any, Any]) -> Finding:
    """Is every server that has a vote healthy?"""
    servers, voters = document.get("Servers"), 0
    entries = untrusted.records(servers)
    if not isinstance(servers, list) or len(entries) != len(servers):
        return Finding(UNKNOWN, "Consul does not tell its servers.")
    for server in entries:
        name, voter, well = untrusted.text(server.get("Name"), 64), server.get("Voter"), server.get("Healthy")
        if not name or not isinstance(voter, bool) or not isinstance(well, bool):
            return Finding(UNKNOWN, f"Consul does not tell the health of {name or 'a server'}.")
        if voter and not well:
            return Finding(NOT_OK, f"{name} is not healthy.")
        voters += voter
    if not voters:
        return Finding(UNKNOWN, "Consul tells of no server that has a vote.")
    return Finding(OK, f"All {voters} voters are healthy.")


def survives_stall(document: Mapping[Any, Any], stall_seconds: float) -> Finding:
    """Could one more server be lost? It is taken that this host has one."""
    spare = untrusted.integer(document.get("FailureTolerance"), 1000)
    if spare is None:
        return Finding(UNKNOWN, "Consul does not tell how many servers it can spare.")
    if spare < 1:
        return Finding(NOT_OK, f"If this host stalled for {stall_seconds:g} s, quorum would be lost: no server can be spared.")
    return Finding(OK, f"Servers that can be spared: {spare}.")


def judge(status: int, body: str, stall_seconds: float) -> Finding:
    """Return the finding of one sample.

    :raises TwostepError: ``unreadable_answer``.
    """
    if status in _REFUSALS:
        return Finding(UNKNOWN, f"Consul refuses the question with HTTP status {status}: it needs a token with operator:read.")
    if status not in _ANSWERS:
        return Finding(UNKNOWN, f"Consul answered with HTTP status {status}.")
    document = untrusted.mapping(parse_json(body, "Consul"))
    return combine([healthy(status, document), voters_healthy(document), survives_stall(document, stall_seconds)])


def evidence(status: int, body: str) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report; call it after ``judge``."""
    if status not in _ANSWERS:
        return {"status": status}
    document = untrusted.mapping(parse_json(body, "Consul"))
    servers = untrusted.records(document.get("Servers"), 16)
    return {
        "status": status,
        "failure_tolerance": untrusted.integer(document.get("FailureTolerance"), 1000),
        "servers": {untrusted.text(server.get("Name"), 64) or "?": server.get("Healthy") is True for server in servers},
    }
