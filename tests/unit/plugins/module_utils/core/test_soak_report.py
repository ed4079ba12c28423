# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak in the report: each finding once, with its host, bounded."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import soak_report

BAD = {"host": "n1", "slot": "data", "code": "errors_up", "verdict": "not_ok", "message": "Two.", "evidence": ["child_errors +2"]}
IDLE = {"host": "n1", "slot": "logs", "code": "no_io", "verdict": "unknown", "message": "Idle.", "evidence": []}
BOOTED = {"host": "n1", "slot": "-", "code": "rebooted", "verdict": "not_ok", "message": "Booted.", "evidence": []}


def without_host(record: dict) -> dict:
    return {name: value for name, value in record.items() if name != "host"}


def test_what_a_later_wave_has_found_of_an_earlier_host_is_told_once() -> None:
    swapped = {"__twostep_soak_swapped": {"judged": ["n1"], "findings": [IDLE]}}
    later = {"__twostep_soak_before": {"judged": ["n1"], "findings": [IDLE, BAD, BOOTED]}}
    found = soak_report.by_host([swapped, later, later])
    assert soak_report.of_slot(found, "n1", "data") == {"verdict": "not_ok", "findings": [without_host(BAD), without_host(BOOTED)]}
    assert soak_report.of_slot(found, "n1", "logs") == {"verdict": "not_ok", "findings": [without_host(IDLE), without_host(BOOTED)]}
    assert soak_report.of_slot(found, "n2", "data") is None


def test_a_host_that_is_well_and_one_of_which_little_is_known() -> None:
    found = soak_report.by_host([{"__twostep_soak_after": {"judged": ["n1", "n2"], "findings": [IDLE]}}])
    assert soak_report.of_slot(found, "n2", "data") == {"verdict": "ok", "findings": []}
    assert soak_report.of_slot(found, "n1", "logs") == {"verdict": "ok", "findings": [without_host(IDLE)]}


@pytest.mark.parametrize(
    "told",
    [None, "x", {"judged": "n1"}, {"judged": [5]}, {"findings": [BAD]}, {"judged": ["n2"], "findings": [BAD]}],
)
def test_a_host_that_was_not_judged_has_none(told: object) -> None:
    assert soak_report.of_slot(soak_report.by_host([{"__twostep_soak_after": told}]), "n1", "data") is None


def test_what_is_no_finding_is_left_out_and_the_rest_is_bounded() -> None:
    odd = [{**BAD, "code": "<b>"}, {**BAD, "evidence": "x"}, {**BAD, "slot": None, "evidence": [5, "a\x1b[31m", *["b"] * 9]}, "x"]
    many = [{**BAD, "message": str(number)} for number in range(99)]
    found = soak_report.by_host([{"__twostep_soak_after": {"judged": ["n1"], "findings": [*odd, *many]}}])
    assert found["n1"][0]["evidence"] == []
    assert (found["n1"][1]["slot"], found["n1"][1]["evidence"]) == ("-", ["a [31m", "b", "b"])
    assert len(found["n1"]) == 32
