# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a run after a wave has failed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import failure_budget
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.failure_budget import GO_ON, HALT, ROLL_BACK, Decision
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.core.failed_wave import (
    COMMITTED,
    FLEET,
    GONE,
    ITEM,
    SWAPPED,
    UNCOMMITTED,
    UPGRADED,
    failed_swap,
    hosts,
    looped,
)


def judge(touch: list[str], known: dict, most: int = 0, settled: bool = True, roll_back: bool = False) -> Decision:
    return failure_budget.judge(touch, FLEET, known, most, settled, roll_back)


def tolerated(host: str) -> dict[str, Any]:
    """Return what a host has registered after whose failure the run went on."""
    made = judge([host], hosts(**{host: failed_swap()}), most=3)
    assert made.verdict == GO_ON
    return {**failed_swap(), "__twostep_failures": made.as_dict()}


@pytest.mark.parametrize(
    ("earlier", "most", "verdict"),
    [(0, 0, HALT), (0, 1, GO_ON), (1, 1, HALT), (1, 2, GO_ON), (2, 2, HALT), (2, 3, GO_ON)],
)
def test_failures_are_counted_over_all_waves(earlier: int, most: int, verdict: str) -> None:
    known = hosts(**{host: tolerated(host) for host in FLEET[:earlier]}, **{FLEET[earlier]: failed_swap()})
    made = judge([FLEET[earlier]], known, most)
    assert made.verdict == verdict
    assert [one.host for one in made.failures] == [FLEET[earlier]]
    assert f"{earlier + 1} host" in made.reason
    assert f"{most} may (twostep_max_failures)" in made.reason
    assert (made.cause is None, made.left_out) == ((True, (FLEET[earlier],)) if verdict == GO_ON else (False, ()))


OWN = {
    "a swap that returned": failed_swap(),
    "a swap that the kernel did not take up": failed_swap("refused", "slot_busy"),
    "a host that does not answer": GONE,
    "a host that hangs in its swap": {"__twostep_swap": looped(failed=True, timedout={"period": 600}, msg="Timed out.")},
    "an agent that still runs": failed_swap("failed", "still_running"),
    "an agent that died": failed_swap("failed", "agent_died"),
    "a host that does not come back from its boot": {
        "__twostep_swap": looped(outcome="armed", mode="cold"), "__twostep_reboot": {"failed": True, "msg": "Timed out."}
    },
    "a commit that the kernel was quicker than": {
        "__twostep_swap": SWAPPED, "__twostep_commit": looped(failed=True, code="returned", outcome="failed")
    },
    "a host that vanishes in some other task": {**GONE, "ansible_failed_result": {"unreachable": True, "msg": "gone"}},
}  # fmt: skip


@pytest.mark.parametrize("name", OWN)
def test_what_is_the_failure_of_a_host_is_within_the_budget(name: str) -> None:
    made = judge(["n1"], hosts(n1=OWN[name]), most=1)
    assert (made.verdict, [one.host for one in made.failures]) == (GO_ON, ["n1"]), made


@pytest.mark.parametrize("code", failure_budget.NOT_OWN)
@pytest.mark.parametrize("outcome", ["returned", "refused", "failed"])
def test_a_swap_that_failed_for_what_is_not_its_host_halts(code: str, outcome: str) -> None:
    made = judge(["n1"], hosts(n1=failed_swap(outcome, code)), most=9)
    assert (made.verdict, made.cause and made.cause.code) == (HALT, code)


@pytest.mark.parametrize("name", [name for _phase, name in failure_budget.COMMON])
def test_what_the_wave_was_asked_halts_also_beside_a_failed_host(name: str) -> None:
    no = {"failed": True, "msg": "No.", "code": "no"}
    for registers in ({name: no}, {**failed_swap(), name: no}):
        made = judge(["n1"], hosts(n1=registers), most=9)
        assert (made.verdict, made.cause and made.cause.message) == (HALT, "No."), name


@pytest.mark.parametrize("registers", [{}, {"ansible_failed_result": {"failed": True, "msg": "A hook failed."}}, UPGRADED])
def test_whatever_is_not_known_halts(registers: dict) -> None:
    assert judge(["n1"], hosts(n1=registers), most=9).verdict == HALT


def test_a_hook_that_failed_beside_a_failed_host_halts() -> None:
    hook = {"ansible_failed_result": {"failed": True, "msg": "A hook failed."}}
    assert judge(["n1", "n2"], hosts(n1=failed_swap(), n2=hook), most=9).verdict == HALT


@pytest.mark.parametrize(
    ("registers", "verdict"),
    [
        ({**UNCOMMITTED, "__twostep_back": {"results": [{"item": {"item": ITEM}, "outcome": "committed"}]}}, GO_ON),
        ({**UNCOMMITTED, "__twostep_back": looped(failed=True, msg="Busy.")}, HALT),
        (UNCOMMITTED, HALT),
        ({"__twostep_swap": looped(outcome="armed", mode="cold")}, HALT),
        (UPGRADED, GO_ON),
        ({}, GO_ON),
    ],
)
def test_the_rest_of_the_wave_must_be_where_it_is_known_to_serve(registers: dict, verdict: str) -> None:
    known = hosts(n1=failed_swap(), n2=registers)
    assert judge(["n1", "n2"], known, most=1, settled=False).verdict == GO_ON
    made = judge(["n1", "n2"], known, most=1)
    assert made.verdict == verdict
    assert verdict == HALT or made.left_out == (("n1",) if registers is UPGRADED else ("n1", "n2"))


def test_a_failed_host_whose_slots_are_of_two_versions_halts() -> None:
    """The swap of the one was taken back by nobody, since the way back failed."""
    made = judge(["n1"], hosts(n1=failed_swap("failed", "not_proven")), most=1)
    assert (made.verdict, made.reason) == (HALT, "the run does not go on while slot data of n1 is failed")


def test_nothing_is_taken_back_without_being_asked_for() -> None:
    assert judge(["n2"], hosts(n1=UPGRADED, n2=failed_swap())).back == {}


@pytest.mark.parametrize(
    ("registers", "is_away"),
    [
        (UPGRADED, True), (UNCOMMITTED, True), (GONE, True), (failed_swap("failed", "x"), True), (failed_swap(), False), ({}, False),
        ({**failed_swap(), "__twostep_earlier": [SWAPPED, COMMITTED]}, True),
    ],
)  # fmt: skip
def test_who_is_to_be_taken_back(registers: dict, is_away: bool) -> None:
    known = hosts(n1=UPGRADED, n2=registers, n3={"__twostep_gate_before": {"failed": True, "msg": "Closed.", "code": "gate_closed"}})
    made = judge(["n3"], known, roll_back=True)
    assert made.verdict == ROLL_BACK
    assert made.as_dict()["order"] == (["n2", "n1"] if is_away else ["n1"])
    assert made.back and made.back["n1"] == {"data": "1.0.0"}


@pytest.mark.parametrize("code", failure_budget.HANDS_OFF)
def test_who_has_said_stop_has_said_it_of_the_way_back_too(code: str) -> None:
    made = judge(["n2"], hosts(n1=UPGRADED, n2={"__twostep_gate_before": {"failed": True, "msg": "No.", "code": code}}), roll_back=True)
    assert (made.verdict, made.back) == (HALT, {})


def test_a_lost_lease_takes_nothing_back() -> None:
    lost = {"__twostep_lease_judged": {"failed": True, "msg": "Lost.", "code": "lease_lost"}}
    assert judge(["n2"], hosts(n1=UPGRADED, n2=lost), roll_back=True).verdict == HALT


def test_a_run_that_has_touched_nobody_only_halts() -> None:
    assert judge(["n1"], hosts(n1=failed_swap()), roll_back=True).verdict == HALT


def test_a_commit_that_was_missing_has_no_version_before_it() -> None:
    known = hosts(n1=UPGRADED, n2=failed_swap())
    known["localhost"]["__twostep_check"]["hosts"]["n1"]["slots"][0].update({"act": "commit", "from": "1.1.0"})
    assert judge(["n2"], known, roll_back=True).verdict == HALT


def test_hosts_words_are_data() -> None:
    bad = {"__twostep_failures": {"verdict": GO_ON, "failures": [{"host": 7}, "x", {"host": "n1\x1b", "message": None}], "left_out": 3}}
    assert failure_budget.tolerated(FLEET, hosts(n1=bad)) == [{"host": "n1", "phase": None, "code": None, "message": ""}]
    assert not failure_budget.is_left_out("n1", bad)


def test_a_number_below_zero_is_refused() -> None:
    with pytest.raises(TwostepError) as refused:
        failure_budget.check(-1)
    assert (refused.value.code, str(refused.value)) == (
        "bad_max_failures", "twostep_max_failures is -1. Next: Use 0, or the number of hosts that may fail."
    )  # fmt: skip
