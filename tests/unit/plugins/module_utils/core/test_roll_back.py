# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a host, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import failure_budget, report, roll_back
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.fleet import Compat, Facts, Slot
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.core.failed_wave import (
    FLEET,
    UNCOMMITTED,
    UPGRADED,
    failed_swap,
    hosts,
    looped,
)


def slot(name: str = "data", version: str = "1.1.0", parked: str | None = None) -> Slot:
    return Slot(name, "remap", version, "serving", parked, 3)


def ways(slots: list[Slot], compat: dict, goals: dict | None = None, warm: tuple = (), problem: str | None = None) -> list:
    return roll_back.ways("n1", "remap", goals or {"data": "1.0.0"}, Facts(tuple(slots), problem), compat, warm)


HOT = Compat("hot", "handover", "compatible")
WARM = Compat("warm", None, "No schema is common.")


def test_a_hot_way() -> None:
    assert ways([slot()], {"data": HOT}) == [[{"slot": "data", "version": "1.0.0", "mode": "handover"}]]


def test_the_way_out_of_a_probation() -> None:
    assert ways([slot(parked="1.0.0")], {"data": HOT}) == [[{"slot": "data", "version": "1.0.0", "mode": "handover"}]]


def test_where_the_host_is_back_nothing_is_done() -> None:
    assert ways([slot(version="1.0.0")], {"data": Compat("current", None, "")}) == []


def test_slots_go_back_together_each_to_its_own_version_also_through_others() -> None:
    chain = Compat("warm", None, "No schema is common.", ("2.0.0", "1.1.0", "1.0.0"))
    slots = [slot("data", "2.0.0"), slot("more", "2.0.0")]
    assert ways(slots, {"data": chain, "more": HOT}, {"data": "1.0.0", "more": "1.1.0"}) == [
        [{"slot": "data", "version": "1.1.0", "mode": "auto"}],
        [{"slot": "data", "version": "1.0.0", "mode": "auto"}, {"slot": "more", "version": "1.1.0", "mode": "handover"}],
    ]


def test_a_slot_is_taken_down_only_if_it_was_on_its_way_there() -> None:
    assert ways([slot()], {"data": WARM}, warm=("data",)) == [[{"slot": "data", "version": "1.0.0", "mode": "warm"}]]


NONE = {
    "a one-way version": (([slot()], {"data": WARM}), "slot data: no hot step leads from 1.1.0 to 1.0.0: No schema is common."),
    "a boot": (([slot()], {"data": Compat("cold", None, "Other.")}), "slot data: no hot step leads from 1.1.0 to 1.0.0: Other."),
    "no verdict": (([slot()], {"data": Compat(None, None, "No file.")}), "slot data: No file."),
    "no word": (([slot()], {}), "slot data: the host gave no verdict on the built file."),
    "a slot that is gone": (([], {}), "slot data is gone."),
    "another probation": (
        ([slot(version="2.0.0", parked="1.1.0")], {"data": HOT}),
        "slot data: the slot serves 2.0.0 in probation with 1.1.0 parked; commit it or go back first.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NONE)
def test_no_way_is_told_with_its_reason(name: str) -> None:
    arguments, why = NONE[name]
    with pytest.raises(TwostepError) as refused:
        ways(*arguments)
    assert (refused.value.code, refused.value.message) == ("no_way_back", f"n1 cannot be taken back: {why}")


def test_a_host_that_does_not_tell_has_no_way() -> None:
    with pytest.raises(TwostepError, match="n1 cannot be taken back: unreachable: gone"):
        ways([], {}, problem="unreachable: gone")


def test_which_slots_were_taken_down() -> None:
    warm = looped(outcome="swapped", mode="warm")
    assert roll_back.warm_slots("n1", hosts(n1={"__twostep_swap": warm})) == ["data"]
    assert roll_back.warm_slots("n1", hosts(n1={**UNCOMMITTED, "__twostep_earlier": [warm, warm]})) == ["data"]
    assert roll_back.warm_slots("n1", hosts(n1=UPGRADED)) == []


PROOF = {"slots": [{"slot": "data", "version": "1.0.0", "state": "serving", "parked": None}]}


def rolled(**registers: dict) -> dict[str, dict[str, Any]]:
    """Return the variables after n1 and n2 were upgraded and n3 has failed, with what their ways back have registered."""
    known = hosts(n1=UPGRADED, n2=UPGRADED, n3=failed_swap())
    made = failure_budget.judge(["n3"], FLEET, known, 0, False, True).as_dict()
    known["localhost"]["__twostep_roll_back"] = made
    return {name: {**told, **registers.get(name, {})} for name, told in known.items()}


@pytest.mark.parametrize(
    ("proof", "is_back"),
    [
        (PROOF, True), ({}, False), ({**PROOF, "failed": True, "msg": "x"}, False), ({"slots": 3}, False),
        *[({"slots": [{**PROOF["slots"][0], key: value}]}, False)
          for key, value in (("version", "1.1.0"), ("parked", "1.1.0"), ("state", "held"), ("slot", "other"))],
    ],
)  # fmt: skip
def test_only_what_the_host_shows_is_back(proof: dict, is_back: bool) -> None:
    assert roll_back.is_back("data", "1.0.0", {"__twostep_rolled_back": proof}) is is_back


def test_a_run_that_is_back() -> None:
    swap_back = looped(outcome="swapped", hold_ms=7.5, held_requests=3, phases=[{"phase": "swap", "event": "end", "at": "now"}])
    both = {"__twostep_rolled_back": PROOF, "__twostep_swap_back": swap_back}
    made = report.build(FLEET, rolled(n1=both, n2=both), "upgrade", False, "2026-01-01T12:05:00Z", None)
    assert (made["result"], made["roll_back"]) == ("rolled_back", {"back": ["n2", "n1"], "left": []})
    assert [node["outcome"] for node in made["nodes"]] == ["rolled_back", "rolled_back", "returned"]
    node = made["nodes"][0]
    assert (node["hold_ms"], node["held_requests"], [phase["phase"] for phase in node["phases"]]) == (7.5, 3, ["swap"])
    assert made["reason"] == {"host": "n3", "phase": "swap", "code": "adopt_failed", "message": "It did not adopt."}
    assert str(report.failure(made, None)).startswith(
        "The run is halted at n3, later waves are untouched: It did not adopt. Then taken back: n2, n1. Next: "
    )


def test_a_run_that_is_back_in_part() -> None:
    closed = {"__twostep_slots_back": {"slots": []}, "__twostep_gate_back": {"failed": True, "msg": "n1 must not be touched."}}
    known = rolled(n2={"__twostep_rolled_back": PROOF}, n1=closed)
    made = report.build(FLEET, known, "upgrade", True, "2026-01-01T12:05:00Z", None)
    assert (made["result"], [node["outcome"] for node in made["nodes"]]) == ("halted", ["upgraded", "rolled_back", "returned"])
    assert made["roll_back"] == {"back": ["n2"], "left": [{"host": "n1", "reason": "n1 must not be touched."}]}
    assert made["nodes"][0]["reason"] == "not taken back: n1 must not be touched."
    assert "taken back: n2; not taken back: n1: n1 must not be touched" in report.headline(made)


def test_a_failure_of_the_way_there_is_none_of_the_way_back() -> None:
    lost = {"__twostep_lease_judged": {"failed": True, "msg": "Lost."}}
    assert roll_back.left(lost) is None
    assert roll_back.left({**lost, "__twostep_slots_back": {}}) == "Lost."


def test_without_a_way_back_nothing_is_told() -> None:
    assert roll_back.told(FLEET, hosts()) is None
    assert roll_back.goals("n1", {}) == {}
