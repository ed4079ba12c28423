# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The witness beside a swap: what keeps it from beginning, what takes it back. The module and the sessions are pretended here."""

from __future__ import annotations

import json
from unittest.mock import MagicMock

import pytest
from ansible.playbook.play_context import PlayContext

from ansible_collections.twostep.hotswap.plugins.action import swap as action
from ansible_collections.twostep.hotswap.plugins.module_utils.core.witness import Sight
from ansible_collections.twostep.hotswap.plugins.plugin_utils import witnessed

SWAPPED = {"slot": "data", "outcome": "swapped", "from": "1.0.0", "to": "1.1.0", "mode": "handover", "changed": True}
BACK = {"slot": "data", "outcome": "committed", "from": "1.1.0", "to": "1.0.0", "mode": "handover", "changed": True}
WITNESS = {"fleet": "storage", "sources": ["md"]}


def sight(host: str, *verdicts: str) -> Sight:
    seen = Sight(host)
    for at, verdict in enumerate(verdicts):
        seen.take({"answers": [{"source": "md", "verdict": verdict, "reason": f"md is {verdict}."}]}, float(at))
    return seen


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs the action on n1 of n1 to n3; ``calls`` are those of the module, with who was watched meanwhile."""

    def go(told: list[dict], before: list[Sight], after: list[Sight], left: dict | None = None, check: bool = False, **options) -> dict:
        watched: list[str] = []
        calls: list[tuple] = []
        looks = iter([before, after])

        class Watching:
            def __init__(self, targets, program, silence_s: float) -> None:
                self.left = left or {}
                self.hosts = [target.host for target in targets]
                self.question = json.loads(program.stdin)
                assert silence_s == 60.0

            def __enter__(self):
                watched.extend(self.hosts)
                return self

            def __exit__(self, *_unused) -> None:
                watched.clear()

            def await_samples(self, _count: int) -> list[Sight]:
                return next(looks)

        def execute(module_name: str, module_args: dict, task_vars: dict) -> dict:
            assert module_name == "twostep.hotswap.swap" and task_vars["inventory_hostname"] == "n1"
            calls.append((module_args["version"], module_args.get("commit"), list(watched)))
            return dict(told.pop(0))

        monkeypatch.setattr(witnessed, "Witness", Watching)
        monkeypatch.setattr(witnessed.reach.ssh_config, "lookup", lambda _path, _host: {})
        arguments = {"slot": "data", "version": "1.1.0", "commit": False, **options}
        task = MagicMock(args=arguments, async_val=0, check_mode=check, diff=False)
        task.dump_attrs = dict
        plugin = action.ActionModule(task, MagicMock(), PlayContext(), MagicMock(), MagicMock(), None)
        monkeypatch.setattr(plugin, "_execute_module", execute)
        hosts = {"n1": {}, "n2": {}, "n3": {"ansible_connection": "local"}} if options.get("blind") else {"n1": {}, "n2": {}, "n3": {}}
        arguments.pop("blind", None)
        hostvars = MagicMock(**{"raw_get.side_effect": hosts.get, "__getitem__.side_effect": hosts.get, "__contains__.return_value": True})
        task_vars = {"inventory_hostname": "n1", "groups": {"storage": list(hosts)}, "hostvars": hostvars}
        return {**plugin.run(task_vars=task_vars), "calls": calls}

    return go


WELL = [sight("n2", "ok"), sight("n3", "ok")]


def test_the_peers_are_watched_while_the_module_runs(run) -> None:
    result = run([SWAPPED], WELL, WELL, witness=WITNESS)
    assert result["calls"] == [("1.1.0", False, ["n2", "n3"])]
    assert (result["outcome"], result.get("failed"), result["witness"]["left"]) == ("swapped", None, {})
    assert [peer["verdict"] for peer in result["witness"]["peers"]] == ["ok", "ok"]


@pytest.mark.parametrize("options", [{}, {"witness": {**WITNESS, "policy": "off"}}, {"witness": WITNESS, "check": True}])
def test_nobody_is_watched(run, options: dict) -> None:
    result = run([SWAPPED], [], [], **options)
    assert result["calls"] == [("1.1.0", False, [])]
    assert "witness" not in result


@pytest.mark.parametrize("verdict", ["not_ok", "unknown"])
def test_a_peer_that_is_not_well_keeps_it_from_beginning(run, verdict: str) -> None:
    result = run([SWAPPED], [sight("n2", "ok"), sight("n3", verdict)], WELL, witness=WITNESS)
    assert (result["calls"], result["failed"], result["changed"], result["code"]) == ([], True, False, "witness")
    assert result["msg"].startswith(f"The swap was not begun. n3: md: md is {verdict}. Next: ")


BAD = [sight("n2", "ok", "not_ok", "ok"), sight("n3", "ok")]


@pytest.mark.parametrize("told", [SWAPPED, {**SWAPPED, "mode": "two_step"}, {**SWAPPED, "mode": "cold", "outcome": "armed"}])
def test_a_peer_that_turns_bad_takes_it_back(run, told: dict) -> None:
    result = run([told, BACK], WELL, BAD, witness=WITNESS)
    assert result["calls"] == [("1.1.0", False, ["n2", "n3"]), ("1.0.0", True, [])]
    assert (result["failed"], result["outcome"], result["code"], result["changed"]) == (True, "returned", "witness", True)
    assert "n2: md: md is not_ok. Slot data serves 1.0.0 again." in result["msg"]


def test_a_way_back_that_fails_is_told(run) -> None:
    result = run([SWAPPED, {"failed": True, "msg": "The slot is busy."}], WELL, BAD, witness=WITNESS)
    assert (result["failed"], result["outcome"]) == (True, "failed")
    assert "1.0.0 could not be brought back: The slot is busy." in result["msg"]


@pytest.mark.parametrize("told", [{**SWAPPED, "mode": "warm"}, {**SWAPPED, "mode": "cold"}, {**SWAPPED, "outcome": "committed"}])
def test_a_slot_is_not_taken_down_once_more(run, told: dict) -> None:
    result = run([told], WELL, BAD, witness=WITNESS)
    assert len(result["calls"]) == 1
    assert (result["failed"], result["outcome"]) == (True, "failed")
    assert "Slot data serves 1.1.0." in result["msg"]


@pytest.mark.parametrize(
    "told", [{**SWAPPED, "outcome": "already", "changed": False}, {"failed": True, "outcome": "refused", "msg": "No."}]
)
def test_what_moved_nothing_is_not_taken_back(run, told: dict) -> None:
    result = run([told], WELL, BAD, witness=WITNESS)
    assert len(result["calls"]) == 1
    assert (result["outcome"], result.get("failed")) == (told["outcome"], told.get("failed"))


def test_whether_all_must_be_watched(run) -> None:
    blind = {"blind": True, "left": {"n2": "n2 cannot be asked."}}
    possible = run([SWAPPED], [], [], witness=WITNESS, **blind)
    assert sorted(possible["witness"]["left"]) == ["n2", "n3"]
    required = run([SWAPPED], [], [], witness={**WITNESS, "policy": "required"}, **blind)
    assert (required["calls"], required["code"]) == ([], "witness_blind")
    assert "n2 cannot be asked. So it is with 1 more." in required["msg"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"policy": "maybe"}, "policy must be one of: off, possible, required, got: maybe"),
        ({"interval_s": 0}, "The times of witness must be above zero."),
        ({"sauces": []}, "sauces"),
        ({"sources": None}, "sources"),
    ],
)
def test_bad_input_changes_nothing(run, change: dict, said: str) -> None:
    result = run([SWAPPED], WELL, WELL, witness={**WITNESS, **change})
    assert (result["calls"], result["failed"], result["code"]) == ([], True, "bad_witness")
    assert said in result["msg"]
