# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""corosync: is the cluster quorate, and would it stay so without this node?

Reads the text of ``corosync-quorumtool -s`` (there is no machine format: ``-p`` changes the node list only).
The exit status decides quorate or not: 0 quorate, 2 not quorate, anything else proves nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .health import NOT_OK, OK, UNKNOWN, Finding, combine

_QUORATE, _NOT_QUORATE = 0, 2
_FIGURES = ("Total votes", "Expected votes", "Quorum")
_NUMBER = re.compile(r"\s*([0-9]{1,6})\b")
_MEMBER = re.compile(r"\s*[0-9]+\s+([0-9]{1,6})\s.*\(local\)\s*")


@dataclass(frozen=True)
class Quorum:
    """The figures of one snapshot; votes include a quorum device's."""

    total_votes: int
    expected_votes: int
    quorum: int
    node_votes: int
    flags: tuple[str, ...]


def parse(stdout: str) -> Quorum | None:
    """Return the figures, or None when any of them is missing: a half-read page answers nothing."""
    numbers: dict[str, int] = {}
    flags: tuple[str, ...] = ()
    node_votes: int | None = None
    for line in stdout.splitlines():
        name, colon, rest = line.partition(":")
        number = _NUMBER.match(rest)
        if colon and number and name in _FIGURES:
            numbers[name] = int(number.group(1))
        elif colon and name == "Flags":
            flags = tuple(rest.split())
        else:
            member = _MEMBER.fullmatch(line)
            if member:
                node_votes = int(member.group(1))
    if len(numbers) != len(_FIGURES) or node_votes is None:
        return None
    return Quorum(numbers["Total votes"], numbers["Expected votes"], numbers["Quorum"], node_votes, flags)


def quorate(rc: int) -> Finding:
    """Is the cluster quorate now?"""
    if rc == _QUORATE:
        return Finding(OK, "The cluster is quorate.")
    if rc == _NOT_QUORATE:
        return Finding(NOT_OK, "The cluster is not quorate.")
    return Finding(UNKNOWN, f"corosync-quorumtool ended with exit status {rc}, so corosync did not answer.")


def survives_stall(quorum: Quorum, stall_seconds: float) -> Finding:
    """Would the others keep quorum if this node answered nothing for ``stall_seconds``?

    The token timeout is not counted on: a stalled node is taken as lost however short the stall is.
    """
    left = quorum.total_votes - quorum.node_votes
    if left >= quorum.quorum:
        return Finding(OK, f"Without this node {left} votes are left and {quorum.quorum} are needed.")
    return Finding(
        NOT_OK,
        f"If this node stalled for {stall_seconds:g} s, {left} votes would be left and {quorum.quorum} are needed: quorum would be lost.",
    )


def judge(rc: int, stdout: str, stall_seconds: float) -> Finding:
    """Return the finding of one sample; both questions must be answered yes."""
    now = quorate(rc)
    if now.verdict != OK:
        return now
    figures = parse(stdout)
    if figures is None:
        return Finding(UNKNOWN, "The answer of corosync-quorumtool could not be read.")
    return combine([now, survives_stall(figures, stall_seconds)])


def evidence(rc: int, stdout: str) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    figures = parse(stdout)
    if figures is None:
        return {"rc": rc}
    return {
        "rc": rc,
        "total_votes": figures.total_votes,
        "expected_votes": figures.expected_votes,
        "quorum": figures.quorum,
        "node_votes": figures.node_votes,
        "flags": list(figures.flags)[:8],
    }
