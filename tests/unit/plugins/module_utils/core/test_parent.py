# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot, parent
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import LastSwap, Slot

WANTED = boot.boot_slot("data", "remap", "lower=/dev/vdb", "1.0.0")
UP = Slot("data", "serving", "remap", "lower=/dev/vdb", "1.0.0", "twostep_remap_1_0_0", 1, None, 0, 0, LastSwap())
BARE = replace(UP, state="empty", family=None, params="", version=None, module=None, generation=0)
READY = parent.Found(loaded=True, configfs=True, slots={"data": UP}, boot={"data": WANTED}, unit=True, children=("twostep_remap_1_0_0",))


def actions(plan: parent.Plan) -> list[str]:
    return [step.action for step in plan.steps]


def with_slot(slot: Slot, found: parent.Found = READY) -> parent.Found:
    return replace(found, slots={slot.slot: slot})


def test_from_nothing() -> None:
    plan = parent.plan_present([WANTED], parent.Found(), boot=True)
    assert actions(plan) == ["load_parent", "mount_configfs", "create_slot", "adopt", "write_boot", "install_unit"]
    assert plan.targets == {"data": WANTED}
    assert all(step.reason for step in plan.steps)


def test_from_nothing_without_boot() -> None:
    assert actions(parent.plan_present([WANTED], parent.Found(), boot=False)) == ["load_parent", "mount_configfs", "create_slot", "adopt"]


def test_what_serves_needs_nothing() -> None:
    assert parent.plan_present([WANTED], READY, boot=True) == parent.Plan((), (), {"data": WANTED})


def test_no_slot_named_only_loads_the_parent() -> None:
    assert actions(parent.plan_present([], parent.Found(configfs=True), boot=False)) == ["load_parent"]


def test_a_slot_that_was_left_bare_is_adopted() -> None:
    assert actions(parent.plan_present([WANTED], with_slot(BARE), boot=True)) == ["adopt"]


def test_another_version_that_serves_is_drift_and_left_alone() -> None:
    upgraded = replace(UP, version="1.1.0")
    committed = replace(with_slot(upgraded), boot={"data": WANTED.with_version("1.1.0")})
    plan = parent.plan_present([WANTED], committed, boot=True)
    assert (plan.steps, plan.drift) == ((), (parent.Drift("data", "1.1.0", "1.0.0"),))


def test_the_committed_version_is_not_touched_during_probation() -> None:
    plan = parent.plan_present([WANTED], with_slot(replace(UP, version="1.1.0", parked="1.0.0")), boot=True)
    assert (plan.steps, plan.drift) == ((), (parent.Drift("data", "1.1.0", "1.0.0"),))


def test_a_missing_boot_configuration_takes_the_version_that_serves() -> None:
    found = replace(with_slot(replace(UP, version="1.1.0")), boot={})
    plan = parent.plan_present([WANTED], found, boot=True)
    assert actions(plan) == ["write_boot"]
    assert plan.targets["data"].version == "1.1.0"


def test_bringing_up_does_not_undo_an_upgrade() -> None:
    found = replace(READY, slots={}, boot={"data": WANTED.with_version("1.1.0")})
    plan = parent.plan_present([WANTED], found, boot=True)
    assert actions(plan) == ["create_slot", "adopt"]
    assert plan.targets["data"].version == "1.1.0"
    assert plan.drift == (parent.Drift("data", "1.1.0", "1.0.0"),)


def test_bringing_up_keeps_the_room_that_a_warm_upgrade_has_made() -> None:
    roomy = replace(WANTED, version="1.1.0", request_bytes=512)
    upgraded = replace(with_slot(replace(UP, version="1.1.0")), boot={"data": roomy})
    for found in (upgraded, replace(upgraded, slots={}), with_slot(BARE, upgraded)):
        plan = parent.plan_present([WANTED], found, boot=True)
        assert plan.targets == {"data": roomy}
        assert "write_boot" not in actions(plan)


def test_room_that_is_asked_for_is_what_will_be() -> None:
    found = replace(READY, boot={"data": replace(WANTED, request_bytes=512)})
    plan = parent.plan_present([replace(WANTED, request_bytes=1024)], found, boot=True)
    assert (actions(plan), plan.targets["data"].request_bytes) == (["write_boot"], 1024)


@pytest.mark.parametrize("state", ["failed", "detached"])
def test_a_slot_whose_child_is_gone_gets_the_committed_one_again(state: str) -> None:
    bereft = replace(READY, slots={"data": replace(UP, state=state, version=None, module=None)})
    plan = parent.plan_present([WANTED.with_version("9.9.9")], bereft, boot=True)
    committed = bereft.boot["data"]
    assert committed is not None
    assert (actions(plan), plan.targets["data"].version) == (["revive"], committed.version)
    assert plan.steps[0].reason == f"the slot is {state}; remap {committed.version} serves it again"
    assert actions(parent.plan_present([WANTED], bereft, boot=True, now=False)) == []
    held = replace(bereft, slots={"data": replace(UP, state="held")})
    assert actions(parent.plan_present([WANTED], held, boot=True)) == []  # a swap is at it


def test_a_damaged_boot_configuration_is_written_anew() -> None:
    assert actions(parent.plan_present([WANTED], replace(READY, boot={"data": None}), boot=True)) == ["write_boot"]


@pytest.mark.parametrize(
    ("slot", "code"),
    [
        (replace(UP, family="other"), "slot_differs"),
        (replace(UP, params="lower=/dev/vdc"), "slot_differs"),
    ],
)
def test_refusals(slot: Slot, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        parent.plan_present([WANTED], with_slot(slot), boot=True)
    assert caught.value.code == code


EARLY = replace(WANTED, early=True)
MADE = replace(READY, boot={"data": EARLY}, scripts=True)


@pytest.mark.parametrize(
    ("wanted", "found", "steps"),
    [
        (EARLY, MADE, []),
        (EARLY, READY, ["write_boot", "install_scripts", "make_initramfs"]),
        (EARLY, replace(MADE, scripts=False), ["install_scripts", "make_initramfs"]),
        # One that could not be made before is made now, also where no slot is early any more.
        (WANTED, replace(READY, made=False), ["make_initramfs"]),
        (EARLY, replace(MADE, made=False), ["make_initramfs"]),
        (replace(EARLY, queue_depth=64), MADE, ["write_boot", "make_initramfs"]),
        (WANTED, MADE, ["write_boot", "make_initramfs"]),
        (replace(WANTED, queue_depth=64), READY, ["write_boot"]),
        # Of a slot that is not named.
        (replace(WANTED, slot="log"), replace(MADE, made=False), ["create_slot", "adopt", "write_boot", "make_initramfs"]),
    ],
)
def test_the_initramfs_follows_the_boot_configuration(wanted: boot.BootSlot, found: parent.Found, steps: list[str]) -> None:
    assert actions(parent.plan_present([wanted], found, boot=True)) == steps
    assert "make_initramfs" not in actions(parent.plan_present([wanted], found, boot=False))


def test_what_only_the_next_boot_brings_up() -> None:
    plan = parent.plan_present([EARLY], parent.Found(), boot=True, now=False)
    assert actions(plan) == ["write_boot", "install_unit", "install_scripts", "make_initramfs"]
    assert parent.plan_present([EARLY], MADE, boot=True, now=False).steps == ()


def test_a_slot_that_is_taken_down_is_no_longer_brought_up_early() -> None:
    plan = parent.plan_absent([], MADE, {})
    assert actions(plan) == [
        "remove_unit", "remove_boot", "make_initramfs", "remove_scripts", "take_down", "unload_child", "unload_parent"
    ]  # fmt: skip
    assert actions(parent.plan_absent(["data"], MADE, {})) == ["remove_boot", "make_initramfs", "take_down"]
    damaged = replace(MADE, boot={"data": None})
    assert actions(parent.plan_absent(["data"], damaged, {})) == ["remove_boot", "make_initramfs", "take_down"]


def test_an_initramfs_that_could_not_be_made_is_made_by_the_next_call() -> None:
    left = parent.Found(loaded=True, configfs=True, made=False, scripts=True)
    assert actions(parent.plan_absent([], left, {})) == ["make_initramfs", "remove_scripts", "unload_parent"]


def test_a_slot_named_twice_is_refused() -> None:
    with pytest.raises(TwostepError) as caught:
        parent.plan_present([WANTED, WANTED], READY, boot=True)
    assert caught.value.code == "duplicate_slot"


def test_everything_down() -> None:
    plan = parent.plan_absent([], READY, {"data": parent.Users()})
    assert actions(plan) == ["remove_unit", "remove_boot", "take_down", "unload_child", "unload_parent"]
    assert parent.plan_absent([], parent.Found(), {}) == parent.Plan()


def test_one_slot_down_leaves_the_parent() -> None:
    found = replace(READY, slots={"data": UP, "log": replace(UP, slot="log")})
    plan = parent.plan_absent(["data"], found, {})
    assert [(step.action, step.slot) for step in plan.steps] == [("remove_boot", "data"), ("take_down", "data")]
    assert parent.plan_absent(["other"], found, {}) == parent.Plan()


@pytest.mark.parametrize(
    ("users", "named"),
    [
        (parent.Users(openers=2), "2 open file descriptions"),
        (parent.Users(openers=1, holders=("md0",)), "device md0"),
        (parent.Users(openers=1, mounts=("/srv",)), "mount /srv"),
        (parent.Users(openers=1, mounts=("/srv",), programs=("fio (7)",)), "mount /srv, program fio (7)"),
        (parent.Users(holders=("md0",)), "device md0"),
    ],
)
def test_a_slot_in_use_is_not_taken_down(users: parent.Users, named: str) -> None:
    with pytest.raises(TwostepError) as caught:
        parent.plan_absent([], READY, {"data": users})
    assert caught.value.code == "slot_busy"
    assert caught.value.message == f"Slot data is in use by {named}."


def test_one_busy_slot_keeps_all_up() -> None:
    found = replace(READY, slots={"data": UP, "log": replace(UP, slot="log")})
    with pytest.raises(TwostepError):
        parent.plan_absent(["data", "log"], found, {"log": parent.Users(openers=1)})
