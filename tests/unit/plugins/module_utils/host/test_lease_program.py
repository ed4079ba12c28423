# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lock host answers: to each question, to bad ones, in check mode, and packed as a program that runs alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.lease import State
from ansible_collections.twostep.hotswap.plugins.module_utils.host import lease_program, packed
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

HELD = {
    "state": "held",
    "run_id": "run-a",
    "epoch": 7,
    "owner": "alice@deploy1",
    "controller": "deploy1",
    "since": "2026-01-31T23:59:58Z",
    "ttl_s": 600,
    "takeover": "",
}
KEPT = {**{name: HELD[name] for name in ("run_id", "epoch", "owner", "controller", "since", "ttl_s")}, "halted": False, "taken_from": ""}


@pytest.fixture
def host(tmp_path) -> LockHost:
    random = tmp_path / "proc/sys/kernel/random"
    random.mkdir(parents=True)
    (random / "boot_id").write_text("11111111-2222-3333-4444-555555555555\n")
    (tmp_path / "var/lib").mkdir(parents=True)
    return LockHost(Paths(str(tmp_path)), lambda: 1000.0, lambda: "2026-02-01T00:10:00Z")


def ask(host: LockHost, check: bool = False, euid: int = 0, **question: object) -> dict:
    said = lease_program.answer(question, host, euid, check)
    json.dumps(said)
    return said


def test_the_answers(host: LockHost) -> None:
    nothing = {"highest_epoch": 0, "lease": None, "left_s": 0.0}
    mine = {"highest_epoch": 7, "lease": KEPT, "left_s": 600.0}
    assert ask(host, state="read") == {"changed": False, "diff": {"before": nothing, "after": nothing}, **nothing}
    assert ask(host, **HELD) == {"changed": True, "diff": {"before": nothing, "after": mine}, **mine}
    assert ask(host, **HELD)["changed"] is False
    own = {"run_id": "run-a", "epoch": 7}
    assert ask(host, state="renewed", **own)["lease"] == KEPT
    assert ask(host, state="halted", **own)["lease"] == {**KEPT, "halted": True}
    assert ask(host, state="released", **own)["lease"] is None
    assert ask(host, state="released", **own)["changed"] is False


def test_who_acts_by_other_means_is_admitted_or_fenced(host: LockHost) -> None:
    assert ask(host, state="admitted", epoch=7, check=True)["changed"] is True
    assert ask(host, state="read")["highest_epoch"] == 0
    assert (ask(host, state="admitted", epoch=7)["changed"], ask(host, state="admitted", epoch=7)["changed"]) == (True, False)
    for check in (True, False):
        late = ask(host, state="admitted", epoch=6, check=check)
        assert (late["failed"], late["code"], late["highest_epoch"]) == (True, "fenced", 7)
    assert ask(host, state="admitted", epoch=0)["code"] == "bad_epoch"


def test_a_refusal_tells_who_has_it(host: LockHost) -> None:
    ask(host, **HELD)
    said = ask(host, **{**HELD, "run_id": "run-b", "epoch": 8, "owner": "bob@deploy2"})
    assert (said["failed"], said["changed"], said["code"], said["lease"], said["left_s"]) == (True, False, "lease_held", KEPT, 600.0)
    assert ask(host, **{**HELD, "run_id": "run-b", "epoch": 8, "takeover": "run-a"})["lease"]["taken_from"] == "run-a"


@pytest.mark.parametrize("state", ["held", "renewed", "halted", "released"])
def test_check_mode_says_what_would_be_and_writes_nothing(host: LockHost, state: str) -> None:
    own = {"run_id": "run-a", "epoch": 7}
    said = ask(host, check=True, euid=1000, **(HELD if state == "held" else {"state": state, **own}))
    assert said["changed"] is (state == "held")
    assert not os.path.exists(host.paths.state)
    ask(host, **HELD)
    with open(host.paths.lease, "rb") as stream:
        before = stream.read()
    said = ask(host, check=True, state=state, **{**{key: value for key, value in HELD.items() if key != "state"}, **own})
    assert said["changed"] is (state in ("halted", "released"))
    with open(host.paths.lease, "rb") as stream:
        assert stream.read() == before


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"state": "released", "run_id": "../a", "epoch": 7}, "bad_id"),
        ({"state": "renewed", "run_id": "run-a", "epoch": "7; reboot"}, "bad_epoch"),
        ({"state": "halted", "run_id": "run-a", "epoch": 7}, "lease_lost"),
        ({**HELD, "owner": "a\nb"}, "bad_owner"),
        ({**HELD, "ttl_s": None}, "bad_ttl"),
        ({**HELD, "takeover": "-rf"}, "bad_id"),
    ],
)
def test_bad_questions(host: LockHost, question: dict, code: str) -> None:
    said = ask(host, **question)
    assert (said["failed"], said["code"]) == (True, code)
    assert host.read() == State()


def test_it_needs_root(host: LockHost) -> None:
    said = ask(host, euid=1000, **HELD)
    assert (said["code"], said["msg"]) == ("not_root", "This needs root; it runs as user 1000. Next: Set become: true.")
    assert host.read() == State()


def test_a_damaged_file_has_no_lease_in_its_answer(host: LockHost) -> None:
    ask(host, **HELD)
    with open(host.paths.lease, "w", encoding="ascii") as stream:
        stream.write("{}")
    said = ask(host, state="read")
    assert (said["failed"], said["code"], "lease" in said) == (True, "lease_damaged", False)


def test_it_runs_alone(tmp_path) -> None:
    path = tmp_path / "program.pyz"
    path.write_bytes(packed.pack(lease_program, "p"))
    question = {"state": "renewed", "run_id": "../a", "epoch": 1}  # refused before anything is looked at
    done = subprocess.run(
        [sys.executable, "-I", str(path)], input=json.dumps(question), capture_output=True, text=True, check=True, cwd="/", timeout=120
    )
    assert json.loads(done.stdout)["code"] in ("bad_id", "not_root")
