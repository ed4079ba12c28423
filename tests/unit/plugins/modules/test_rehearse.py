# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import signal

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.twostep.hotswap.plugins.module_utils.core.rehearsal import Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.host import rehearsal
from ansible_collections.twostep.hotswap.plugins.module_utils.host.rehearsal import Rehearsal
from ansible_collections.twostep.hotswap.plugins.modules import rehearse
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.rehearsal_double import (
    SIZE_MIB,
    DiskDouble,
    Inline,
    RehearsalDouble,
)


class ExitedError(Exception):
    """Carries what the module said when it ended."""


@pytest.fixture
def fake(tmp_path, monkeypatch) -> RehearsalDouble:
    double = RehearsalDouble(tmp_path)
    double.status.child("twostep_remap_1_0_0")
    monkeypatch.setattr(rehearse.world, "real", lambda: double.world)
    monkeypatch.setattr(
        rehearse,
        "Rehearsal",
        lambda world, wanted, token: Rehearsal(world, wanted, token, Inline, {"nbd": nbd(double), "loop": lambda *_words: DiskDouble()}),
    )
    return double


def nbd(double: RehearsalDouble):
    def make(*_words: object) -> DiskDouble:
        disk = DiskDouble("nbd")
        disk.on_stall = lambda: double.bring_back(double.scratch_slots()[0])
        return disk

    return make


@pytest.fixture
def call(monkeypatch):
    """Return a function that runs the module with options and returns what it said."""
    before = {number: signal.getsignal(number) for number in rehearsal.SIGNALS}

    def leave(failed: bool):
        def end(_module, **said):
            raise ExitedError({"failed": failed, **said})

        return end

    def run(**options: object) -> dict:
        options = {"slot": "data", "version": "1.1.0", "size_mib": SIZE_MIB, **options}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", leave(False))
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", leave(True))
        monkeypatch.setattr(rehearse.os, "geteuid", lambda: 0)
        with pytest.raises(ExitedError) as caught:
            rehearse.main()
        return caught.value.args[0]

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(rehearse.DOCUMENTATION)["options"]
    spec = rehearse.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        for key in ("type", "required", "default", "choices"):
            assert documented[name].get(key) == option.get(key), (name, key)


def test_defaults_are_those_of_the_wish() -> None:
    assert Wish("data", "1.1.0") == rehearse.rehearsal.wish(
        "data", "1.1.0", **{name: spec["default"] for name, spec in rehearse.argument_spec().items() if "default" in spec}
    )
    assert set(rehearsal.DISKS) == {"nbd", "loop"}


def test_fake_parent_passed(fake: RehearsalDouble, call) -> None:
    told = call()
    assert told["failed"] is False
    assert (told["changed"], told["passed"], told["cleaned_up"], told["from"], told["to"]) == (False, True, True, "1.0.0", "1.1.0")
    assert told["expected_hold_ms"] == {"median": 1.5, "max": 1.5, "samples": 5}
    assert fake.scratch_slots() == []


def test_fake_parent_everything_that_is_returned_is_documented(fake: RehearsalDouble, call) -> None:
    told = call()
    documented = yaml.safe_load(rehearse.RETURN)
    assert set(told) - {"changed", "failed"} <= set(documented)
    assert set(told["steps"][0]) == set(documented["steps"]["contains"])


def test_fake_parent_check_mode_plans_only(fake: RehearsalDouble, call) -> None:
    told = call(_ansible_check_mode=True)
    assert (told["changed"], told["passed"]) == (False, None)
    assert told["steps"][0]["action"] == "load"
    assert fake.writes == []


def test_fake_parent_nothing_to_rehearse(fake: RehearsalDouble, call) -> None:
    assert (call(version="1.0.0")["passed"], fake.writes) == (True, [])


def test_fake_parent_a_failure_is_never_changed(fake: RehearsalDouble, call) -> None:
    fake.on_swap = lambda slot, _version: fake.set(slot, child__reads=1)
    told = call()
    assert (told["failed"], told["changed"], told["passed"], told["code"]) == (True, False, False, "counter_lost")
    assert told["msg"].startswith("From 1.0.0 to 1.1.0 the child's file reads went from 3 to 1. Next: ")
    assert told["data"]["file"] == "reads"
    assert told["reasons"][0]["evidence"] == told["data"]
    assert told["cleaned_up"] is True


def test_fake_parent_what_rules_it_out(fake: RehearsalDouble, call) -> None:
    told = call(version="3.0.0")
    assert (told["failed"], told["code"], told["slot"]) == (True, "not_built", "data")
    assert call(size_mib=1)["code"] == "bad_size"
    assert fake.writes == []


def test_fake_parent_without_root(fake: RehearsalDouble, call, monkeypatch) -> None:
    monkeypatch.setattr(rehearse, "check_root", lambda _euid: rehearse.rehearsal.wish("data", "x"))
    assert call()["code"] == "bad_version"
    assert fake.writes == []


@pytest.mark.parametrize("number", rehearsal.SIGNALS)
def test_fake_parent_a_signal_takes_it_down(fake: RehearsalDouble, call, number: int) -> None:
    # raise_signal reaches this thread, at this moment; the pretended swap, unlike a real one, must not be interrupted half way.
    fake.on_swap = lambda _slot, _version: signal.raise_signal(number)
    told = call()
    assert (told["failed"], told["code"]) == (True, "interrupted")
    assert told["msg"] == "The rehearsal was interrupted and is taken down. Next: Run it again."
    assert fake.scratch_slots() == []
    assert signal.getsignal(number) is signal.SIG_IGN


def test_fake_parent_a_signal_waits_for_the_clean_up(fake: RehearsalDouble, call, monkeypatch) -> None:
    clean_up = Rehearsal._clean_up

    def disturbed(job: Rehearsal, facts: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        clean_up(job, facts)

    fake.on_swap = lambda slot, _version: fake.set(slot, child__reads=1)  # a failure: the clean-up has a slot to remove
    monkeypatch.setattr(Rehearsal, "_clean_up", disturbed)
    told = call()
    assert (told["failed"], told["code"]) == (True, "interrupted")
    assert fake.scratch_slots() == []
