# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_plan import Step
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapResult
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.swap_job import Outcome
from ansible_collections.twostep.hotswap.plugins.modules import swap
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

FACTS = {"version": "1.0.0", "state": "serving", "generation": 1, "parked": None, "boot_version": None}
HOT = {"verdict": "hot", "mode": "handover", "reasons": []}


class ExitedError(Exception):
    """Carries what the module said when it ended."""


@pytest.fixture
def fake_parent(tmp_path, monkeypatch) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.install("1.1.0")
    fake.on_start = lambda swap_id: agent.main(["swap", swap_id], fake.world)
    monkeypatch.setattr(swap.world, "real", lambda: fake.world)
    return fake


@pytest.fixture
def call(monkeypatch):
    """Return a function that runs the module with options and returns what it said."""

    def leave(failed: bool):
        def end(_module, **said):
            raise ExitedError({"failed": failed, **said})

        return end

    def run(**options: object) -> dict:
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", leave(False))
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", leave(True))
        monkeypatch.setattr(swap.os, "geteuid", lambda: 0)
        with pytest.raises(ExitedError) as caught:
            swap.main()
        return caught.value.args[0]

    return run


def result(outcome: str, **changes: object) -> SwapResult:
    return SwapResult("data-1", "by-hand", "data", "1.0.0", "1.1.0", "handover", outcome, **changes)


def outcome_of(told: SwapResult | None, action: str = "swap") -> Outcome:
    return Outcome(FACTS, {**FACTS, "version": "1.1.0"}, Step(action, "1.0.0"), HOT, told)


def said(told: SwapResult | None, action: str = "swap") -> dict:
    wanted = swap.wish_from(
        {**{name: spec.get("default") for name, spec in swap.argument_spec().items()}, "slot": "data", "version": "1.1.0"}
    )
    return swap.result_of(wanted, outcome_of(told, action))


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(swap.DOCUMENTATION)["options"]
    spec = swap.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        for key in ("type", "required", "default", "choices"):
            assert documented[name].get(key) == option.get(key), (name, key)


@pytest.mark.parametrize("action", ["swap", "commit"])
def test_everything_that_is_returned_is_documented(action: str) -> None:
    documented = set(yaml.safe_load(swap.RETURN))
    for told in (None, result("committed"), result("failed", code="deadline", message="A.", next_step="B.")):
        assert set(said(told, action)) - {"changed", "diff"} <= documented


def test_fake_parent_a_swap_is_changed(fake_parent: FakeParent, call) -> None:
    told = call(slot="data", version="1.1.0")
    assert (told["failed"], told["changed"], told["outcome"], told["from"], told["to"]) == (False, True, "committed", "1.0.0", "1.1.0")
    assert (told["mode"], told["hold_ms"], told["held_requests"], told["verdict"]) == ("handover", 1.5, 4, "hot")
    assert told["diff"]["before"]["version"] == "1.0.0"
    assert "code" not in told


def test_fake_parent_again_is_not(fake_parent: FakeParent, call) -> None:
    call(slot="data", version="1.1.0")
    told = call(slot="data", version="1.1.0")
    assert (told["failed"], told["changed"], told["outcome"], told["generation_before"], told["generation_after"]) == (
        False, False, "already", 2, 2,
    )  # fmt: skip


def test_fake_parent_check_mode(fake_parent: FakeParent, call) -> None:
    told = call(slot="data", version="1.1.0", commit=False, _ansible_check_mode=True)
    assert (told["failed"], told["changed"], told["outcome"], told["mode"]) == (False, True, "swapped", "handover")
    assert fake_parent.writes == []


def test_fake_parent_a_refusal_is_one_failure_with_a_next_step(fake_parent: FakeParent, call) -> None:
    told = call(slot="data", version="1.2.0")
    assert (told["failed"], told["code"], told["slot"]) == (True, "not_built", "data")
    assert told["msg"].endswith(" Next: Build it with twostep.hotswap.dkms.")
    assert told["next_step"] == "Build it with twostep.hotswap.dkms."
    assert not told.get("changed")


def test_fake_parent_a_failed_swap_says_what_stands(fake_parent: FakeParent, call) -> None:
    fake_parent.refuse["swap"] = 110
    fake_parent.reason = "deadline of 500 ms passed"
    told = call(slot="data", version="1.1.0")
    assert (told["failed"], told["changed"], told["outcome"], told["code"]) == (True, False, "returned", "deadline")
    assert told["msg"] == (
        "The kernel refused to swap to 1.1.0 on slot data: deadline of 500 ms passed (ETIMEDOUT). "
        "Slot data serves 1.0.0 at generation 1. Next: Raise deadline_ms, or swap when the lower device is less busy."
    )


@pytest.mark.parametrize(("before", "after", "changed"), [(1, 1, False), (1, 2, True)])
def test_a_failure_is_changed_only_if_the_generation_moved(before: int, after: int, changed: bool) -> None:
    assert said(result("failed", generation_before=before, generation_after=after))["changed"] is changed


def test_a_commit_alone_has_no_mode() -> None:
    assert said(result("committed"), "commit")["mode"] is None
    assert said(result("committed"))["mode"] == "handover"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"slot": "../x", "version": "1.1.0"}, "bad_slot"),
        ({"slot": "data", "version": 1.1}, "bad_version"),
        ({"slot": "data", "version": "1.1.0", "mode": "warm", "units": ["web.service", "srv.mount"]}, "bad_unit"),
    ],
)
def test_bad_options(fake_parent: FakeParent, call, options: dict, code: str) -> None:
    assert call(**options)["code"] == code
    assert fake_parent.writes == []


def test_fake_parent_a_run_whose_lease_another_has_taken_is_fenced(fake_parent: FakeParent, call) -> None:
    """Also in check mode, and before anything is begun; a call that speaks of no lease is none of a run."""
    LockHost(fake_parent.world.paths).admit(7)
    for check in (True, False):
        told = call(slot="data", version="1.1.0", epoch=6, _ansible_check_mode=check)
        assert (told["failed"], told["code"], told.get("changed", False)) == (True, "fenced", False)
        assert told["msg"].startswith(
            "This run acts under epoch 6, but epoch 7 has been seen here: another run has the fleet. Next: Stop this"
        )
    assert fake_parent.writes == []
    assert call(slot="data", version="1.1.0", epoch=8)["failed"] is False
    assert LockHost(fake_parent.world.paths).read().highest_epoch == 8
    assert call(slot="data", version="1.1.0", epoch=7)["code"] == "fenced"
    assert call(slot="data", version="1.1.0")["failed"] is False
