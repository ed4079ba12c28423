# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An act before witnesses: what keeps it from beginning, and its time. The module and the sessions are pretended here."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.playbook.play_context import PlayContext

from ansible_collections.twostep.hotswap.plugins.module_utils.core.witness import Sight
from ansible_collections.twostep.hotswap.plugins.plugin_utils import witnessed

ACTED = {"outcome": "acted", "changed": True}
WITNESS = {"fleet": "storage", "sources": ["md"]}


class Action(witnessed.WitnessedAction):
    MODULE = "twostep.hotswap.act"
    WHAT = "act"


def sight(*verdicts: str) -> Sight:
    seen = Sight("n2")
    for at, verdict in enumerate(verdicts):
        seen.take({"answers": [{"source": "md", "verdict": verdict, "reason": f"md is {verdict}."}]}, float(at))
    return seen


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs an action on n1 of n1 and n2; ``asked`` has what the module was asked for."""

    def go(before: Sight, after: Sight) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []
        looks = iter([[before], [after]])
        watching = MagicMock(left={}, **{"await_samples.side_effect": lambda _count: next(looks)})
        watching.__enter__.return_value = watching
        watching.__exit__.return_value = None

        def execute(module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
            del task_vars
            assert module_name == "twostep.hotswap.act"
            asked.append(module_args)
            return dict(ACTED)

        monkeypatch.setattr(witnessed, "Witness", lambda *_unused: watching)
        monkeypatch.setattr(witnessed.reach.ssh_config, "lookup", lambda _path, _host: {})
        task = MagicMock(args={"modules": ["twostep"], "timeout_s": 30, "witness": WITNESS}, async_val=0, check_mode=False, diff=False)
        task.dump_attrs = dict
        plugin = Action(task, MagicMock(), PlayContext(), MagicMock(), MagicMock(), None)
        monkeypatch.setattr(plugin, "_execute_module", execute)
        hosts: dict[str, Any] = {"n1": {}, "n2": {}}
        hostvars = MagicMock(**{"raw_get.side_effect": hosts.get, "__getitem__.side_effect": hosts.get, "__contains__.return_value": True})
        task_vars = {"inventory_hostname": "n1", "groups": {"storage": list(hosts)}, "hostvars": hostvars}
        return {**plugin.run(task_vars=task_vars), "asked": asked}

    return go


def test_the_peers_are_watched_and_their_time_is_taken_off(run: Any) -> None:
    result = run(sight("ok"), sight("ok"))
    ((asked),) = result["asked"]
    assert asked["modules"] == ["twostep"]
    assert 0 < asked["timeout_s"] < 30
    assert "witness" not in asked
    assert (result["outcome"], result.get("failed")) == ("acted", None)
    assert [peer["verdict"] for peer in result["witness"]["peers"]] == ["ok"]


def test_a_peer_that_is_not_well_keeps_it_from_beginning(run: Any) -> None:
    result = run(sight("not_ok"), sight("ok"))
    assert (result["asked"], result["failed"], result["changed"], result["code"]) == ([], True, False, "witness")
    assert result["msg"].startswith("The act was not begun. n2: md: md is not_ok. Next: ")
