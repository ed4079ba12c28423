# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of a run as a report has them: those before and after a host's swap, and what was seen of its peers meanwhile.

Each gate asks the whole fleet, so a report that lists every answer for every host grows with the square of the fleet.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from . import untrusted
from .health import NOT_OK, OK, UNKNOWN

REGISTERS = ("__twostep_gate_before", "__twostep_gate_after")
MOST_LISTED = 64
_MAX_GATES = 256
_MAX_READ = 4096
_KEYS = ("source", "subject", "host", "reason")


class Reader:
    """Reads each gate once: all hosts of a wave have registered the same one."""

    def __init__(self) -> None:
        self._read: dict[int, tuple[object, list[dict[str, Any]]]] = {}

    def of_host(self, registers: Mapping[Any, Any], swaps: Sequence[Mapping[Any, Any]] = ()) -> list[dict[str, Any]]:
        """Return the gates of a host; what was seen of its peers during ``swaps`` was one for them, and is named so."""
        gates = [gate for name in REGISTERS for gate in self._gates(registers.get(name))]
        return (gates + [gate for swap in swaps for gate in _witnessed(swap)])[:_MAX_GATES]

    def _gates(self, result: object) -> list[dict[str, Any]]:
        if id(result) not in self._read:
            # With the result itself: as long as it is kept, no other has its id.
            self._read[id(result)] = (result, folded(_parsed(untrusted.mapping(result).get("gates"))))
        return self._read[id(result)][1]


def folded(gates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the gates as they are; of more than can be listed for each host those that are not ok, and one per source for the others."""
    if len(gates) <= MOST_LISTED:
        return list(gates)
    told = [gate for gate in gates if gate["verdict"] != OK]
    for source in dict.fromkeys(gate["source"] for gate in gates):
        well = [gate for gate in gates if (gate["source"], gate["verdict"]) == (source, OK)]
        hosts = len({gate["host"] for gate in well})
        if well:
            reason = f"{len(well)} answers of {hosts} hosts are ok."
            told.append({"source": source, "subject": "all", "host": f"{hosts} hosts", "reason": reason, "verdict": OK})
    return told


def _parsed(told: object) -> list[dict[str, Any]]:
    gates = []
    for record in untrusted.records(told, _MAX_READ):
        verdict = untrusted.choice(record.get("verdict"), (OK, NOT_OK, UNKNOWN)) or UNKNOWN
        gates.append({**{key: untrusted.text(record.get(key)) or "" for key in _KEYS}, "verdict": verdict})
    return gates


def _witnessed(swap: Mapping[Any, Any]) -> list[dict[str, Any]]:
    peers = _parsed(untrusted.mapping(swap.get("witness")).get("peers"))
    return [{**gate, "source": "witness", "subject": "peer"} for gate in peers]
