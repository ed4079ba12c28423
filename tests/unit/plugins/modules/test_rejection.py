# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.twostep.hotswap.plugins.modules import rejection, slot_info
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

OPTIONS = {"family": "remap", "version": "1.1.0", "run_id": "run-a", "found_on": "n1", "reason": "errors_up"}


class ExitedError(Exception):
    """Carries what the module said when it ended."""


@pytest.fixture
def fake_parent(tmp_path, monkeypatch) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.install("1.1.0")
    monkeypatch.setattr(rejection.world, "real", lambda: fake.world)
    return fake


@pytest.fixture
def call(monkeypatch):
    """Return a function that runs the module with options and returns what it said."""

    def leave(failed: bool):
        def end(_module, **said):
            raise ExitedError({"failed": failed, **said})

        return end

    def run(user: int = 0, **options: object) -> dict:
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": {**OPTIONS, **options}}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", leave(False))
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", leave(True))
        monkeypatch.setattr(rejection.os, "geteuid", lambda: user)
        with pytest.raises(ExitedError) as caught:
            rejection.main()
        return caught.value.args[0]

    return run


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(rejection.DOCUMENTATION)["options"]
    spec = rejection.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        for key in ("type", "required", "default", "choices"):
            assert documented[name].get(key) == option.get(key), (name, key)


def test_fake_parent_a_mark_is_told_by_slot_info_until_it_is_taken_back(fake_parent: FakeParent, call) -> None:
    made = call()
    assert (made["failed"], made["changed"]) == (False, True)
    (mark,) = made["rejected"]
    assert (mark["version"], mark["found_on"], mark["reason"], bool(mark["srcversion"])) == ("1.1.0", "n1", "errors_up", True)
    assert slot_info.gather(fake_parent.status, None, "remap")["rejected"] == [mark]
    assert slot_info.gather(fake_parent.status, None, "other")["rejected"] == []
    again = call(run_id="run-b")
    assert (again["changed"], again["rejected"]) == (False, [mark])  # since when it is so is not forgotten
    gone = call(state="absent")
    assert (gone["changed"], gone["rejected"]) == (True, [mark])
    assert slot_info.gather(fake_parent.status, None, None)["rejected"] == []
    assert call(state="absent")["changed"] is False


def test_fake_parent_check_mode_writes_nothing(fake_parent: FakeParent, call) -> None:
    assert call(_ansible_check_mode=True, user=1000)["changed"] is True
    assert slot_info.gather(fake_parent.status, None, None)["rejected"] == []
    call()
    assert call(_ansible_check_mode=True, state="absent")["changed"] is True
    assert len(slot_info.gather(fake_parent.status, None, None)["rejected"]) == 1


@pytest.mark.parametrize(
    ("options", "code"), [({"version": "1.1"}, "bad_version"), ({"family": "Re"}, "bad_family"), ({"run_id": "a b"}, "bad_id")]
)
def test_fake_parent_bad_input(fake_parent: FakeParent, call, options: dict, code: str) -> None:
    failed = call(**options)
    assert (failed["failed"], failed["code"]) == (True, code)


def test_fake_parent_only_root_marks(fake_parent: FakeParent, call) -> None:
    assert call(user=1000)["failed"] is True
