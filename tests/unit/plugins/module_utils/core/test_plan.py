# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what is refused, what is left out, and in which order the rest is done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import plan
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.fleet import Compat, Drift, Facts, Slot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Range
from ansible_collections.twostep.hotswap.plugins.module_utils.core.waves import Place

POLICY = plan.Policy("remap", "1.1.0", 1, 2)
WARM_WAY = " With twostep_allow_warm the slot may be taken down for it, its users stopped and started again"
HOT = Compat("hot", "handover", "")


def slot(version: str | None = "1.0.0", state: str | None = "serving", parked: str | None = None, name: str = "vol0") -> Slot:
    return Slot(name, "remap", version, state, parked, 1)


def hosts_of(made: plan.Plan) -> tuple:
    return tuple(wave.hosts for wave in made.waves)


def old(*hosts: str) -> dict[str, Facts]:
    return {host: Facts((slot(),)) for host in hosts}


def hot(*hosts: str) -> dict[str, dict[str, Compat]]:
    return {host: {"vol0": HOT} for host in hosts}


def refusals(fleet: list, facts: dict, compat: dict, built: bool = True) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        plan.make(fleet, facts, compat, POLICY, built)
    assert caught.value.code == "plan_refused"
    return caught.value


def test_canary_first_then_waves_in_the_order_of_the_names() -> None:
    hosts = ["n10", "n2", "n1", "n3"]
    made = plan.make(hosts, old(*hosts), hot(*hosts), POLICY, True)
    assert hosts_of(made) == (("n1",), ("n2", "n3"), ("n10",))


@pytest.mark.parametrize(
    ("canary", "wave_size", "waves"),
    [
        (0, 1, (("n1",), ("n2",), ("n3",))),
        (0, 9, (("n1", "n2", "n3"),)),
        (2, 2, (("n1", "n2"), ("n3",))),
        (9, 1, (("n1", "n2", "n3"),)),
    ],
)
def test_sizes_of_waves(canary: int, wave_size: int, waves: tuple) -> None:
    hosts = ["n1", "n2", "n3"]
    assert hosts_of(plan.make(hosts, old(*hosts), hot(*hosts), plan.Policy("remap", "1.1.0", canary, wave_size), True)) == waves


def test_a_current_host_is_left_out_with_its_reason() -> None:
    facts = {**old("n1"), "n2": Facts((slot("1.1.0"),))}
    made = plan.make(["n1", "n2"], facts, hot("n1"), POLICY, True)
    assert hosts_of(made) == (("n1",),)
    assert plan.as_dict(made)["hosts"]["n2"] == {
        "from": "1.1.0",
        "to": "1.1.0",
        "verdict": "current",
        "reason": "already serves 1.1.0",
        "wave": None,
        "slots": [{"slot": "vol0", "act": "none", "from": "1.1.0", "verdict": "current", "mode": None, "reason": "already serves 1.1.0"}],
        "hops": [],
    }


def test_versions_that_cannot_talk_to_each_other_never_meet() -> None:
    speaks = {"1.0.0": Range(1, 1), "1.1.0": Range(2, 2)}
    compat = {host: {"vol0": replace(HOT, protocols=speaks)} for host in ("n1", "n2")}
    error = refusals(["n1", "n2"], old("n1", "n2"), compat)
    assert error.data["refusals"] == [
        {
            "host": "n1",
            "slot": "",
            "reason": "it would serve 1.0.0, which speaks 1-1, while n2 serves 1.1.0, which speaks 2-2; "
            "take the whole fleet to a version that speaks both first",
        }
    ]
    assert hosts_of(plan.make(["n1"], old("n1"), compat, POLICY, True)) == (("n1",),)  # nobody to talk to
    # Before the build nobody knows.
    assert hosts_of(plan.make(["n1", "n2"], old("n1", "n2"), {}, POLICY, False)) == (("n1",), ("n2",))


def test_nothing_to_do() -> None:
    told = plan.as_dict(plan.make(["n1"], {"n1": Facts((slot("1.1.0"),))}, {}, POLICY, True))
    assert (told["waves"], told["serial"], told["order"], told["pattern"]) == ([], [], [], "localhost:!localhost")


def test_what_the_playbook_needs() -> None:
    hosts = ["n1", "n2", "n3", "n4"]
    told = plan.as_dict(plan.make(hosts, old(*hosts), {**hot(*hosts), "n2": {"vol0": Compat("two_step", None, "One name.")}}, POLICY, True))
    assert told["waves"] == [["n1"], ["n2", "n3"], ["n4"]]
    assert told["serial"] == [1, 2, 1]
    assert told["order"] == hosts
    assert told["pattern"] == "twostep_planned"
    assert told["hosts"]["n1"]["hops"] == [[{"slot": "vol0", "version": "1.1.0", "mode": "handover"}]]
    assert told["hosts"]["n2"]["hops"] == [[{"slot": "vol0", "version": "1.1.0", "mode": "two_step"}]]
    assert [told["hosts"][host]["wave"] for host in hosts] == [1, 2, 2, 3]


def test_a_slot_in_probation_only_lacks_its_commit() -> None:
    told = plan.as_dict(plan.make(["n1"], {"n1": Facts((slot("1.1.0", parked="1.0.0"),))}, {}, POLICY, True))
    assert told["waves"] == [["n1"]]
    assert told["hosts"]["n1"]["slots"][0]["act"] == "commit"
    assert told["hosts"]["n1"]["reason"] == "serves 1.1.0 in probation with 1.0.0 parked; the commit is missing"


def test_going_back_to_the_parked_version_is_planned() -> None:
    told = plan.make(["n1"], {"n1": Facts((slot("1.2.0", parked="1.1.0"),))}, hot("n1"), POLICY, True)
    assert told.steps[0].act == "swap"


def test_the_worst_verdict_of_a_host_is_shown() -> None:
    facts = {"n1": Facts((slot(name="a"), slot(name="b"), slot("1.1.0", name="c")))}
    compat = {"n1": {"a": HOT, "b": Compat("two_step", None, "One name.")}}
    host = plan.as_dict(plan.make(["n1"], facts, compat, POLICY, True))["hosts"]["n1"]
    assert (host["verdict"], host["from"]) == ("two_step", "1.0.0, 1.1.0")
    assert [(work["slot"], work["mode"]) for work in host["hops"][0]] == [("a", "handover"), ("b", "two_step")]


def test_where_no_single_hot_step_leads_there_the_slot_goes_through_those_between() -> None:
    path = ("1.0.0", "1.0.5", "1.0.7", "1.1.0")
    told = plan.make(["n1"], old("n1"), {"n1": {"vol0": Compat("warm", None, "No schema.", path)}}, POLICY, True)
    step = told.steps[0]
    assert (step.act, step.verdict, step.mode, step.through) == ("swap", "hot", "auto", ("1.0.5", "1.0.7"))
    assert step.reason == "hot steps lead through 1.0.5, 1.0.7; no single one does: No schema."
    assert plan.as_dict(told)["hosts"]["n1"]["hops"] == [
        [{"slot": "vol0", "version": version, "mode": "auto"}] for version in ("1.0.5", "1.0.7", "1.1.0")
    ]


def test_hot_steps_are_preferred_to_a_slot_that_is_taken_down() -> None:
    compat = {"n1": {"vol0": Compat("warm", None, "No schema.", ("1.0.0", "1.0.5", "1.1.0"))}}
    assert plan.make(["n1"], old("n1"), compat, replace(POLICY, warm=True), True).steps[0].mode == "auto"


def test_a_slot_that_is_nearer_waits_for_the_others() -> None:
    facts = {"n1": Facts((slot("1.0.0", name="a"), slot("1.0.5", name="b"), slot("1.1.0", name="c")))}
    compat = {"n1": {"a": Compat("warm", None, "No schema.", ("1.0.0", "1.0.5", "1.1.0")), "b": HOT}}
    host = plan.as_dict(plan.make(["n1"], facts, compat, POLICY, True))["hosts"]["n1"]
    assert host["hops"] == [
        [{"slot": "a", "version": "1.0.5", "mode": "auto"}],
        [{"slot": "a", "version": "1.1.0", "mode": "auto"}, {"slot": "b", "version": "1.1.0", "mode": "handover"}],
    ]


@pytest.mark.parametrize("path", [(), ("1.0.0", "1.1.0"), ("1.0.0", "1.0.5", "9.0.0"), ("0.9.0", "1.0.0", "1.1.0")])
def test_a_way_that_leads_elsewhere_or_nowhere_is_not_taken(path: tuple) -> None:
    error = refusals(["n1"], old("n1"), {"n1": {"vol0": Compat("warm", None, "No schema.", path)}})
    assert error.data["refusals"][0]["reason"] == f"the verdict is warm: No schema.{WARM_WAY}"


def test_drift_is_told_host_by_host() -> None:
    drifting = replace(slot(), drift=(Drift("file_other", "It differs."),))
    assert plan.drifts({"n10": Facts((drifting,)), "n2": Facts((slot(), drifting)), "n3": Facts(())}) == [
        "drift: n2/vol0: It differs.",
        "drift: n10/vol0: It differs.",
    ]


def test_before_the_build_the_verdict_is_pending() -> None:
    made = plan.make(["n1"], old("n1"), {}, POLICY, False)
    assert (made.steps[0].verdict, made.steps[0].reason) == ("pending", "not built yet, verdict after the build")


def test_before_the_build_a_failed_verdict_is_pending_too() -> None:
    made = plan.make(["n1"], old("n1"), {"n1": {"vol0": Compat(None, None, "No file.")}}, POLICY, False)
    assert made.steps[0].verdict == "pending"


def test_before_the_build_a_refusal_that_is_known_refuses() -> None:
    error = refusals(["n1"], old("n1"), {"n1": {"vol0": Compat("refuse", None, "Other contract.")}}, built=False)
    assert "n1/vol0: the verdict is refuse: Other contract." in error.message


@pytest.mark.parametrize(
    ("facts", "compat", "reason"),
    [
        (Facts((), "unreachable: gone"), None, "n1: unreachable: gone"),
        (Facts(()), None, "n1: the host has no slot of family remap"),
        (None, None, "n1: the host was not asked, as in a run with --limit"),
        (Facts((slot(state="held"),)), HOT, "n1/vol0: the slot is held, not serving"),
        (Facts((slot(state="detached", version=None),)), HOT, "n1/vol0: the slot is detached, not serving"),
        (Facts((slot(state="failed"),)), HOT, "n1/vol0: the slot is failed, not serving"),
        (Facts((slot(state="empty", version=None),)), HOT, "n1/vol0: the slot is empty, not serving"),
        (Facts((slot(state=None),)), HOT, "n1/vol0: the slot is in no known state, not serving"),
        (Facts((slot(version=None),)), HOT, "n1/vol0: the slot serves a version that is not known"),
        (
            Facts((slot("1.2.0", parked="1.0.0"),)),
            HOT,
            "n1/vol0: the slot serves 1.2.0 in probation with 1.0.0 parked; commit it or go back first",
        ),
        (Facts((slot(),)), None, "n1/vol0: the host gave no verdict on the built file"),
        (Facts((slot(),)), Compat(None, None, "No file."), "n1/vol0: No file."),
        (Facts((slot(),)), Compat("refuse", None, "Other contract."), "n1/vol0: the verdict is refuse: Other contract."),
        (Facts((slot(),)), Compat("warm", None, ""), f"n1/vol0: the verdict is warm: no reason was given{WARM_WAY}"),
        (Facts((slot(),)), Compat("cold", None, "Reboot."), "n1/vol0: the verdict is cold: Reboot."),
        (Facts((slot(),)), Compat("current", None, ""), "n1/vol0: the verdict is current: no reason was given"),
    ],
)
def test_what_is_refused(facts: Facts | None, compat: Compat | None, reason: str) -> None:
    error = refusals(["n1"], {"n1": facts} if facts else {}, {"n1": {"vol0": compat}} if compat else {})
    assert str(error) == (
        f"The plan is refused, no host was touched: {reason}. "
        "Next: Remove the cause on each host named, or take the host out of the group, and run again."
    )


def test_one_refusal_refuses_all_and_every_reason_is_told() -> None:
    facts = {**old("n1"), "n2": Facts((), "unreachable: gone"), "n3": Facts(())}
    error = refusals(["n1", "n2", "n3"], facts, hot("n1"))
    assert error.data["refusals"] == [
        {"host": "n2", "slot": "", "reason": "unreachable: gone"},
        {"host": "n3", "slot": "", "reason": "the host has no slot of family remap"},
    ]


def test_many_refusals_stay_readable() -> None:
    error = refusals([f"n{number}" for number in range(30)], {}, {})
    assert error.message.endswith("; and 10 more.")
    assert len(error.data["refusals"]) == 30


def test_the_digest_is_the_same_before_and_after_the_build() -> None:
    hosts = ["n1", "n2"]
    assert plan.make(hosts, old(*hosts), {}, POLICY, False).digest == plan.make(hosts, old(*hosts), hot(*hosts), POLICY, True).digest


@given(st.permutations(["n1", "n2", "n3", "n4", "n5"]))
def test_the_order_of_the_inventory_does_not_matter(hosts: list) -> None:
    again = ["n1", "n2", "n3", "n4", "n5"]
    assert plan.make(hosts, old(*hosts), hot(*hosts), POLICY, True) == plan.make(again, old(*again), hot(*again), POLICY, True)


def test_the_warm_way_where_it_is_allowed() -> None:
    facts, compat = old("n1", "n2"), {**hot("n1"), "n2": {"vol0": Compat("warm", None, "No schema.")}}
    told = plan.as_dict(plan.make(["n1", "n2"], facts, compat, replace(POLICY, warm=True), True))
    assert told["waves"] == [["n1"], ["n2"]]
    assert (told["hosts"]["n2"]["verdict"], told["hosts"]["n2"]["reason"]) == ("warm", "No schema.")
    assert [work["mode"] for host in ("n1", "n2") for work in told["hosts"][host]["hops"][0]] == ["handover", "warm"]


def test_the_warm_way_without_a_reason() -> None:
    made = plan.make(["n1"], old("n1"), {"n1": {"vol0": Compat("warm", None, "")}}, replace(POLICY, warm=True), True)
    assert made.steps[0].reason == "no hot step leads there"


def test_a_slot_that_is_taken_down_is_the_worst_of_a_host() -> None:
    facts = {"n1": Facts((slot(name="a"), slot(name="b")))}
    compat = {"n1": {"a": Compat("two_step", None, "One name."), "b": Compat("warm", None, "No schema.")}}
    host = plan.as_dict(plan.make(["n1"], facts, compat, replace(POLICY, warm=True), True))["hosts"]["n1"]
    assert (host["verdict"], host["reason"]) == ("warm", "One name.; No schema.")


@pytest.mark.parametrize("verdict", ["cold", "refuse"])
def test_the_warm_way_is_no_way_around_another_refusal(verdict: str) -> None:
    with pytest.raises(TwostepError) as caught:
        plan.make(["n1"], old("n1"), {"n1": {"vol0": Compat(verdict, None, "Reboot.")}}, replace(POLICY, warm=True), True)
    assert caught.value.data["refusals"] == [{"host": "n1", "slot": "vol0", "reason": f"the verdict is {verdict}: Reboot."}]


@pytest.mark.parametrize("code", ["boot_other", "trial_armed"])
def test_what_serves_but_is_not_what_boots_is_committed(code: str) -> None:
    facts = {"n1": Facts((replace(slot("1.1.0"), drift=(Drift(code, "It boots 1.0.0."),)),))}
    (step,) = plan.make(["n1"], facts, {}, POLICY, True).steps
    assert (step.act, step.reason) == ("commit", "serves 1.1.0; the commit is missing: It boots 1.0.0.")
    told = plan.as_dict(plan.make(["n1"], facts, {}, POLICY, True))
    assert (told["waves"], told["hosts"]["n1"]["hops"]) == ([["n1"]], [[{"slot": "vol0", "version": "1.1.0", "mode": "handover"}]])


@pytest.mark.parametrize("code", ["file_other", "initramfs_other"])
def test_another_drift_is_no_work(code: str) -> None:
    facts = {"n1": Facts((replace(slot("1.1.0"), drift=(Drift(code, "It differs."),)),))}
    assert hosts_of(plan.make(["n1"], facts, {}, POLICY, True)) == ()


def test_the_cold_way_where_it_is_allowed() -> None:
    compat = {"n1": {"vol0": Compat("warm", None, "No schema.", after_boot=True)}}
    host = plan.as_dict(plan.make(["n1"], old("n1"), compat, replace(POLICY, cold=True), True))["hosts"]["n1"]
    assert (host["verdict"], host["reason"], host["hops"][0][0]["mode"]) == ("warm", "No schema.", "cold")
    assert plan.make(["n1"], old("n1"), compat, replace(POLICY, cold=True, warm=True), True).steps[0].mode == "warm"


def test_a_boot_where_only_that_cures() -> None:
    compat = {"n1": {"vol0": Compat("cold", None, "No module can be loaded.", after_boot=True)}}
    host = plan.as_dict(plan.make(["n1"], old("n1"), compat, replace(POLICY, cold=True, warm=True), True))["hosts"]["n1"]
    assert (host["verdict"], host["hops"][0][0]["mode"]) == ("cold", "cold")
    assert refusals(["n1"], old("n1"), compat).data["refusals"][0]["reason"] == (
        "the verdict is cold: No module can be loaded. With twostep_allow_cold the host may be booted into it"
    )


@pytest.mark.parametrize("verdict", ["cold", "refuse"])
def test_the_cold_way_is_no_way_around_what_a_boot_does_not_cure(verdict: str) -> None:
    compat = {"n1": {"vol0": Compat(verdict, None, "Another parent.")}}
    with pytest.raises(TwostepError) as caught:
        plan.make(["n1"], old("n1"), compat, replace(POLICY, cold=True, warm=True), True)
    assert caught.value.data["refusals"][0]["reason"] == f"the verdict is {verdict}: Another parent."


def test_both_other_ways_are_told() -> None:
    compat = {"n1": {"vol0": Compat("warm", None, "No schema.", after_boot=True)}}
    assert refusals(["n1"], old("n1"), compat).data["refusals"][0]["reason"] == (
        f"the verdict is warm: No schema.{WARM_WAY}. With twostep_allow_cold the host may be booted into it"
    )


@pytest.mark.parametrize("change", [{"version": "1.1.1"}, {"wave_size": 1}, {"canary": 2}, {"warm": True}, {"cold": True}])
def test_the_digest_changes_with_what_is_done(change: dict) -> None:
    hosts = ["n1", "n2", "n3"]
    policy = plan.Policy(**{"family": "remap", "version": "1.1.0", "canary": 1, "wave_size": 2, **change})
    assert plan.make(hosts, old(*hosts), {}, policy, False).digest != plan.make(hosts, old(*hosts), {}, POLICY, False).digest


def test_places_split_the_waves_and_change_the_digest() -> None:
    hosts = ["n1", "n2", "n3", "n4"]
    places = {"n1": Place("a"), "n3": Place("a"), "n4": Place("a", ("etcd",))}
    made = plan.make(hosts, old(*hosts), hot(*hosts), POLICY, True, places)
    assert [(wave.hosts, wave.reason) for wave in made.waves] == [(("n1",), "canary, a"), (("n3", "n4"), "a"), (("n2",), "")]
    assert plan.as_dict(made)["order"] == ["n1", "n3", "n4", "n2"]
    assert made.digest != plan.make(hosts, old(*hosts), hot(*hosts), POLICY, True).digest


def test_rows_follow_the_work_and_end_with_those_left_out() -> None:
    facts = {**old("n2", "n3"), "n1": Facts((slot("1.1.0"),))}
    rows = plan.rows(plan.make(["n1", "n2", "n3"], facts, hot("n2", "n3"), POLICY, True))
    assert rows == [
        ["1 (canary)", "n2", "vol0", "1.0.0", "1.1.0", "hot", "compatible"],
        ["2", "n3", "vol0", "1.0.0", "1.1.0", "hot", "compatible"],
        [None, "n1", "vol0", "1.1.0", "1.1.0", "current", "already serves 1.1.0"],
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("storage", [], "remap", "1.1.0", 1, 1),
            "empty_fleet",
            "The inventory group 'storage' has no hosts. Next: Put the hosts into that group, or name another one with twostep_fleet.",
        ),
        (("t", ["n1"], "Remap", "1.1.0", 1, 1), "bad_family", None),
        (("t", ["n1"], "remap", 1.1, 1, 1), "bad_version", None),
        (
            ("t", ["n1"], "remap", "1.1.0", -1, 1),
            "bad_canary",
            "twostep_canary is -1. Next: Use 0 or the number of hosts in the first wave.",
        ),
        (
            ("t", ["n1"], "remap", "1.1.0", 1, 0),
            "bad_wave_size",
            "twostep_wave_size is 0. Next: Use 1 or more hosts for each wave.",
        ),
    ],
)
def test_inputs(arguments: tuple, code: str, message: str | None) -> None:
    with pytest.raises(TwostepError) as caught:
        plan.check_inputs(*arguments)
    assert caught.value.code == code
    assert message is None or str(caught.value) == message


def test_good_inputs_are_the_policy() -> None:
    assert plan.check_inputs("t", ["n1"], "remap", "1.1.0", 1, 2) == POLICY
    assert plan.check_inputs("t", ["n1"], "remap", "1.1.0", 1, 2, True) == replace(POLICY, warm=True)
    assert plan.check_inputs("t", ["n1"], "remap", "1.1.0", 1, 2, cold=True) == replace(POLICY, cold=True)
