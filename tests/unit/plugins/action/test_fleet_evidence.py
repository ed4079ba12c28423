# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at a fleet: who is asked besides the hosts named, and who is left."""

from __future__ import annotations

import json
from unittest.mock import MagicMock

import pytest
import yaml
from ansible.playbook.play_context import PlayContext

from ansible_collections.twostep.hotswap.plugins.action import fleet_evidence as action
from ansible_collections.twostep.hotswap.plugins.modules import fleet_evidence as documentation
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts, sessions
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import no_session
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.soak_sample import look

OPTIONS = {"fleet": "storage", "family": "remap", "touch": ["n2"]}
ANSWER = {"evidence": {}}
UPGRADED = {"__twostep_soak_before": {"baselines": {"n1": {"before": look(100, 1000), "early": None}}}}


class HostVars(dict):
    def raw_get(self, host: str) -> dict:
        return self.get(host, {})


def run(monkeypatch, hosts: dict, silent: tuple = (), answer: object = None, **options: object) -> dict:
    asked: dict = {}

    def ask_all(targets, program, timeout_s):
        asked.update(hosts=[target.host for target in targets], question=json.loads(program.stdin), timeout_s=timeout_s)
        said = sessions.Reply(0, json.dumps(ANSWER if answer is None else answer), "")
        return {target.host: no_session(target.host, "refused") if target.host in silent else said for target in targets}

    monkeypatch.setattr(all_hosts.sessions, "ask_all", ask_all)
    monkeypatch.setattr(all_hosts.reach.ssh_config, "lookup", lambda _path, _host: {})
    task = MagicMock(args={**OPTIONS, **options}, async_val=0, check_mode=False, diff=False)
    task.dump_attrs = dict
    plugin = action.ActionModule(task, MagicMock(), PlayContext(), MagicMock(), MagicMock(), None)
    return {**plugin.run(task_vars={"groups": {"storage": list(hosts)}, "hostvars": HostVars(hosts)}), "asked": asked}


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(documentation.DOCUMENTATION)["options"]
    assert set(documented) == set(action.ARGUMENT_SPEC)


def test_the_hosts_named_and_those_upgraded_before_them_are_asked(monkeypatch) -> None:
    result = run(monkeypatch, {"n1": UPGRADED, "n2": {}, "n3": {}}, host_timeout_s=7)
    assert (result["asked"]["hosts"], result["asked"]["question"], result["asked"]["timeout_s"]) == (["n1", "n2"], {"family": "remap"}, 7)
    assert result["results"] == [{"evidence": {}, "item": "n1"}, {"evidence": {}, "item": "n2"}]
    assert (result["left"], result["changed"]) == ([], False)


def test_who_cannot_be_asked_so_is_left(monkeypatch) -> None:
    result = run(monkeypatch, {"n1": {**UPGRADED, "ansible_connection": "local"}, "n2": {}, "n3": {}}, ("n2",))
    assert (result["results"], result["left"]) == ([], ["n1", "n2"])


def test_a_family_that_is_none(monkeypatch) -> None:
    result = run(monkeypatch, {"n1": {}, "n2": {}}, family="Remap")
    assert (result["failed"], result["code"]) == (True, "bad_family")


WELL = {"answers": [{"source": "md", "verdict": "ok"}]}


def test_with_sources_all_are_asked_for_both_and_only_those_of_the_run_are_looked_at(monkeypatch) -> None:
    hosts = {"n1": UPGRADED, "n2": {}, "n3": {}, "n4": {}}
    result = run(monkeypatch, hosts, ("n2", "n4"), {"look": ANSWER, "health": WELL}, sources=["md"], timeout_s=3)
    assert result["asked"]["hosts"] == ["n1", "n2", "n3", "n4"]
    question = {"sources": ["md"], "settings": {}, "stall_seconds": 1.0, "timeout_s": 3.0, "sample_gap_s": 0.5}
    assert result["asked"]["question"] == {"family": "remap", "health": question}
    assert result["results"] == [{**ANSWER, "item": "n1"}]
    assert result["health"] == [{**WELL, "item": "n1"}, {**WELL, "item": "n3"}]
    # Who else cannot be asked is of no concern to a look; fleet_health finds that out by itself.
    assert (result["left"], result["asked_at_s"] > 0) == (["n2"], True)


@pytest.mark.parametrize(
    ("answer", "look", "health"),
    [
        ({"look": {"failed": True, "msg": "no parent"}, "health": WELL}, "no parent", None),
        ({"look": ANSWER}, None, "what the host said has no such part"),
        ({"look": [1], "health": WELL}, "what the host said has no such part", None),
        ({"failed": True, "msg": "both"}, "both", "both"),
        ("nonsense", "the question ended with exit status 0: nothing", "the question ended with exit status 0: nothing"),
    ],
)
def test_a_look_that_fails_is_no_bad_health_nor_the_other_way(monkeypatch, answer: object, look: str | None, health: str | None) -> None:
    result = run(monkeypatch, {"n2": {}}, (), answer, sources=["md"])
    assert [one.get("msg") for one in (*result["results"], *result["health"])] == [look, health]
    assert [one.get("failed", False) for one in (*result["results"], *result["health"])] == [look is not None, health is not None]


@pytest.mark.parametrize("kept", [None, {}, {"baselines": {"n1": "x"}}, {"baselines": {"n9": UPGRADED}}])
def test_a_host_without_a_baseline_is_none_of_an_earlier_wave(monkeypatch, kept: object) -> None:
    assert run(monkeypatch, {"n1": {"__twostep_soak_before": kept}, "n2": {}})["asked"]["hosts"] == ["n2"]
