# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of a report: all of a small fleet, of a large one all that are not ok."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import gate_report
from ansible_collections.twostep.hotswap.plugins.module_utils.core.gate_report import MOST_LISTED, Reader


def gate(host: str, verdict: str = "ok", source: str = "md") -> dict[str, Any]:
    return {"source": source, "subject": "md0", "host": host, "verdict": verdict, "reason": "Told."}


def registered(*gates: dict[str, Any]) -> dict[str, Any]:
    return {"__twostep_gate_before": {"gates": list(gates)}}


def test_what_can_be_listed_is() -> None:
    gates = [gate(f"n{number}") for number in range(MOST_LISTED)]
    assert Reader().of_host(registered(*gates)) == gates


@pytest.mark.parametrize("verdict", ["not_ok", "unknown"])
def test_of_a_large_fleet_every_answer_that_is_not_ok_is_listed_and_the_others_are_counted(verdict: str) -> None:
    gates = [gate(f"n{number}", source=source) for source in ("md", "corosync") for number in range(500)]
    gates[321] = gate("n321", verdict)
    assert Reader().of_host(registered(*gates)) == [
        gate("n321", verdict),
        {"source": "md", "subject": "all", "host": "499 hosts", "verdict": "ok", "reason": "499 answers of 499 hosts are ok."},
        {"source": "corosync", "subject": "all", "host": "500 hosts", "verdict": "ok", "reason": "500 answers of 500 hosts are ok."},
    ]


def test_where_nothing_is_ok_nothing_is_counted() -> None:
    gates = [gate(f"n{number}", "unknown") for number in range(MOST_LISTED + 1)]
    assert Reader().of_host(registered(*gates)) == gates


def test_the_gate_after_a_swap_is_there_also_if_the_fleet_is_large() -> None:
    many = {"gates": [gate(f"n{number}") for number in range(500)]}
    found = Reader().of_host({"__twostep_gate_before": many, "__twostep_gate_after": {"gates": [gate("n1", "not_ok")]}})
    assert [(one["subject"], one["verdict"]) for one in found] == [("all", "ok"), ("md0", "not_ok")]


def test_a_gate_that_all_hosts_of_a_wave_have_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    real = gate_report._parsed
    monkeypatch.setattr(gate_report, "_parsed", lambda told: reads.append(told) or real(told))
    wave, reader = registered(gate("n1")), Reader()
    assert reader.of_host(wave) == reader.of_host(dict(wave)) == [gate("n1")]
    assert reads.count(wave["__twostep_gate_before"]["gates"]) == 1


def test_what_is_registered_is_not_believed() -> None:
    evil = {"source": 7, "subject": "a\nb", "host": None, "verdict": "yes", "reason": "\x1b[2J"}
    assert Reader().of_host(registered(evil)) == [{"source": "", "subject": "a b", "host": "", "verdict": "unknown", "reason": "[2J"}]
    assert Reader().of_host({"__twostep_gate_before": "no result", "__twostep_gate_after": {"gates": 3}}) == []
