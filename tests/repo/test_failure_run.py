# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of the real playbook and roles do after a failure, on a fleet of pretended hosts; see docs/decisions/halting-a-fleet.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pretended_fleet import Fleet

from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.soak_sample import look

FAILS: dict[str, Any] = {"fail": {"1.1.0": ["returned", "adopt_failed"]}}


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, look(100, 1000))


def test_within_the_budget_the_wave_goes_back_and_the_next_one_follows(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, look(100, 1000), hosts=4)
    fleet.set("n2", **FAILS)
    status, said = fleet.run(twostep_max_failures=1, twostep_wave_size=2, twostep_soak=True)
    assert fleet.versions == ["1.1.0", "1.0.0", "1.0.0", "1.1.0"], said
    assert (status != 0, fleet.report["result"]) == (True, "incomplete")
    assert fleet.outcomes == ["upgraded", "returned", "returned", "upgraded"]
    assert [(one["host"], one["code"]) for one in fleet.report["failures"]] == [("n2", "adopt_failed")]
    assert fleet.report["nodes"][2]["reason"] == "taken back with its wave, since n2 failed"
    assert "All waves are done, but hosts have failed: n2: The new child did not adopt." in said


def test_a_host_that_does_not_answer_closes_the_next_gate_and_its_own_way_back_ends_the_others(fleet: Fleet) -> None:
    fleet.set("n2", fail={"1.1.0": ["down", ""]})
    status, said = fleet.run(twostep_max_failures=1, twostep_on_failure="roll_back")
    assert fleet.versions == ["1.1.0", "1.0.0", "1.0.0"], said
    assert (status != 0, fleet.report["result"], fleet.report["reason"]["code"]) == (True, "halted", "gate_closed")
    assert [one["host"] for one in fleet.report["failures"]] == ["n2"]
    assert fleet.report["roll_back"]["back"] == []
    assert [one["host"] for one in fleet.report["roll_back"]["left"]] == ["n2", "n1"]
    assert "the host is down" in fleet.report["roll_back"]["left"][0]["reason"]
    assert fleet.report["roll_back"]["left"][1]["reason"] == "its turn has not come"


def test_evidence_takes_the_fleet_back_and_the_version_is_refused_until_somebody_consents(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, look(100, 1000), hosts=2)
    fleet.set("n2", bad="1.1.0")
    status, said = fleet.run(twostep_soak=True, twostep_max_failures=3, twostep_on_failure="roll_back")
    back = ["n2 swap 1.1.0", "n2 mark", "n2 swap 1.0.0", "n1 swap 1.0.0", "n1 commit 1.0.0"]
    assert fleet.log == ["n1 swap 1.1.0", "n1 commit 1.1.0", *back], said
    assert (status != 0, fleet.report["result"], fleet.report["reason"]["code"]) == (True, "rolled_back", "soak_failed")
    assert (fleet.outcomes, fleet.report["roll_back"]) == (["rolled_back", "returned"], {"back": ["n1"], "left": []})
    done = len(fleet.log)
    status, said = fleet.run()
    assert (status != 0, len(fleet.log), fleet.report["reason"]["code"]) == (True, done, "version_rejected"), said
    assert "on evidence of n2: errors_up" in said
    status, said = fleet.run(twostep_accept_rejected=True)
    assert (status, fleet.log[done], fleet.versions) == (0, "n2 unmark", ["1.1.0"] * 2), said


def test_the_first_host_that_cannot_go_back_ends_it(fleet: Fleet) -> None:
    fleet.set("n1", verdicts={"1.1.0": "hot", "1.0.0": "warm"})
    fleet.set("n3", **FAILS)
    status, said = fleet.run(twostep_on_failure="roll_back")
    assert fleet.versions == ["1.1.0", "1.0.0", "1.0.0"], said
    assert (status != 0, fleet.report["result"]) == (True, "halted")
    assert fleet.outcomes == ["upgraded", "rolled_back", "returned"]
    assert fleet.report["roll_back"]["back"] == ["n2"]
    (left,) = fleet.report["roll_back"]["left"]
    assert left["reason"].startswith("n1 cannot be taken back: slot data: no hot step leads from 1.1.0 to 1.0.0: No schema.")
    assert fleet.report["nodes"][0]["reason"].startswith("not taken back: n1 cannot be taken back")
