# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak of a run: who is judged when, what is kept, and that nobody gets away by saying nothing."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import soak_run
from ansible_collections.twostep.hotswap.plugins.module_utils.core.soak import Bounds
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.soak_sample import look, told

FLEET = ["n1", "n2", "n10"]
BOUNDS = Bounds()


class Run:
    """A run that registers as the role does: each stage on the hosts of its wave, the early looks on the controller."""

    def __init__(self, hops: list | None = None) -> None:
        early = told(**{host: look(0, 0) for host in FLEET})
        self.hosts: dict = {host: {} for host in FLEET}
        self.hosts["localhost"] = {
            "__twostep_evidence": early,
            "__twostep_check": {"hosts": {host: {"hops": hops or []} for host in FLEET}},
        }

    def stage(self, name: str, touch: list, *registers: object) -> soak_run.Judged:
        judged = soak_run.judge(name, touch, FLEET, registers, self.hosts, BOUNDS)
        for host in touch:
            self.hosts[host][soak_run.REGISTERS[name]] = judged.as_dict()
        return judged


def codes(judged: soak_run.Judged) -> dict:
    return {host: [finding.code for finding in found] for host, found in judged.findings.items()}


def test_a_wave_and_the_next_one() -> None:
    run = Run()
    first = run.stage("before", ["n1"], told(n1=look(100, 1000)))
    assert (codes(first), list(first.baselines), first.starts) == ({}, ["n1"], {})
    assert first.baselines["n1"].early is not None
    assert codes(run.stage("swapped", ["n1"], told(n1=look(110, 1100, 2)))) == {"n1": []}
    assert codes(run.stage("soaked", ["n1"], told(n1=look(150, 1500, 2)))) == {"n1": []}
    assert soak_run.touched(FLEET, run.hosts) == ["n1"]
    second = run.stage("before", ["n2"], told(n1=look(200, 2000, 2), n2=look(200, 2000)))
    assert (codes(second), list(second.baselines)) == ({"n1": []}, ["n2"])
    third = run.stage("swapped", ["n2"], told(n1=look(210, 2100, 2, errors=1), n2=look(210, 2100, 2)))
    assert (codes(third), list(third.starts)) == ({"n1": ["errors_up"], "n2": []}, ["n2"])
    assert third.as_dict()["judged"] == ["n1", "n2"]
    assert [(one["host"], one["slot"], one["code"], one["verdict"]) for one in third.as_dict()["findings"]] == [
        ("n1", "data", "errors_up", "not_ok")
    ]


def test_the_second_hop_of_a_wave_keeps_the_baseline_of_the_first_and_forgets_its_start() -> None:
    run = Run()
    run.stage("before", ["n1"], told(n1=look(100, 1000)))
    run.stage("swapped", ["n1"], told(n1=look(110, 1100, 2)))
    again = run.stage("before", ["n1"], told(n1=look(120, 1200, 2)))
    assert (codes(again), again.baselines["n1"].before.uptime_s) == ({"n1": []}, 100.0)
    swapped = run.stage("swapped", ["n1"], told(n1=look(130, 1300, 3)))
    assert codes(swapped) == {"n1": []}
    assert codes(run.stage("soaked", ["n1"], told(n1=look(140, 1400, 2)))) == {"n1": ["generation_moved"]}


@pytest.mark.parametrize(
    ("register", "message"),
    [
        (None, "The host gave no evidence: the host was not asked"),
        ({"results": [{"item": "n2", "evidence": look(1, 1)}]}, "The host gave no evidence: the host was not asked"),
        ({"results": [{"item": "n1", "failed": True, "msg": "No parent."}]}, "The host gave no evidence: No parent."),
        ({"results": [{"item": "n1", "unreachable": True, "msg": "gone"}]}, "The host gave no evidence: unreachable: gone"),
        ({"results": [{"item": "n1", "evidence": {"boot_id": "x"}}]}, "The host gave no evidence: what it said is no evidence"),
        ({"failed": True, "msg": "broken"}, "The host gave no evidence: the host was not asked"),
    ],
)
def test_who_gives_no_evidence_is_not_well(register: object, message: str) -> None:
    for stage in soak_run.STAGES:
        run = Run()
        if stage != "before":
            run.stage("before", ["n1"], told(n1=look(100, 1000)))
        judged = run.stage(stage, ["n1"], register)
        ((finding,),) = judged.findings.values()
        assert (finding.code, finding.message) == ("no_evidence", message)
        assert soak_run.verdict(judged, strict=False) == "not_ok"


def test_without_a_baseline_nothing_can_be_said() -> None:
    ((finding,),) = Run().stage("swapped", ["n1"], told(n1=look(110, 1100, 2))).findings.values()
    assert (finding.code, finding.message) == ("no_evidence", "Nothing is kept of the host from before its swap.")


def test_a_host_asked_in_turn_is_heard_too() -> None:
    judged = Run().stage("before", ["n1", "n2"], told(n1=look(100, 1000)), told(n2=look(100, 1000)))
    assert (codes(judged), sorted(judged.baselines)) == ({}, ["n1", "n2"])


@pytest.mark.parametrize(
    ("mode", "expected"), [("handover", ["rebooted", "counter_reset"]), ("cold", []), ("{{ x }}", ["rebooted", "counter_reset"])]
)
def test_the_plan_tells_which_hosts_boot(mode: str, expected: list) -> None:
    run = Run([[{"slot": "data", "version": "1.1.0", "mode": mode}]])
    run.stage("before", ["n1"], told(n1=look(100, 1000)))
    booted = look(10, 0, 1, boot_id="second")
    assert codes(run.stage("swapped", ["n1"], told(n1=booted))) == {"n1": expected}


def test_the_refusal_names_hosts_and_reasons() -> None:
    run = Run()
    run.stage("before", ["n1"], told(n1=look(100, 1000)))
    judged = run.stage("swapped", ["n1"], told(n1=look(110, 1100, 2, errors=2)))
    error = soak_run.failed(judged, ["n1"], strict=False)
    assert error.code == "soak_failed"
    assert str(error) == (
        "The new version does not go on to, or stay on, n1: n1 data: errors_up, Slot data has failed 2 requests since the swap. Next: "
        "Look at the hosts named, whose evidence is in the report; mend the version, or go back with twostep.hotswap.rollback."
    )


SWAPPED = {"results": [{"to": "1.2.0"}]}


@pytest.mark.parametrize(
    ("registers", "version"),
    [({}, "1.1.0"), ({"__twostep_swap": SWAPPED}, "1.2.0"), ({"__twostep_swap": {"results": [{"to": "x"}]}}, "1.1.0")],
)
def test_the_version_that_a_host_was_swapped_to_is_rejected_where_evidence_is_and_on_its_wave(registers: dict, version: str) -> None:
    run = Run()
    run.hosts["localhost"]["__twostep_run"] = {"version": "1.1.0"}
    run.hosts["n1"].update(registers)
    run.stage("before", ["n1"], told(n1=look(100, 1000)))
    judged = run.stage("swapped", ["n1"], told(n1=look(110, 1100, 2, errors=2)))
    reason = "errors_up, Slot data has failed 2 requests since the swap"
    assert soak_run.rejections(judged, ["n2"], run.hosts) == [
        {"host": host, "version": version, "found_on": "n1", "reason": reason} for host in ("n1", "n2")
    ]


def test_silence_and_the_work_of_others_reject_no_version() -> None:
    run = Run()
    run.hosts["localhost"]["__twostep_run"] = {"version": "1.1.0"}
    run.stage("before", ["n1"], told(n1=look(100, 1000)))
    for register in (told(), told(n1=look(110, 1100, 2, log=None))):
        judged = run.stage("swapped", ["n1"], register)
        assert codes(judged)["n1"]
        assert soak_run.rejections(judged, ["n1"], run.hosts) == []
    assert soak_run.soak.AGAINST_VERSION
    assert set(soak_run.soak.AGAINST_VERSION) < {code for code, verdict in soak_run.soak.CODES.items() if verdict == "not_ok"}


def test_a_host_that_the_run_has_gone_on_without_is_judged_no_more() -> None:
    run = Run()
    run.stage("before", ["n1"], told(n1=look(100, 1000)))
    run.hosts["n1"]["__twostep_failures"] = {"verdict": "go_on", "left_out": ["n1"]}
    assert soak_run.touched(FLEET, run.hosts) == []
    assert codes(run.stage("before", ["n2"], told(n2=look(200, 2000)))) == {}


def test_what_is_not_known_counts_only_if_it_must_be_known() -> None:
    run = Run()
    run.stage("before", ["n1"], told(n1=look(100, 1000)))
    judged = run.stage("swapped", ["n1"], told(n1=look(110, 1100, 2, log=None)))
    assert codes(judged) == {"n1": ["log_unknown"]}
    assert (soak_run.verdict(judged, strict=False), soak_run.verdict(judged, strict=True)) == ("ok", "unknown")
    assert "log_unknown" not in str(soak_run.failed(judged, ["n1"], strict=False))
    assert "n1 -: log_unknown" in str(soak_run.failed(judged, ["n1"], strict=True))


def test_many_findings_are_cut() -> None:
    many = [f"h{number}" for number in range(12)]
    judged = soak_run.judge("before", many, many, [], {}, BOUNDS)
    assert soak_run.failed(judged, many, strict=False).message.endswith("; and 2 more.")


WORDS = ["results", "item", "evidence", "baselines", "starts", "before", "early", "n1", "failed", "hosts", "hops"]
JUNK = st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
    st.sampled_from(WORDS), inner, max_size=3
))  # fmt: skip


@given(JUNK, JUNK, JUNK, JUNK)
def test_nothing_that_is_registered_raises(now: object, before: object, swapped: object, controller: object) -> None:
    hosts = {
        "n1": {"__twostep_soak_before": copy.deepcopy(before), "__twostep_soak_swapped": swapped},
        "localhost": {"__twostep_evidence": controller, "__twostep_check": controller},
    }
    for stage in soak_run.STAGES:
        soak_run.judge(stage, ["n1"], ["n1"], [now], hosts, BOUNDS).as_dict()
