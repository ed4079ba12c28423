# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as data: outcomes, reasons, and hostile hosts."""

from __future__ import annotations

import json

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import report
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

RUN = {"run_id": "20260101t120000z-abcdef", "started": "2026-01-01T12:00:00Z", "family": "remap", "version": "1.1.0"}
FINISHED = "2026-01-01T12:05:00Z"
ITEM = {"slot": "vol0", "mode": "handover"}
SWAPPED = {
    "results": [
        {
            "item": ITEM,
            "changed": True,
            "mode": "handover",
            "hold_ms": 1.234567,
            "held_requests": 7,
            "phases": [{"phase": "swap", "event": "end", "at": "2026-01-01T12:01:00Z", "duration_ns": 2500000}],
        }
    ]
}
COMMITTED = {"results": [{"item": ITEM, "phases": [{"phase": "commit", "event": "end", "at": "2026-01-01T12:01:05Z"}]}]}
ARMED = {"results": [{"item": ITEM, "outcome": "armed", "mode": "cold"}]}
BOOTED = {"results": [{"item": ITEM, "outcome": "already"}]}
BACK = {"results": [{"item": {"item": ITEM, "from": "1.0.0"}, "outcome": "committed"}]}
GONE = {"unreachable": True, "msg": "All items completed", "results": [{"item": ITEM, "unreachable": True, "msg": "gone"}]}
OPEN = {"gates": [{"source": "md", "subject": "md0", "host": "n1", "verdict": "ok", "reason": "Fine."}]}
CLOSED = {"failed": True, "msg": "n1 must not be touched now.", "code": "gate_closed", "gates": []}


def planned(act: str = "swap", wave: int | None = 1) -> dict:
    slot = {"slot": "vol0", "act": act, "from": "1.0.0", "verdict": "hot", "mode": "handover", "reason": "compatible"}
    if act == "none":
        slot.update(verdict="current", mode=None, reason="already serves 1.1.0", **{"from": "1.1.0"})
        wave = None
    return {"from": "1.0.0", "to": "1.1.0", "verdict": "hot", "reason": "compatible", "wave": wave, "slots": [slot]}


def plan(**hosts: dict) -> dict:
    return {"order": [host for host in hosts if hosts[host]["wave"]], "digest": "0" * 64, "hosts": hosts}


def build(made: dict | None, hosts: dict, halted: bool = False, intent: str = "upgrade", io: object = None, **controller: object) -> dict:
    fleet = list(hosts)
    known = {**hosts, "localhost": {"__twostep_run": RUN, "__twostep_plan": made or {}, **controller}}
    return report.build(fleet, known, intent, halted, FINISHED, io)


def test_a_run_that_succeeded() -> None:
    host = {"__twostep_gate_before": OPEN, "__twostep_swap": SWAPPED, "__twostep_gate_after": OPEN, "__twostep_commit": COMMITTED}
    made = build(plan(n1=planned()), {"n1": host})
    assert made == {
        "schema": "twostep.hotswap.report/1",
        "collection_version": report.VERSION,
        "run_id": "20260101t120000z-abcdef",
        "result": "succeeded",
        "reason": None,
        "failures": [],
        "roll_back": None,
        "family": "remap",
        "version": "1.1.0",
        "modules": None,
        "digest": "0" * 64,
        "started": "2026-01-01T12:00:00Z",
        "finished": FINISHED,
        "nodes": [
            {
                "host": "n1",
                "slot": "vol0",
                "from": "1.0.0",
                "to": "1.1.0",
                "verdict": "hot",
                "mode": "handover",
                "outcome": "upgraded",
                "reason": "compatible",
                "hold_ms": 1.235,
                "held_requests": 7,
                "wave": 1,
                "gates": [{"source": "md", "subject": "md0", "host": "n1", "verdict": "ok", "reason": "Fine."}] * 2,
                "soak": None,
                "phases": [
                    {"phase": "swap", "event": "end", "at": "2026-01-01T12:01:00Z", "duration_ms": 2.5},
                    {"phase": "commit", "event": "end", "at": "2026-01-01T12:01:05Z", "duration_ms": None},
                ],
                "build": None,
            }
        ],
        "io": {"errors": None, "verify_errors": None, "max_latency_ms": None},
    }
    assert report.headline(made) == "succeeded: 1 of 1 slots of family remap went to 1.1.0 in this run"


def test_what_a_witness_has_seen_are_gates() -> None:
    peer = {"host": "n2", "verdict": "ok", "reason": "n2: Fine.", "samples": 7, "longest_gap_ms": 900}
    swapped = {"results": [{**SWAPPED["results"][0], "witness": {"peers": [peer], "left": {}}}]}
    node = build(plan(n1=planned()), {"n1": {"__twostep_swap": swapped, "__twostep_commit": COMMITTED}})["nodes"][0]
    assert node["gates"] == [{"source": "witness", "subject": "peer", "host": "n2", "verdict": "ok", "reason": "n2: Fine."}]


def test_a_soak_that_failed_is_the_reason_of_the_halt_and_the_slot_is_back() -> None:
    found = {"host": "n1", "slot": "vol0", "code": "errors_up", "message": "Two.", "evidence": []}
    failed = {"failed": True, "msg": "The new version does not stay on n1.", "code": "soak_failed", "judged": ["n1"], "findings": [found]}
    made = build(
        plan(n1=planned()), {"n1": {"__twostep_swap": SWAPPED, "__twostep_soak_swapped": failed, "__twostep_back": BACK}}, halted=True
    )
    assert made["reason"] == {"host": "n1", "phase": "soak, swapped", "code": "soak_failed", "message": failed["msg"]}
    assert (made["nodes"][0]["outcome"], made["nodes"][0]["soak"]["verdict"]) == ("returned", "not_ok")


@pytest.mark.parametrize(("code", "outcome"), [("returned", "returned"), ("stale_generation", "unknown"), ("write_failed", "uncommitted")])
def test_a_commit_that_came_too_late(code: str, outcome: str) -> None:
    late = {"failed": True, "msg": "No.", "results": [{"item": ITEM, "failed": True, "msg": "No.", "code": code}]}
    made = build(plan(n1=planned()), {"n1": {"__twostep_swap": SWAPPED, "__twostep_commit": late}}, halted=True)
    assert made["nodes"][0]["outcome"] == outcome


def test_several_hops_are_told_as_one() -> None:
    first = {"results": [{**SWAPPED["results"][0], "hold_ms": 9.5, "held_requests": 2}]}
    host = {"__twostep_earlier": [first, COMMITTED], "__twostep_swap": SWAPPED, "__twostep_commit": COMMITTED}
    node = build(plan(n1=planned()), {"n1": host})["nodes"][0]
    assert (node["hold_ms"], node["held_requests"], node["outcome"]) == (9.5, 9, "upgraded")
    assert [phase["phase"] for phase in node["phases"]] == ["swap", "commit", "swap", "commit"]


def test_a_commit_of_an_earlier_hop_is_none_of_the_last_one() -> None:
    host = {"__twostep_earlier": [SWAPPED, COMMITTED], "__twostep_swap": SWAPPED, "__twostep_commit": {}}
    assert build(plan(n1=planned()), {"n1": host}, halted=True)["nodes"][0]["outcome"] == "uncommitted"


def test_a_rollback_that_succeeded() -> None:
    made = build(plan(n1=planned()), {"n1": {"__twostep_swap": SWAPPED, "__twostep_commit": COMMITTED}}, intent="rollback")
    assert made["result"] == "rolled_back"


def test_nothing_to_do() -> None:
    made = build(plan(n1=planned("none")), {"n1": {}})
    assert (made["result"], made["nodes"][0]["outcome"]) == ("nothing_to_do", "current")


@pytest.mark.parametrize(
    ("registers", "outcome"),
    [
        ({}, "untouched"),
        ({"__twostep_gate_before": CLOSED}, "untouched"),
        ({"__twostep_swap": SWAPPED}, "uncommitted"),
        ({"__twostep_swap": SWAPPED, "__twostep_gate_after": CLOSED}, "uncommitted"),
        ({"__twostep_swap": SWAPPED, "__twostep_commit": {"results": [{"item": ITEM, "failed": True, "msg": "No."}]}}, "uncommitted"),
        ({"__twostep_swap": SWAPPED, "__twostep_commit": {"results": [{"item": ITEM, "skipped": True}]}}, "uncommitted"),
        ({"__twostep_swap": SWAPPED, "__twostep_commit": COMMITTED}, "upgraded"),
        ({"__twostep_swap": GONE}, "unknown"),
        ({"__twostep_swap": {"unreachable": True, "msg": "gone"}}, "unknown"),
        ({"__twostep_swap": {"failed": True, "results": [{"item": ITEM, "failed": True, "timedout": {"period": 600}}]}}, "unknown"),
        ({"__twostep_swap": SWAPPED, "__twostep_commit": GONE}, "unknown"),
        ({"__twostep_swap": {"results": [{"item": ITEM, "failed": True, "outcome": "returned", "msg": "Late."}]}}, "returned"),
        ({"__twostep_swap": {"results": [{"item": ITEM, "failed": True, "outcome": "failed", "msg": "Bad."}]}}, "failed"),
        ({"__twostep_swap": {"results": [{"item": ITEM, "failed": True, "outcome": "refused", "msg": "Bad."}]}}, "untouched"),
        ({"__twostep_swap": {"results": [{"item": ITEM, "failed": True, "code": "still_running", "msg": "Slow."}]}}, "unknown"),
        ({"__twostep_swap": {"results": [{"item": ITEM, "failed": True, "code": "agent_died", "msg": "Killed."}]}}, "unknown"),
        ({"__twostep_swap": {"results": [{"item": ITEM, "failed": True, "code": "needs_two_step", "msg": "No."}]}}, "failed"),
        ({"__twostep_swap": {"failed": True, "msg": "Bad argument."}}, "failed"),
        ({"__twostep_swap": {"skipped": True}}, "untouched"),
        ({"__twostep_swap": ARMED}, "uncommitted"),
        ({"__twostep_swap": ARMED, "__twostep_reboot": {"failed": True, "msg": "Timed out."}}, "unknown"),
        (
            {"__twostep_swap": ARMED, "__twostep_boot": {"results": [{"item": ITEM, "failed": True, "code": "returned", "msg": "No."}]}},
            "returned",
        ),
        (
            {
                "__twostep_swap": ARMED,
                "__twostep_boot": {"results": [{"item": ITEM, "failed": True, "code": "trial_missed", "msg": "No."}]},
            },
            "uncommitted",
        ),
        ({"__twostep_swap": ARMED, "__twostep_boot": {"results": [{"item": ITEM, "unreachable": True, "msg": "gone"}]}}, "unknown"),
        ({"__twostep_swap": ARMED, "__twostep_boot": BOOTED}, "uncommitted"),
        ({"__twostep_swap": ARMED, "__twostep_boot": BOOTED, "__twostep_commit": COMMITTED}, "upgraded"),
        ({"__twostep_swap": SWAPPED, "__twostep_back": BACK}, "returned"),
        ({"__twostep_swap": SWAPPED, "__twostep_back": {"results": [{**BACK["results"][0], "failed": True, "msg": "No."}]}}, "uncommitted"),
        ({"__twostep_swap": SWAPPED, "__twostep_back": {"results": [{**BACK["results"][0], "unreachable": True}]}}, "unknown"),
    ],
)
def test_outcome_of_a_slot(registers: dict, outcome: str) -> None:
    made = build(plan(n1=planned()), {"n1": registers}, halted=True)
    assert made["nodes"][0]["outcome"] == outcome


def test_a_run_with_an_unproved_slot_is_never_a_success() -> None:
    made = build(plan(n1=planned(), n2=planned()), {"n1": {"__twostep_swap": SWAPPED, "__twostep_commit": COMMITTED}, "n2": {}})
    assert made["result"] == "halted"


@pytest.mark.parametrize(
    ("hosts", "controller", "reason"),
    [
        (
            {"n1": {}, "n2": {"__twostep_slots": {"unreachable": True, "msg": "gone"}}},
            {},
            {"host": "n2", "phase": "slots", "code": "unreachable", "message": "unreachable: gone"},
        ),
        (
            {"n1": {"__twostep_swap": GONE}},
            {},
            {"host": "n1", "phase": "swap", "code": "unreachable", "message": "unreachable: gone"},
        ),
        (
            {"n1": {"__twostep_build": {"failed": True, "msg": "It does not compile.", "code": "build_failed"}}},
            {},
            {"host": "n1", "phase": "build", "code": "build_failed", "message": "It does not compile."},
        ),
        (
            {
                "n1": {
                    "__twostep_rehearsal": {"failed": True, "results": [{"failed": True, "msg": "Block 3 is bad.", "code": "corrupt_read"}]}
                }
            },
            {},
            {"host": "n1", "phase": "rehearsal", "code": "corrupt_read", "message": "Block 3 is bad."},
        ),
        (
            {"n1": {"__twostep_gate_before": OPEN, "__twostep_gate_after": CLOSED}},
            {},
            {"host": "n1", "phase": "gate before the commit", "code": "gate_closed", "message": "n1 must not be touched now."},
        ),
        (
            {"n1": {"__twostep_swap": {"failed": True, "results": [{"item": ITEM, "failed": True, "msg": "Late.", "code": "late"}]}}},
            {},
            {"host": "n1", "phase": "swap", "code": "late", "message": "Late."},
        ),
        (
            {"n1": {}},
            {"__twostep_check": {"failed": True, "msg": "Refused.", "code": "plan_refused"}},
            {"host": None, "phase": "check", "code": "plan_refused", "message": "Refused."},
        ),
        (
            {"n1": {"ansible_failed_result": {"failed": True, "msg": "My hook failed."}}},
            {},
            {"host": "n1", "phase": "another task", "code": None, "message": "My hook failed."},
        ),
        ({"n1": {}}, {}, {"host": None, "phase": None, "code": None, "message": "The run ended early; the log of the run tells where."}),
    ],
)
def test_reason_of_a_halt(hosts: dict, controller: dict, reason: dict) -> None:
    made = build(None, hosts, halted=True, **controller)
    assert made["result"] == "halted"
    assert made["reason"] == reason


def test_before_the_plan_every_host_is_a_node_and_the_silent_one_unknown() -> None:
    made = build(
        None, {"n1": {"__twostep_slots": {"slots": []}}, "n2": {"__twostep_slots": {"unreachable": True, "msg": "gone"}}}, halted=True
    )
    assert [(node["host"], node["slot"], node["verdict"], node["outcome"]) for node in made["nodes"]] == [
        ("n1", None, None, "untouched"),
        ("n2", None, None, "unknown"),
    ]
    assert made["digest"] is None


def test_a_refused_verdict_shows_although_the_first_plan_did_not_know_it() -> None:
    first = planned()
    first["slots"][0].update(verdict="pending", mode=None)
    hosts = {"n1": {"__twostep_compat": {"results": [{"item": ITEM, "verdict": "refuse"}]}}}
    refused = {"failed": True, "msg": "Refused.", "code": "plan_refused"}
    assert build(plan(n1=first), hosts, halted=True, __twostep_check=refused)["nodes"][0]["verdict"] == "refuse"


def test_the_plan_checked_after_the_build_is_the_one_reported() -> None:
    first = planned()
    first["slots"][0].update(verdict="pending", reason="not built yet")
    made = build(plan(n1=first), {"n1": {}}, halted=True, __twostep_check=plan(n1=planned()))
    assert (made["nodes"][0]["verdict"], made["nodes"][0]["reason"]) == ("hot", "compatible")


def steps(*actions: str) -> list[dict]:
    return [{"action": action, "seconds": 1.5} for action in actions]


SHIPPED = {"kernel": "6.1.0", "taken": True, "reason": "", "built_on": "builder1", "build_seconds": 20.5}
REFUSED = {"kernel": "6.1.0", "taken": False, "reason": "it is too old", "built_on": "builder1", "build_seconds": 20.5}


@pytest.mark.parametrize(
    ("register", "expected"),
    [
        (None, None),
        ({}, None),
        ({"skipped": True}, None),
        ({"steps": []}, None),
        ({"steps": steps("install")}, None),
        ({"steps": [], "binaries": [SHIPPED]}, None),
        ({"steps": steps("write_source", "add", "build", "install")}, ("here", 6.0, None, None)),
        ({"steps": steps("build", "install"), "binaries": [REFUSED]}, ("here", 3.0, None, None)),
        ({"steps": steps("build", "install"), "binaries": [SHIPPED]}, ("here", 3.0, None, None)),
        ({"steps": steps("add", "place", "install"), "binaries": [SHIPPED]}, ("shipped", 4.5, "builder1", 20.5)),
        ({"steps": steps("place"), "binaries": [REFUSED, SHIPPED]}, ("shipped", 1.5, "builder1", 20.5)),
        ({"steps": [{"action": "place", "seconds": None}], "binaries": [SHIPPED]}, ("shipped", 0.0, "builder1", 20.5)),
        ({"steps": steps("place"), "binaries": [{"taken": True}]}, ("shipped", 1.5, None, None)),
        ({"steps": steps("place")}, ("here", 1.5, None, None)),
        ({"steps": [{"action": ["place"]}, {"action": "build", "seconds": -1}, "place", None]}, ("here", 0.0, None, None)),
        ({"steps": {"action": "build"}}, None),
        ("build", None),
    ],
)
def test_where_a_module_comes_from(register: object, expected: tuple | None) -> None:
    told = build(plan(n1=planned()), {"n1": {"__twostep_build": register}})["nodes"][0]["build"]
    assert told == (expected and dict(zip(("how", "seconds", "built_on", "build_seconds"), expected)))


HOSTILE = [
    "{{ lookup('pipe', 'id') }}",
    "<script>alert(1)</script>",
    "\x1b]0;x\x07",
    "x" * 100000,
    10**400,
    float("nan"),
    None,
    True,
    [],
    {},
]


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_host_changes_neither_the_shape_nor_the_size(word: object) -> None:
    evil: dict = dict.fromkeys(("mode", "hold_ms", "held_requests", "verdict", "outcome", "code", "msg"), word)
    evil["phases"] = [{"phase": word, "event": word, "at": word, "duration_ns": word}] * 1000
    evil["gates"] = [{"source": word, "subject": word, "host": word, "verdict": word, "reason": word}] * 1000
    evil["steps"] = [{"action": "place", "seconds": word}, {"action": word, "seconds": word}] * 1000
    evil["binaries"] = [{"taken": word, "built_on": word, "build_seconds": word}, word] * 1000
    loop = {"failed": True, "msg": word, "results": [{**evil, "item": ITEM}] * 1000, **evil}
    made = build(plan(n1=planned()), {"n1": {name: loop for _phase, name in report.REGISTERS}}, halted=True)
    assert set(made["nodes"][0]) == set(build(plan(n1=planned()), {"n1": {}})["nodes"][0])
    assert set(made["nodes"][0]["build"]) == {"how", "seconds", "built_on", "build_seconds"}
    text = json.dumps(made, allow_nan=False)
    assert "\\u001b" not in text
    assert len(text) < 1_000_000


@pytest.mark.parametrize(
    ("io", "expected"),
    [
        (None, (None, None, None)),
        ({"errors": 0, "verify_errors": 0, "max_latency_ms": 8.25}, (0, 0, 8.25)),
        ({"errors": -1, "verify_errors": "0", "max_latency_ms": None}, (None, None, None)),
        ("text", (None, None, None)),
    ],
)
def test_io(io: object, expected: tuple) -> None:
    told = build(plan(n1=planned("none")), {"n1": {}}, io=io)["io"]
    assert (told["errors"], told["verify_errors"], told["max_latency_ms"]) == expected


def test_without_a_run_there_is_no_report() -> None:
    with pytest.raises(TwostepError) as caught:
        report.build(["n1"], {"localhost": {}}, "upgrade", True, FINISHED, None)
    assert caught.value.code == "no_run"
    assert str(caught.value) == "There is no run to report on: the inputs were not checked on localhost. Next: Run without --limit."


def test_the_failure_that_halts_the_run() -> None:
    made = build(None, {"n1": {"__twostep_gate_before": {**CLOSED, "msg": "n1 must not be touched. Next: Heal it."}}}, halted=True)
    error = report.failure(made, "/r/report.json")
    assert error.code == "halted"
    assert str(error) == (
        "The run is halted at n1, later waves are untouched: n1 must not be touched. Next: Heal it. The report is /r/report.json."
    )
    assert error.data == {"reason": made["reason"]}


def test_the_failure_without_a_cause_of_its_own_tells_what_to_do() -> None:
    error = report.failure(build(None, {"n1": {}}, halted=True), None)
    assert str(error) == (
        "The run is halted, later waves are untouched: The run ended early; the log of the run tells where. "
        "Next: Remove the cause and run the same playbook again; finished hosts are left alone."
    )


def test_headline_of_a_halt_names_the_host_and_the_reason() -> None:
    made = build(plan(n1=planned()), {"n1": {"__twostep_swap": GONE}}, halted=True)
    assert report.headline(made) == ("halted: 0 of 1 slots of family remap went to 1.1.0 in this run; halted at n1: unreachable: gone")


def test_check_mode_has_its_own_line() -> None:
    pending = planned()
    pending["slots"][0]["verdict"] = "pending"
    made = build(plan(n1=pending, n2=planned(), n3=planned("none")), {"n1": {}, "n2": {}, "n3": {}})
    assert report.checked(made) == ("check mode: 2 of 3 slots of family remap would go to 1.1.0; 1 not built yet, verdict after the build")
    assert report.checked(build(plan(n1=planned()), {"n1": {}})) == "check mode: 1 of 1 slots of family remap would go to 1.1.0"
