# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_identity import Identity
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import ModuleFacts, Part
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload_request import ReloadResult
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import Phase
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, kept_modules
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.reload_job import Outcome
from ansible_collections.twostep.hotswap.plugins.modules import reload
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import (
    EVERYBODY,
    LOWER,
    UPPER,
    ReloadDouble,
    identity,
)
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK

OPTIONS = {"modules": [LOWER, UPPER], "devices": [DISK], "units": ["web.service"]}
OLD, NEW = Identity("aa" * 20, "OLD", "1.0"), Identity("bb" * 20, "NEW", "2.0")
FACTS = ModuleFacts("lower", "live", OLD, "/m/lower.ko", NEW, (), "/k/lower.ko")
PART = Part("lower", OLD, NEW, "/m/lower.ko", "/k/lower.ko")


class ExitedError(Exception):
    """Carries what the module said when it ended."""


@pytest.fixture
def fake_parent(tmp_path, monkeypatch) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor()
    fake.on_start = lambda reload_id: agent.main(["reload", reload_id], fake.world)
    monkeypatch.setattr(reload.world, "real", lambda: fake.world)
    monkeypatch.setattr(reload.agent_archive, "install", lambda _paths: "/agent.pyz")
    fake.calls.clear()
    return fake


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
        monkeypatch.setattr(reload.os, "geteuid", lambda: user)
        with pytest.raises(ExitedError) as caught:
            reload.main()
        return caught.value.args[0]

    return run


def result(outcome: str, **changes: object) -> ReloadResult:
    return ReloadResult("reload-1", "run", outcome, phases=(Phase("load", "end", "t", 1),), **changes)


def said(told: ReloadResult | None, after: ModuleFacts = FACTS, state: str = "loaded", **changes: object) -> dict:
    return reload.result_of(state, Outcome((FACTS,), (after,), **{"parts": (PART,), "result": told, **changes}))


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(reload.DOCUMENTATION)["options"]
    spec = reload.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        for key in ("type", "elements", "required", "default", "choices"):
            assert documented[name].get(key) == option.get(key), (name, key)


@pytest.mark.parametrize("state", ["loaded", "kept", "bootable"])
def test_everything_that_is_returned_is_documented(state: str) -> None:
    documented = yaml.safe_load(reload.RETURN)
    for told in (None, result("reloaded"), result("failed", code="a", message="A.", next_step="B.")):
        assert set(said(told, state=state)) - {"changed", "diff"} <= set(documented)
    (shown,) = said(None)["modules"]
    assert set(shown) == set(documented["modules"]["contains"])


def test_a_module_in_the_result() -> None:
    assert reload.shown(FACTS) == {
        "name": "lower",
        "state": "live",
        "loaded": "1.0 (aaaaaaaaaaaa)",
        "installed": "2.0 (bbbbbbbbbbbb)",
        "path": "/m/lower.ko",
        "kept": "/k/lower.ko",
    }
    nothing = {"name": "lower", "state": "absent", "loaded": "", "installed": "", "path": None, "kept": None}
    assert reload.shown(ModuleFacts("lower")) == nothing


@pytest.mark.parametrize(
    ("outcome", "after", "changed"),
    [
        ("reloaded", replace(FACTS, loaded=NEW), True),
        ("returned", replace(FACTS, file=OLD), False),
        ("failed", FACTS, False),
        ("failed", replace(FACTS, loaded=NEW), True),
        ("failed", replace(FACTS, state="absent", loaded=Identity()), True),
    ],
)
def test_a_failure_is_changed_only_if_other_modules_are_loaded(outcome: str, after: ModuleFacts, changed: bool) -> None:
    told = said(result(outcome, code="" if outcome == "reloaded" else "load_failed", notes=("B.",)), after, notes=("A.",))
    assert (told["changed"], told["outcome"], told["notes"]) == (changed, outcome, ["A.", "B."])
    assert told["diff"] == {"before": {"lower": "1.0 (aaaaaaaaaaaa)"}, "after": {"lower": reload.shown(after)["loaded"]}}
    assert ("code" in told) == (outcome != "reloaded")
    assert told["phases"] == [{"phase": "load", "event": "end", "at": "t", "duration_ns": 1}]


@pytest.mark.parametrize(
    ("changes", "outcome", "changed", "after"),
    [
        ({}, "reloaded", True, "2.0 (bbbbbbbbbbbb)"),
        ({"parts": ()}, "current", False, "1.0 (aaaaaaaaaaaa)"),
        ({"parts": (), "reattached": True}, "current", True, "1.0 (aaaaaaaaaaaa)"),
        ({"parts": (), "remade": True}, "current", True, "1.0 (aaaaaaaaaaaa)"),
    ],
)
def test_what_would_be_done(changes: dict, outcome: str, changed: bool, after: str) -> None:
    told = said(None, consumers=("unit a.service",), **changes)
    assert (told["outcome"], told["changed"], told["consumers"]) == (outcome, changed, ["unit a.service"])
    assert told["diff"]["after"] == {"lower": after}


def test_fake_parent_a_reload_is_changed(fake_parent: ReloadDouble, call) -> None:
    told = call(**OPTIONS, version="2.0")
    assert (told["failed"], told["changed"], told["outcome"], told["replaced"]) == (False, True, "reloaded", [LOWER, UPPER])
    assert [module["loaded"] for module in told["modules"]] == [str(identity("2.0"))] * 2
    assert told["diff"] == {
        "before": dict.fromkeys((LOWER, UPPER), str(identity("1.0"))),
        "after": dict.fromkeys((LOWER, UPPER), str(identity("2.0"))),
    }
    assert [phase["phase"] for phase in told["phases"]] == [
        "prepare",
        "take_down",
        "unload",
        "load",
        "bring_back",
        "initramfs",
        "redundancy",
    ]
    assert ("code" in told, fake_parent.users()) == (False, EVERYBODY)


def test_fake_parent_again_is_not(fake_parent: ReloadDouble, call) -> None:
    call(**OPTIONS)
    fake_parent.calls.clear()
    told = call(**OPTIONS)
    assert (told["failed"], told["changed"], told["outcome"], told["replaced"]) == (False, False, "current", [])
    assert (told["diff"]["before"] == told["diff"]["after"], fake_parent.calls) == (True, [])


def test_fake_parent_check_mode_predicts(fake_parent: ReloadDouble, call) -> None:
    planned = call(**OPTIONS, _ansible_check_mode=True)
    assert (planned["failed"], planned["changed"], planned["outcome"], fake_parent.calls) == (False, True, "reloaded", [])
    assert planned["consumers"] == ["unit web.service", "mount /srv", f"swap {DISK}p2", f"{DISK} in md0"]
    done = call(**OPTIONS)
    assert (planned["diff"], planned["replaced"]) == (done["diff"], done["replaced"])


def test_fake_parent_keeping_is_changed_once_and_predicted(fake_parent: ReloadDouble, call) -> None:
    call(**OPTIONS)
    planned = call(modules=[LOWER, UPPER], state="kept", _ansible_check_mode=True)
    done = call(modules=[LOWER, UPPER], state="kept")
    assert (planned["changed"], planned["outcome"], planned["diff"]) == (True, "kept", done["diff"])
    paths = {name: kept_modules.place(fake_parent.paths, RELEASE, fake_parent.look(name)) for name in (LOWER, UPPER)}
    assert done["diff"] == {"before": dict.fromkeys((LOWER, UPPER), "none"), "after": paths}
    assert (done["changed"], {module["name"]: module["kept"] for module in done["modules"]}) == (True, paths)
    assert call(modules=[LOWER, UPPER], state="kept")["changed"] is False


@pytest.mark.parametrize("check", [True, False])
def test_fake_parent_nothing_is_kept_beside_a_reload(fake_parent: ReloadDouble, call, check: bool) -> None:
    fake_parent.request()
    fake_parent.alive = ["reload-1"]
    for name in (LOWER, UPPER):
        fake_parent.load_module(name, "2.0")
    told = call(modules=[LOWER, UPPER], state="kept", _ansible_check_mode=check)
    assert (told["failed"], told["changed"], told["reattached"]) == (False, False, True)
    assert told["diff"]["before"] == told["diff"]["after"]


def test_fake_parent_too_late_to_keep(fake_parent: ReloadDouble, call) -> None:
    fake_parent.load_module(UPPER, "0.9")
    told = call(modules=[UPPER], state="kept")
    assert (told["failed"], told["code"], told["notes"], told["data"]) == (True, "no_way_back", [], {"module": "upper"})
    assert told["msg"].endswith("Next: Keep it (state: kept) before another version is installed; or consent with one_way.")


def test_fake_parent_a_failed_reload_says_what_stands(fake_parent: ReloadDouble, call) -> None:
    fake_parent.refused = ["2.0"]
    told = call(**OPTIONS)
    assert (told["failed"], told["changed"], told["outcome"], told["code"]) == (True, False, "returned", "load_failed")
    old = str(identity("1.0"))
    assert told["msg"] == (
        f"Module lower cannot be loaded: Exec format error. lower is {old}, the old one; upper is {old}, the old one. "
        "Next: Build the module for the running kernel; the kernel log names the difference."
    )
    assert told["next_step"] == "Build the module for the running kernel; the kernel log names the difference."
    assert [note.split(" is ")[0] for note in told["notes"]] == [f"The file {fake_parent.look(name).path}" for name in (LOWER, UPPER)]


def test_fake_parent_only_root(fake_parent: ReloadDouble, call) -> None:
    assert call(user=1000, **OPTIONS)["code"] == "not_root"
    assert call(user=1000, **OPTIONS, _ansible_check_mode=True)["failed"] is False
    assert fake_parent.calls == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"modules": []}, "no_modules"),
        ({"modules": ["../x"]}, "bad_module"),
        ({"modules": ["twostep", "lower"]}, "parent_alone"),
        ({"modules": ["lower"], "devices": ["sdb"]}, "bad_device"),
        ({"modules": ["lower"], "units": ["a.mount"]}, "bad_unit"),
        ({"modules": ["lower"], "device_units": ["a.mount"]}, "bad_unit"),
        ({"modules": ["lower"], "version": "a b"}, "bad_module_version"),
        ({"modules": ["lower"], "run_id": "A"}, "bad_id"),
    ],
)
def test_bad_options(fake_parent: ReloadDouble, call, options: dict, code: str) -> None:
    told = call(**options)
    assert (told["failed"], told["code"], told.get("changed", False), fake_parent.calls) == (True, code, False, [])


def test_options_reach_the_wish() -> None:
    given = {**{name: spec.get("default") for name, spec in reload.argument_spec().items()}, "modules": ["a"], "one_way": True}
    given.update(devices=["/dev/sdb"], units=["a.service"], device_units=["b.service"], version="2", run_id="r", timeout_s=5.0)
    wanted = reload.wish_from(given)
    others = ("state", "way", "epoch", "witness")
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items() if key not in others}
    assert vars(wanted) == {**options, "cold": False}
    assert reload.wish_from({**given, "way": "cold"}).cold


def test_fake_parent_a_run_whose_lease_another_has_taken_is_fenced(fake_parent: ReloadDouble, call) -> None:
    LockHost(fake_parent.paths).admit(7)
    for options in (OPTIONS, {**OPTIONS, "_ansible_check_mode": True}, {"modules": [LOWER, UPPER], "state": "kept"}):
        told = call(**options, epoch=6)
        assert (told["failed"], told["code"], told.get("changed", False), fake_parent.calls) == (True, "fenced", False, [])
    assert call(**OPTIONS, epoch=8)["outcome"] == "reloaded"
    assert LockHost(fake_parent.paths).read().highest_epoch == 8


@pytest.mark.parametrize("check", [True, False])
def test_fake_parent_an_initramfs_that_carries_another_build_is_made_again(fake_parent: ReloadDouble, call, check: bool) -> None:
    fake_parent.carry(UPPER)
    fake_parent.install_file(UPPER, "3.0")
    told = call(modules=[LOWER, UPPER], state="bootable", _ansible_check_mode=check)
    assert (told["failed"], told["changed"], told["outcome"], told["initramfs"]) == (False, True, "bootable", True)
    assert fake_parent.carried(UPPER) == ["2.0" if check else "3.0"]
    assert call(modules=[LOWER, UPPER], state="bootable")["changed"] is check
