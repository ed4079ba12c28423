# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: unknown is never yes."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import gate

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=timezone.utc)
GOOD = {"source": "md", "subject": "md0", "verdict": "ok", "reason": "Fine.", "sampled_at": "2026-01-01T11:59:50Z"}


def judge(answers: dict, fleet: tuple = ("n1",), sources: tuple = ("md",)) -> list:
    return gate.judge(fleet, sources, answers, NOW, 60.0)


def told(**changed: object) -> dict:
    return {"n1": {"answers": [{**GOOD, **changed}]}}


@pytest.mark.parametrize(
    ("answers", "verdict", "reason"),
    [
        (told(), "ok", "Fine."),
        (told(sampled_at="2026-01-01T11:59:00Z"), "ok", "Fine."),
        (told(sampled_at="2026-01-01T12:01:00Z"), "ok", "Fine."),
        (told(sampled_at="2026-01-01T11:58:59Z"), "unknown", "the answer is 61 s old by this clock, more than 60 s"),
        (told(sampled_at="2026-01-01T12:01:01Z"), "unknown", "the answer is from 61 s in the future; the clocks differ"),
        (told(sampled_at="yesterday"), "unknown", "the answer does not tell when it was sampled"),
        (told(sampled_at=None), "unknown", "the answer does not tell when it was sampled"),
        (told(verdict="not_ok", reason="md0 is degraded."), "not_ok", "md0 is degraded."),
        (told(verdict="not_ok", sampled_at=None), "not_ok", "Fine."),
        (told(verdict="unknown", reason="It hangs."), "unknown", "It hangs."),
        (told(verdict="OK"), "unknown", "the answer has no verdict"),
        (told(verdict=True), "unknown", "the answer has no verdict"),
        (told(source="corosync"), "unknown", "the host gave no answer of md"),
        ({"n1": {"answers": []}}, "unknown", "the host gave no answer of md"),
        ({"n1": {"answers": "ok"}}, "unknown", "the host gave no answer of md"),
        ({"n1": {"changed": False}}, "unknown", "the host gave no answer of md"),
        ({"n1": {"failed": True, "msg": "Broken."}}, "unknown", "Broken."),
        ({"n1": {"unreachable": True, "msg": "gone"}}, "unknown", "unreachable: gone"),
        ({}, "unknown", "the host was not asked"),
    ],
)
def test_one_question(answers: dict, verdict: str, reason: str) -> None:
    (answer,) = judge(answers)
    assert (answer.host, answer.source, answer.verdict, answer.reason) == ("n1", "md", verdict, reason)
    assert gate.verdict([answer]) == ("open" if verdict == "ok" else "closed")


def test_every_host_and_every_source_is_a_question() -> None:
    gates = judge({"n2": {"answers": [GOOD]}}, fleet=("n2", "n10", "n2"), sources=("corosync", "md"))
    assert [(item.host, item.source, item.verdict) for item in gates] == [
        ("n2", "corosync", "unknown"),
        ("n2", "md", "ok"),
        ("n10", "corosync", "unknown"),
        ("n10", "md", "unknown"),
    ]


def test_a_failed_result_does_not_pass_with_answers_inside() -> None:
    (answer,) = judge({"n1": {"failed": True, "msg": "Broken.", "answers": [GOOD]}})
    assert answer.verdict == "unknown"


def test_every_subject_of_a_source_counts() -> None:
    gates = judge({"n1": {"answers": [GOOD, {**GOOD, "subject": "md1", "verdict": "not_ok"}]}})
    assert [(item.subject, item.verdict) for item in gates] == [("md0", "ok"), ("md1", "not_ok")]
    assert gate.verdict(gates) == "closed"


def test_no_required_source_is_no_question() -> None:
    assert judge({}, sources=()) == []
    assert gate.verdict([]) == "open"


def test_answers_are_found_by_the_item_of_the_loop() -> None:
    looped = {"results": [{"item": "n1", "answers": []}, {"item": 5}, {"answers": []}, "text"]}
    assert gate.answers_by_host(looped) == {"n1": {"item": "n1", "answers": []}}
    assert gate.answers_by_host(None) == {}
    assert gate.answers_by_host({"failed": True, "msg": "no loop"}) == {}


def test_the_refusal_names_host_source_subject_and_reason() -> None:
    gates = judge({"n1": {"answers": [{**GOOD, "verdict": "not_ok", "reason": "md0 is degraded."}]}}, fleet=("n1", "n2"))
    error = gate.closed(gates, ["n3", "n4"])
    assert error.code == "gate_closed"
    assert str(error) == (
        "n3, n4 must not be touched now: n1 md md0: not_ok, md0 is degraded; n2 md -: unknown, the host was not asked. "
        "Next: Bring the hosts named back to health, or correct twostep_health_sources, and run again; finished hosts are left alone."
    )
    assert error.data["gates"][0] == {"source": "md", "subject": "md0", "host": "n1", "verdict": "not_ok", "reason": "md0 is degraded."}


def test_many_closed_gates_stay_readable() -> None:
    error = gate.closed(judge({}, fleet=tuple(f"n{number}" for number in range(15))), ["n1"])
    assert error.message.endswith("; and 5 more.")
