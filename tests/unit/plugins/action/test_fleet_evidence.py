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
UPGRADED = {"__twostep_soak_before": {"baselines": {"n1": {"before": look(100, 1000), "early": None}}}}


class HostVars(dict):
    def raw_get(self, host: str) -> dict:
        return self.get(host, {})


def run(monkeypatch, hosts: dict, silent: tuple = (), **options: object) -> dict:
    asked: dict = {}

    def ask_all(targets, program, timeout_s):
        asked.update(hosts=[target.host for target in targets], question=json.loads(program.stdin), timeout_s=timeout_s)
        said = sessions.Reply(0, json.dumps({"evidence": {}}), "")
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


@pytest.mark.parametrize("kept", [None, {}, {"baselines": {"n1": "x"}}, {"baselines": {"n9": UPGRADED}}])
def test_a_host_without_a_baseline_is_none_of_an_earlier_wave(monkeypatch, kept: object) -> None:
    assert run(monkeypatch, {"n1": {"__twostep_soak_before": kept}, "n2": {}})["asked"]["hosts"] == ["n2"]
