# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak as an action: what fails, what goes on, and that a host's words are data."""

from __future__ import annotations

from dataclasses import asdict
from unittest.mock import MagicMock

import pytest
import yaml

from ansible_collections.twostep.hotswap.plugins.action import soak as action
from ansible_collections.twostep.hotswap.plugins.module_utils.core.soak import Bounds
from ansible_collections.twostep.hotswap.plugins.modules import soak as documentation
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.soak_sample import look, told

OPTIONS = {"stage": "before", "fleet": "storage", "touch": ["n1"], "evidence": ["asked", "asked_in_turn"]}


class HostVars(dict):
    """Ansible's own, which templates what is looked up in it, and must not be asked so."""

    def raw_get(self, host: str) -> dict:
        return dict.get(self, host, {})

    def __getitem__(self, host: str) -> dict:
        raise AssertionError("a host's words were templated")


@pytest.fixture(autouse=True)
def display(monkeypatch) -> MagicMock:
    display = MagicMock()
    monkeypatch.setattr(action, "display", display)
    return display


def run(asked: object, hosts: dict | None = None, groups: tuple = ("n1", "n2"), **changed: object) -> dict:
    task = MagicMock(args={**OPTIONS, **changed}, async_val=0, check_mode=False, diff=False)
    plugin = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return plugin.run(task_vars={"groups": {"storage": list(groups)}, "hostvars": HostVars(hosts or {}), "asked": asked})


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(documentation.DOCUMENTATION)["options"]
    assert set(documented) == set(action.ARGUMENT_SPEC)
    for name, option in action.ARGUMENT_SPEC.items():
        assert {key: documented[name].get(key) for key in ("type", "default", "choices", "required")} == {
            key: option.get(key) for key in ("type", "default", "choices", "required")
        }, name


def test_bounds_have_one_default_everywhere() -> None:
    assert {name: action.ARGUMENT_SPEC[name]["default"] for name in asdict(Bounds())} == asdict(Bounds())


def kept(errors: int) -> dict:
    """Return the variables of a host after its wave."""
    before = run(told(n1=look(100, 1000)))
    hosts = {"n1": {"__twostep_soak_before": before}}
    after = run(told(n1=look(110, 1100, 2, errors)), hosts, stage="swapped")
    return {"n1": {"__twostep_soak_before": before, "__twostep_soak_swapped": after}}


def test_a_baseline_is_kept(display: MagicMock) -> None:
    result = run(told(n1=look(100, 1000)))
    assert (result["verdict"], result["changed"], result.get("failed"), result["findings"]) == ("ok", False, None, [])
    assert set(result["baselines"]) == {"n1"}
    display.display.assert_not_called()


def test_a_host_of_an_earlier_wave_closes_a_later_one(display: MagicMock) -> None:
    well = run(told(n1=look(200, 2000, 2), n2=look(200, 2000)), kept(0), touch=["n2"])
    assert (well["verdict"], well["judged"]) == ("ok", ["n1"])
    display.display.assert_called_with("soak ok: 1 hosts judged, 1 questions without evidence")
    result = run(told(n1=look(200, 2000, 2, errors=1), n2=look(200, 2000)), kept(0), touch=["n2"])
    assert (result["failed"], result["changed"], result["code"], result["verdict"]) == (True, False, "soak_failed", "not_ok")
    assert result["msg"].startswith(
        "The new version does not go on to, or stay on, n2: n1 data: errors_up, Slot data has failed 1 requests"
    )
    assert [one["host"] for one in result["findings"] if one["code"] == "errors_up"] == ["n1"]


def test_bounds_are_options() -> None:
    asked = told(n1=look(200, 2000, 2, errors=1), n2=look(200, 2000))
    assert run(asked, kept(0), touch=["n2"], max_errors=1)["verdict"] == "ok"
    # Nobody looked at n1 early enough to know its latency before the swap.
    assert run(asked, kept(0), touch=["n2"], max_errors=1, strict=True)["verdict"] == "unknown"
    refused = run(asked, kept(0), touch=["n2"], latency_factor=0.5)
    assert (refused["failed"], refused["code"]) == (True, "bad_soak")


def test_a_host_that_is_silent_is_not_well() -> None:
    assert run(None)["code"] == "soak_failed"
    assert run(told(n2=look(200, 2000)), kept(0), touch=["n2"])["findings"][0]["code"] == "no_evidence"


def test_an_empty_fleet_is_not_a_good_one() -> None:
    assert run(None, groups=())["code"] == "empty_fleet"
