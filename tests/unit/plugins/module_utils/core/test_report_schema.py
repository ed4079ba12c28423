# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator of reports and the shipped JSON Schema hold each other."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import fleet, outcome, plan, report
from ansible_collections.twostep.hotswap.plugins.module_utils.core.soak import CODES

SCHEMA = json.loads((Path(__file__).resolve().parents[5] / "docs/schemas/report.schema.json").read_text(encoding="utf-8"))
RUN = {"run_id": "20260101t120000z-abcdef", "started": "2026-01-01T12:00:00Z", "family": "remap", "version": "1.1.0"}
ITEM = {"slot": "vol0", "mode": "handover"}
GATE = {"source": "md", "subject": "md0", "host": "n1", "verdict": "ok", "reason": "Fine."}
SWAP = {"results": [{"item": ITEM, "hold_ms": 5.5, "held_requests": 1, "phases": [{"phase": "swap", "event": "end", "at": "now"}]}]}


def planned(version: str, state: str = "serving") -> dict:
    facts = {"n1": fleet.Facts((fleet.Slot("vol0", "remap", version, state, None, 1),))}
    compat = {"n1": {"vol0": fleet.Compat("hot", "handover", "")}}
    return plan.as_dict(plan.make(["n1"], facts, compat, plan.Policy("remap", "1.1.0", 1, 1), False))


def build(made: dict, host: dict, halted: bool, intent: str = "upgrade", io: object = None) -> dict:
    known = {"n1": host, "localhost": {"__twostep_run": RUN, "__twostep_plan": made}}
    return report.build(["n1"], known, intent, halted, "2026-01-01T12:05:00Z", io)


DONE = {"__twostep_gate_before": {"gates": [GATE]}, "__twostep_swap": SWAP, "__twostep_commit": SWAP}
GONE = {"__twostep_slots": {"unreachable": True, "msg": "gone"}}
BUILT = {"steps": [{"action": "build", "seconds": 2.5}, {"action": "install", "seconds": 1}]}
PLACED = {
    "steps": [{"action": "place", "seconds": 0.5}],
    "binaries": [{"taken": True, "built_on": "builder1", "build_seconds": 2.5}],
}
REPORTS = {
    "succeeded": build(planned("1.0.0"), DONE, False, io={"errors": 0, "verify_errors": 0, "max_latency_ms": 2.5}),
    "rolled_back": build(planned("1.0.0"), DONE, False, intent="rollback"),
    "nothing_to_do": build(planned("1.1.0"), {}, False),
    "halted": build({}, GONE, True),
}


@pytest.mark.parametrize("result", sorted(REPORTS))
def test_every_result_obeys_the_schema(result: str) -> None:
    assert REPORTS[result]["result"] == result
    jsonschema.Draft202012Validator(SCHEMA).validate(REPORTS[result])


@pytest.mark.parametrize(("register", "how"), [(BUILT, "here"), (PLACED, "shipped"), ({**PLACED, "binaries": [{"taken": 1}]}, "shipped")])
def test_where_a_module_comes_from_obeys_the_schema(register: dict, how: str) -> None:
    made = build(planned("1.0.0"), {**DONE, "__twostep_build": register}, False)
    assert made["nodes"][0]["build"]["how"] == how
    jsonschema.Draft202012Validator(SCHEMA).validate(made)


def test_the_soak_of_a_host_obeys_the_schema() -> None:
    lines = {"slot": "vol0", "message": "Two.", "evidence": ["child_errors +2"]}
    findings = [{"host": "n1", "code": code, **lines} for code in CODES]
    made = build(planned("1.0.0"), {**DONE, "__twostep_soak_after": {"judged": ["n1"], "findings": findings}}, False)
    soak = made["nodes"][0]["soak"]
    assert (soak["verdict"], [one["code"] for one in soak["findings"]]) == ("not_ok", list(CODES))
    jsonschema.Draft202012Validator(SCHEMA).validate(made)


@pytest.mark.parametrize("outcome", ["reloaded", "returned"])
def test_a_run_that_replaces_modules_obeys_the_schema(outcome: str) -> None:
    told = {"outcome": outcome, "failed": outcome == "returned", "msg": "It failed.", "phases": SWAP["results"][0]["phases"]}
    modules = {"modules": [{"name": "vendor", "loaded": "1.0 (aaaa)"}], "replaced": ["vendor"]}
    registers = {"__twostep_kept": modules, "__twostep_look": modules, "__twostep_reload": {**modules, **told}}
    run = {**{key: RUN[key] for key in ("run_id", "started")}, "modules": ["vendor"]}
    hosts = {"n1": {**registers, "__twostep_gate_before": {"gates": [GATE]}}, "localhost": {"__twostep_run": run}}
    made = report.build(["n1"], hosts, "upgrade", outcome == "returned", "2026-01-01T12:05:00Z", None)
    assert (made["nodes"][0]["from"], made["nodes"][0]["mode"]) == ("vendor 1.0 (aaaa)", "warm")
    jsonschema.Draft202012Validator(SCHEMA).validate(made)


def test_the_schema_itself_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_exactly_the_words_and_fields_of_the_generator() -> None:
    node = SCHEMA["$defs"]["node"]
    assert SCHEMA["properties"]["schema"]["const"] == SCHEMA["$id"] == report.SCHEMA
    assert tuple(SCHEMA["properties"]["result"]["enum"]) == report.RESULTS
    assert tuple(node["properties"]["outcome"]["enum"]) == outcome.OUTCOMES
    assert node["properties"]["verdict"]["enum"] == [*fleet.VERDICTS, plan.PENDING, None]
    assert node["properties"]["mode"]["enum"] == [*fleet.MODES, None]
    made = build(planned("1.0.0"), {**DONE, "__twostep_build": PLACED}, False)
    told = node["properties"]["build"]["oneOf"][1]
    assert set(told["required"]) == set(told["properties"]) == set(made["nodes"][0]["build"])
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"]) == set(made)
    assert set(node["required"]) == set(node["properties"]) == set(made["nodes"][0])


@pytest.mark.parametrize(
    "change", [{"result": "fine"}, {"extra": 1}, {"version": "1.1"}, {"nodes": [{}]}, {"io": {}}, {"finished": "today"}]
)
def test_the_schema_refuses_something_else(change: dict) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate({**REPORTS["succeeded"], **change})
