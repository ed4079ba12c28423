# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.twostep.hotswap.plugins.module_utils.host import lease_program
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.modules import lease

HELD = {
    "state": "held",
    "run_id": "run-a",
    "epoch": 7,
    "owner": "alice@deploy1",
    "controller": "deploy1",
    "since": "2026-01-31T23:59:58Z",
    "ttl_s": 600,
}


class ExitedError(Exception):
    """Carries what the module said when it ended."""


@pytest.fixture
def paths(tmp_path, monkeypatch) -> Paths:
    random = tmp_path / "proc/sys/kernel/random"
    random.mkdir(parents=True)
    (random / "boot_id").write_text("11111111-2222-3333-4444-555555555555\n")
    (tmp_path / "var/lib").mkdir(parents=True)
    found = Paths(str(tmp_path))
    monkeypatch.setattr(lease, "Paths", lambda: found)
    monkeypatch.setattr(lease, "LockHost", lambda where: LockHost(where, lambda: 1000.0))
    return found


@pytest.fixture
def call(monkeypatch):
    """Return a function that runs the module with options and returns what it said."""

    def leave(failed: bool):
        def end(_module, **said):
            raise ExitedError({"failed": failed, **said})

        return end

    def run(user: int = 0, **options: object) -> dict:
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", leave(False))
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", leave(True))
        monkeypatch.setattr(lease.os, "geteuid", lambda: user)
        with pytest.raises(ExitedError) as caught:
            lease.main()
        return caught.value.args[0]

    return run


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(lease.DOCUMENTATION)["options"]
    spec = lease.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        for key in ("type", "required", "default", "choices"):
            assert documented[name].get(key) == option.get(key), (name, key)
    assert spec["state"]["choices"] == list(lease_program.STATES)


def test_everything_that_is_returned_is_documented(paths: Paths, call) -> None:
    documented = yaml.safe_load(lease.RETURN)
    said = call(**HELD)
    assert set(said) - {"changed", "failed", "diff"} <= set(documented)
    assert set(said["lease"]) == set(documented["lease"]["contains"])
    assert set(call(**{**HELD, "run_id": "run-b", "epoch": 8})) - {"changed", "failed", "msg"} <= set(documented)


def test_its_life_on_one_host(paths: Paths, call) -> None:
    assert (call()["lease"], call()["highest_epoch"]) == (None, 0)
    assert (call(**HELD)["changed"], call(**HELD)["changed"]) == (True, False)
    said = call(**{**HELD, "run_id": "run-b", "epoch": 8, "owner": "bob@deploy2"})
    assert (said["failed"], said["changed"], said["code"], said["lease"]["owner"]) == (True, False, "lease_held", "alice@deploy1")
    assert said["msg"] == ("The lease is held by alice@deploy1 on deploy1 (run run-a) since 2026-01-31T23:59:58Z. Next: Ask that operator.")
    assert call(state="halted", run_id="run-a", epoch=7)["diff"]["after"]["lease"]["halted"]
    assert call(state="released", run_id="run-a", epoch=7)["lease"] is None


def test_check_mode(paths: Paths, call) -> None:
    said = call(user=1000, _ansible_check_mode=True, **HELD)
    assert (said["failed"], said["changed"], said["lease"]["run_id"]) == (False, True, "run-a")
    assert not os.path.exists(paths.state)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "stolen"}, "value of state must be one of: read, held, renewed, halted, released, admitted, got: stolen"),
        ({"state": "renewed", "run_id": "run-a"}, "state is renewed but all of the following are missing: epoch"),
        ({"state": "admitted"}, "state is admitted but all of the following are missing: epoch"),
        (
            {"state": "held", "run_id": "run-a", "epoch": 1},
            "state is held but all of the following are missing: owner, controller, since, ttl_s",
        ),
        ({**HELD, "run_id": "A"}, "id 'A' is not a valid name. Next: Use up to 64 of a-z, 0-9 and -."),
        ({**HELD, "ttl_s": 5}, "ttl_s '5' is out of range. Next: Use a whole number from 60 to 604800."),
        ({**HELD, "takeover": "../x"}, "id '../x' is not a valid name. Next: Use up to 64 of a-z, 0-9 and -."),
        ({**HELD, "epoch": -1}, "epoch '-1' is none. Next: Use the epoch that the run got with its lease."),
    ],
)
def test_bad_options(paths: Paths, call, options: dict, message: str) -> None:
    said = call(**options)
    assert (said["failed"], said.get("changed", False), said["msg"]) == (True, False, message)
    assert not os.path.exists(paths.lease)
