# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failure budget as an action; what it decides is in core/test_failure_budget.py."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest
import yaml

from ansible_collections.twostep.hotswap.plugins.action import failure_budget as action
from ansible_collections.twostep.hotswap.plugins.modules import failure_budget as documentation
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.core.failed_wave import FLEET, UPGRADED, failed_swap, hosts


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


def run(known: dict, check_mode: bool = False, **options: object) -> dict:
    task = MagicMock(args={"fleet": "storage", "touch": ["n2"], **options}, async_val=0, check_mode=check_mode, diff=False)
    plugin = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return plugin.run(task_vars={"groups": {"storage": FLEET}, "hostvars": HostVars(known)})


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(documentation.DOCUMENTATION)["options"]
    assert set(documented) == set(action.ARGUMENT_SPEC)
    for name, option in action.ARGUMENT_SPEC.items():
        assert {key: documented[name].get(key) for key in ("type", "default", "choices", "required", "elements")} == {
            key: option.get(key) for key in ("type", "default", "choices", "required", "elements")
        }, name


def test_all_that_is_returned_is_documented() -> None:
    told = run(hosts(n2=failed_swap()))
    assert set(told) - {"changed"} <= set(yaml.safe_load(documentation.RETURN))


def test_a_run_goes_on_and_says_so(display: MagicMock) -> None:
    told = run(hosts(n2=failed_swap()), max_failures=1, settled=True)
    assert (told["verdict"], told["left_out"], told["changed"]) == ("go_on", ["n2"], False)
    display.display.assert_called_once_with("1 host has failed, 1 may (twostep_max_failures): the run goes on without n2")


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"on_failure": "roll_back"}, "roll_back"),
        ({}, "halt"),
        ({"on_failure": "roll_back", "intent": "rollback"}, "halt"),
        ({"on_failure": "roll_back", "check_mode": True}, "halt"),
    ],
)
def test_who_takes_back(options: dict, verdict: str) -> None:
    told = run(hosts(n1=UPGRADED, n2=failed_swap()), **options)
    assert (told["verdict"], told["order"]) == (verdict, ["n1"] if verdict == "roll_back" else [])
    assert told["cause"] == {"host": "n2", "phase": "swap", "code": "adopt_failed", "message": "It did not adopt."}


def test_a_number_that_is_none_fails() -> None:
    told = run(hosts(), max_failures=-1)
    assert (told["failed"], told["code"]) == (True, "bad_max_failures")
