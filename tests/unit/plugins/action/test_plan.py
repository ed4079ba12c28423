# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as an action: what it reads, what it returns, and that it fails rather than raises."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from ansible_collections.twostep.hotswap.plugins.action import plan as action

SLOT = {"slot": "vol0", "family": "remap", "version": "1.0.0", "state": "serving", "parked": "", "generation": 1}
HOT = {"results": [{"item": {"slot": "vol0"}, "slot": "vol0", "verdict": "hot", "mode": "handover", "reasons": []}]}
WANTED = {"fleet": "storage", "family": "remap", "version": "1.1.0"}


class HostVars(dict):
    def raw_get(self, host: str) -> object:
        return self[host]


def host(version: str = "1.0.0", **more: object) -> dict:
    return {"__twostep_slots": {"slots": [{**SLOT, "version": version}]}, **more}


@pytest.fixture
def shown(monkeypatch) -> list:
    lines: list = []
    monkeypatch.setattr(action.display, "display", lambda line, *_rest, **_more: lines.append(line))
    return lines


def run(options: dict, hosts: dict, **task_vars: object) -> dict:
    task = MagicMock(args=options, async_val=0, check_mode=False, diff=False)
    plugin = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return plugin.run(task_vars={"groups": {"storage": list(hosts)}, "hostvars": HostVars(hosts), **task_vars})


def test_inputs_give_a_run_and_ask_no_host() -> None:
    result = run({"stage": "inputs", **WANTED}, {"n1": {}})
    assert (result["family"], result["version"], result["fleet"], result["changed"]) == ("remap", "1.1.0", "storage", False)
    assert result["started"].endswith("Z")
    assert result["run_id"] != run({"stage": "inputs", **WANTED}, {"n1": {}})["run_id"]


@pytest.mark.parametrize(
    ("change", "hosts", "code"),
    [
        ({}, {}, "empty_fleet"),
        ({"version": 1.1}, {"n1": {}}, "bad_version"),
        ({"family": "../x"}, {"n1": {}}, "bad_family"),
        ({"wave_size": 0}, {"n1": {}}, "bad_wave_size"),
        ({"canary": -1}, {"n1": {}}, "bad_canary"),
        ({"max_failures": -1}, {"n1": {}}, "bad_max_failures"),
    ],
)
@pytest.mark.parametrize("stage", ["inputs", "plan", "check"])
def test_bad_inputs_fail_the_task(stage: str, change: dict, hosts: dict, code: str) -> None:
    result = run({"stage": stage, **WANTED, **change}, hosts)
    assert (result["failed"], result["changed"], result["code"]) == (True, False, code)
    assert " Next: " in result["msg"]


def test_a_run_that_replaces_modules() -> None:
    result = run({"stage": "reload", "fleet": "storage", "modules": ["vendor_b", "vendor"]}, {"n1": {}})
    assert (result["modules"], result["fleet"], result["changed"]) == (["vendor_b", "vendor"], "storage", False)
    assert result["started"].endswith("Z")
    assert result["run_id"]


@pytest.mark.parametrize(
    ("modules", "hosts", "code"),
    [(["vendor"], {}, "empty_fleet"), ([], {"n1": {}}, "no_modules"), (["twostep", "vendor"], {"n1": {}}, "parent_alone")],
)
def test_bad_modules_fail_the_task(modules: list, hosts: dict, code: str) -> None:
    result = run({"stage": "reload", "fleet": "storage", "modules": modules}, hosts)
    assert (result["failed"], result["changed"], result["code"]) == (True, False, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"windows": ["22:00"]}, "bad_window"), ({"time_zone": "Europe/Wien"}, "bad_time_zone"), ({"time_zone": "../x"}, "bad_time_zone")],
)
def test_bad_windows_fail_before_any_host_is_asked(change: dict, code: str) -> None:
    assert run({"stage": "inputs", **WANTED, **change}, {"n1": {}})["code"] == code
    assert run({"stage": "reload", "fleet": "storage", "modules": ["vendor"], **change}, {"n1": {}})["code"] == code


def test_the_plan_is_returned_and_shown(shown: list) -> None:
    result = run(WANTED, {"n1": host(), "n2": host("1.1.0")})
    assert (result["order"], result["serial"]) == (["n1"], [1])
    assert shown == [
        "WAVE        HOST  SLOT  FROM   TO     VERDICT  REASON",
        "1 (canary)  n1    vol0  1.0.0  1.1.0  pending  not built yet, verdict after the build",
        "-           n2    vol0  1.1.0  1.1.0  current  already serves 1.1.0",
        f"1 waves, digest {result['digest'][:12]}",
    ]
    assert result["summary"] == shown[:-1]


def test_waves_follow_where_the_hosts_stand(shown: list) -> None:
    stand = {"n1": {"domain": "a", "apart": []}, "n2": {"domain": "b", "apart": []}, "n3": {"domain": "a", "apart": []}}
    result = run({**WANTED, "wave_size": 3}, {name: host(__twostep_place=place) for name, place in stand.items()})
    assert result["waves"] == [["n1"], ["n3"], ["n2"]]
    assert [line.partition("  ")[0] for line in shown[1:4]] == ["1 (canary, a)", "2 (a)", "3 (b)"]


def test_a_bad_place_fails_the_task() -> None:
    assert run(WANTED, {"n1": host(__twostep_place={"apart": "etcd"})})["code"] == "bad_place"


DRIFT = [{"code": "file_other", "message": "It differs."}]


def test_drift_is_shown_with_the_plan_and_not_again(shown: list) -> None:
    hosts = {"n1": {**host(__twostep_compat=HOT), "__twostep_slots": {"slots": [{**SLOT, "drift": DRIFT}]}}}
    assert run(WANTED, hosts)["drift"] == ["drift: n1/vol0: It differs."]
    assert shown[-1] == "drift: n1/vol0: It differs."
    assert run({"stage": "check", **WANTED}, hosts)["drift"] == []
    assert shown.count("drift: n1/vol0: It differs.") == 1


def test_status_notes_drift(shown: list) -> None:
    run({"stage": "status", "fleet": "storage"}, {"n1": {"__twostep_slots": {"slots": [{**SLOT, "drift": DRIFT}]}}})
    assert shown[1] == "n1    vol0  remap   1.0.0    serving  -       1           drift: file_other"


def test_after_the_build_the_verdicts_are_in_it(shown: list) -> None:
    result = run({"stage": "check", **WANTED}, {"n1": host(__twostep_compat=HOT)})
    assert result["hosts"]["n1"]["hops"] == [[{"slot": "vol0", "version": "1.1.0", "mode": "handover"}]]
    assert "1 (canary)  n1    vol0  1.0.0  1.1.0  hot      compatible" in shown


def test_a_slot_is_taken_down_only_where_that_is_allowed() -> None:
    reason = {"axis": "state", "code": "schema_none", "level": "warm", "message": "No schema.", "next_step": "Go through another."}
    told = {"results": [{"item": {"slot": "vol0"}, "slot": "vol0", "verdict": "warm", "mode": None, "reasons": [reason]}]}
    hosts = {"n1": host(__twostep_compat=told)}
    for options in ({}, {"warm": False}):
        assert run({"stage": "check", **WANTED, **options}, hosts)["code"] == "plan_refused"
    allowed = run({"stage": "check", **WANTED, "warm": True}, hosts)
    assert allowed["hosts"]["n1"]["hops"] == [[{"slot": "vol0", "version": "1.1.0", "mode": "warm"}]]


def test_after_the_build_a_missing_verdict_refuses(shown: list) -> None:
    result = run({"stage": "check", **WANTED}, {"n1": host()})
    assert (result["failed"], result["code"]) == (True, "plan_refused")
    assert result["refusals"] == [{"host": "n1", "slot": "vol0", "reason": "the host gave no verdict on the built file"}]
    assert shown == []


def test_nothing_to_do_is_said_once(shown: list) -> None:
    run(WANTED, {"n1": host("1.1.0")})
    run({"stage": "check", **WANTED}, {"n1": host("1.1.0")})
    assert shown.count("Nothing to do.") == 1


def test_status_shows_all_slots_and_those_who_told_nothing(shown: list) -> None:
    hosts = {"n2": {"__twostep_slots": {"unreachable": True, "msg": "gone"}}, "n1": host(), "n3": {"__twostep_slots": {"slots": []}}}
    result = run({"stage": "status", "fleet": "storage"}, hosts)
    assert not result.get("failed")
    assert shown == [
        "HOST  SLOT  FAMILY  VERSION  STATE    PARKED  GENERATION  NOTE",
        "n1    vol0  remap   1.0.0    serving  -       1           -",
        "n2    -     -       -        -        -       -           unreachable: gone",
        "n3    -     -       -        -        -       -           no slot",
    ]


def test_status_of_an_empty_fleet_fails() -> None:
    assert run({"stage": "status", "fleet": "storage"}, {})["code"] == "empty_fleet"


MARK = {
    "family": "remap", "version": "1.1.0", "srcversion": "AB12", "at": "2026-01-31T23:59:58Z", "run_id": "run-a", "found_on": "n1",
    "reason": "errors_up",
}  # fmt: skip
BUILT = {"results": [{**HOT["results"][0], "srcversion": "AB12"}]}


def marked() -> dict:
    return {"n1": host(__twostep_compat=BUILT), "n2": {"__twostep_slots": {"slots": [{**SLOT, "version": "1.1.0"}], "rejected": [MARK]}}}


def test_a_rejected_build_is_shown_and_refused_after_the_build_and_consent_names_the_marks(shown: list) -> None:
    line = "rejected: n2: remap 1.1.0 (build AB12), rejected at 2026-01-31T23:59:58Z by run run-a, on evidence of n1: errors_up"
    run({"stage": "status", "fleet": "storage"}, marked())
    assert shown[-1] == line
    assert run({"stage": "plan", **WANTED}, marked())["drift"] == [line]
    refused = run({"stage": "check", **WANTED}, marked())
    assert (refused["failed"], refused["code"]) == (True, "version_rejected")
    made = run({"stage": "check", **WANTED, "accept_rejected": True}, marked())
    assert made["accepted"] == [{"host": "n2", "family": "remap", "version": "1.1.0"}]


def back(verdict: str, host: str = "n1") -> dict:
    """Return what the stage says of a host that is to be taken back to 0.9.0."""
    told = {"results": [{"item": {"key": "vol0"}, "slot": "vol0", "verdict": verdict, "mode": "handover", "reasons": []}]}
    warm = {"results": [{"item": {"slot": "vol0"}, "mode": "warm", "outcome": "swapped"}]}
    hosts = {
        "n1": {"__twostep_slots_back": {"slots": [SLOT]}, "__twostep_compat_back": told, "__twostep_swap": warm},
        "localhost": {"__twostep_roll_back": {"verdict": "roll_back", "back": {"n1": {"vol0": "0.9.0"}}}},
    }
    return run({"stage": "back", "family": "remap", "warm": True}, hosts, inventory_hostname=host)


@pytest.mark.parametrize(("verdict", "mode"), [("hot", "handover"), ("warm", "warm")])
def test_a_way_back(verdict: str, mode: str) -> None:
    assert back(verdict)["hops"] == [[{"slot": "vol0", "version": "0.9.0", "mode": mode}]]


def test_no_way_back() -> None:
    told = back("refuse")
    assert (told["failed"], told["code"]) == (True, "no_way_back")
