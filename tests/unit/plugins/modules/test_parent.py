# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import swap_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.modules import parent
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.lock_holder import holding, told
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.parent_double import ParentDouble

SLOT = {"name": "data", "family": "remap", "params": "lower=/dev/vdb", "version": "1.0.0"}


class ExitedError(Exception):
    """Carries what the module said when it ended."""


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ParentDouble:
    made = ParentDouble(tmp_path)
    actor = parent.ParentActor

    def made_actor(paths, _run, agent: str, release: str):
        return actor(paths, made.run, agent=agent, release=release, control=made.control)

    monkeypatch.setattr(parent, "Paths", lambda: made.paths)
    monkeypatch.setattr(parent, "ParentActor", made_actor)
    monkeypatch.setattr(parent.agent_archive, "wanted_path", lambda _paths: ("/usr/local/lib/twostep/agent-0123456789ab.pyz", True))
    monkeypatch.setattr(parent.agent_archive, "install", lambda _paths: "/usr/local/lib/twostep/agent-0123456789ab.pyz")
    return made


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs the module with options and returns what it said."""

    def end(_module, **said):
        raise ExitedError(said)

    def run(check: bool = False, **options) -> dict:
        arguments = {**options, "_ansible_check_mode": check}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", end)
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", end)
        monkeypatch.setattr(parent.os, "geteuid", lambda: 0)
        with pytest.raises(ExitedError) as caught:
            parent.main()
        return caught.value.args[0]

    return run


def actions(said: dict) -> list[str]:
    return [step["action"] for step in said["steps"]]


def test_check_mode_predicts_what_then_happens(call, double: ParentDouble) -> None:
    predicted = call(check=True, slots=[SLOT])
    assert (double.calls, double.writes) == ([], [])
    done = call(slots=[SLOT])
    assert predicted["changed"]
    assert done["changed"]
    assert actions(predicted) == actions(done) == ["load_parent", "mount_configfs", "create_slot", "adopt", "write_boot", "install_unit"]
    assert predicted["diff"] == done["diff"]
    assert done["diff"]["after"] == {"slots": {"data": "serving remap 1.0.0"}, "boot": {"data": "1.0.0"}, "loaded": True}
    assert [(slot["slot"], slot["state"], slot["version"], slot["generation"]) for slot in done["slots"]] == [
        ("data", "serving", "1.0.0", 1)
    ]
    again = call(slots=[SLOT])
    assert (again["changed"], again["steps"], again["drift"]) == (False, [], [])


def test_drift_is_told_and_left_alone(call, double: ParentDouble) -> None:
    call(slots=[SLOT])
    said = call(slots=[{**SLOT, "version": "1.1.0"}])
    assert (said["changed"], said["drift"]) == (False, [{"slot": "data", "running": "1.0.0", "wanted": "1.1.0"}])
    assert said["slots"][0]["version"] == "1.0.0"


def test_down_in_check_mode_and_for_real(call, double: ParentDouble) -> None:
    call(slots=[SLOT])
    predicted = call(check=True, state="absent")
    done = call(state="absent")
    assert actions(predicted) == actions(done) == ["remove_unit", "remove_boot", "take_down", "unload_child", "unload_parent"]
    assert predicted["diff"] == done["diff"]
    assert not call(state="absent")["changed"]


def test_a_busy_slot_is_told_with_its_users_and_nothing_is_changed(call, double: ParentDouble) -> None:
    call(slots=[SLOT])
    double.tell("data", openers="1")
    double.put("proc/mounts", "/dev/twostep/data /srv ext4 rw 0 0")
    said = call(state="absent", slots=[{"name": "data"}])
    assert said["code"] == "slot_busy"
    assert said["msg"].startswith("Slot data is in use by mount /srv. Next: ")
    assert said["data"]["mounts"] == ["/srv"]
    assert call(slots=[SLOT])["changed"] is False


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "../x"}, "bad_slot"),
        ({"family": None}, "bad_family"),
        ({"version": "1.1"}, "bad_version"),
        ({"params": "a\nb"}, "bad_params"),
        ({"queue_depth": 0}, "bad_limit"),
    ],
)
def test_bad_values_change_nothing(call, double: ParentDouble, change: dict, code: str) -> None:
    said = call(slots=[{**SLOT, **change}])
    assert said["code"] == code
    assert " Next: " in said["msg"]
    assert (double.calls, double.writes) == ([], [])


def test_without_boot_no_agent_is_packed(call, double: ParentDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_agent(_paths: object) -> None:
        raise TwostepError("unexpected", "No agent is needed.", "None.")

    monkeypatch.setattr(parent.agent_archive, "wanted_path", no_agent)
    monkeypatch.setattr(parent.agent_archive, "install", no_agent)
    said = call(slots=[SLOT], boot=False)
    assert actions(said) == ["load_parent", "mount_configfs", "create_slot", "adopt"]


def test_a_missing_agent_is_put_in_place_with_its_unit(call, double: ParentDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    call(slots=[SLOT])
    installed = []
    monkeypatch.setattr(parent.agent_archive, "wanted_path", lambda _paths: ("/usr/local/lib/twostep/agent-0123456789ab.pyz", False))
    monkeypatch.setattr(parent.agent_archive, "install", installed.append)
    assert actions(call(slots=[SLOT])) == ["install_unit"]
    assert len(installed) == 1


def test_an_early_slot_stays_early_until_somebody_says_otherwise(call, double: ParentDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(parent.early, "check", lambda _paths, _release, _slots: None)
    monkeypatch.setattr(parent.early, "install", lambda _paths, agent: double.put("etc/initramfs-tools/hooks/twostep", agent))
    monkeypatch.setattr(parent.early, "is_installed", lambda paths, _agent: parent.early.has_scripts(paths))
    monkeypatch.setattr(parent.early, "is_made", lambda _paths, _release: bool(made))
    monkeypatch.setattr(parent.early, "make", lambda _paths, _run, release: made.append(release))
    said = call(slots=[{**SLOT, "early": True}], now=False)
    assert actions(said) == ["write_boot", "install_unit", "install_scripts", "make_initramfs"]
    assert (said["slots"], made) == ([], [parent.os.uname().release])
    assert actions(call(slots=[SLOT], now=False)) == []
    assert actions(call(slots=[SLOT])) == ["load_parent", "mount_configfs", "create_slot", "adopt"]
    assert actions(call(slots=[{**SLOT, "early": False}])) == ["write_boot", "make_initramfs"]


def test_a_damaged_boot_configuration_does_not_make_an_early_slot_a_late_one(call, double: ParentDouble, monkeypatch) -> None:
    monkeypatch.setattr(parent.early, "is_installed", lambda _paths, _agent: True)
    double.put("etc/twostep/slots.d/data.json", "{")
    said = call(slots=[SLOT])
    assert (said["code"], double.calls) == ("early_unknown", [])
    assert said["msg"].endswith("Next: Say early: true or early: false for it.")


def test_what_would_not_boot_is_refused_before_anything_is_written(call, double: ParentDouble) -> None:
    said = call(slots=[{**SLOT, "early": True}])
    assert said["code"] == "no_initramfs_maker"
    assert (double.calls, double.writes) == ([], [])


def test_the_documentation_has_the_options_of_the_spec() -> None:
    documented = yaml.safe_load(parent.DOCUMENTATION)["options"]
    spec = parent.argument_spec()
    assert set(documented) == set(spec)
    assert set(documented["slots"]["suboptions"]) == set(spec["slots"]["options"])
    assert all(documented[name].get("default") == option.get("default") for name, option in spec.items())


def test_a_run_whose_lease_another_has_taken_is_fenced(call, double: ParentDouble) -> None:
    LockHost(double.paths).admit(7)
    for check in (True, False):
        said = call(check=check, slots=[SLOT], epoch=6)
        assert (said["code"], said.get("changed", False)) == ("fenced", False)
    assert (double.calls, double.writes) == ([], [])
    assert call(slots=[SLOT], epoch=8)["changed"]
    assert LockHost(double.paths).read().highest_epoch == 8


def test_beside_somebody_who_swaps_nothing_is_done(double: ParentDouble, call, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = parent.request_folder.locked
    monkeypatch.setattr(parent.request_folder, "locked", lambda paths, holder: locked(paths, holder, 0.0))
    with holding(f"{double.paths.state}/swaps.lock") as process:
        said = call(slots=[SLOT])
        assert (said["code"], said["data"]["holder"], parent.Status(double.paths).slot_names()) == ("host_busy", told(process), [])
        assert call(check=True, slots=[SLOT])["changed"] is True  # which changes nothing, and waits for nobody
    assert call(slots=[SLOT])["changed"] is True


@pytest.mark.parametrize(
    ("runs", "state", "refused"), [(True, "present", True), (True, "absent", True), (False, "absent", True), (False, "present", False)]
)
@pytest.mark.parametrize("check", [True, False])
def test_what_an_agent_is_at_is_left_to_it(
    double: ParentDouble, call, monkeypatch, runs: bool, state: str, refused: bool, check: bool
) -> None:
    call(slots=[SLOT])
    request = SwapRequest(
        "data-1",
        "run",
        "data",
        "remap",
        "1.0.0",
        "1.1.0",
        1,
        "t",
        path="/m/x.ko",
        module="twostep_remap_1_1_0",
        old_module="twostep_remap_1_0_0",
    )
    swap_folder.write_request(double.paths, request)
    monkeypatch.setattr(parent.unfinished.unit, "is_running", lambda _run, swap_id, kind: runs and (swap_id, kind) == ("data-1", "swap"))
    said = call(check=check, state=state, slots=[SLOT])
    assert (said.get("code") == "swap_in_progress") is refused
    assert parent.Status(double.paths).slot_names() == ["data"]
    if refused:
        assert ("is at work" in said["msg"], "its agent is gone" in said["msg"]) == (runs, not runs)
    other = call(check=True, state=state, slots=[{**SLOT, "name": "other"}])
    assert other.get("code") is None
