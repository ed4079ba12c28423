# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot, parent
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import boot as host_boot
from ansible_collections.twostep.hotswap.plugins.module_utils.host.parent import ParentActor, bring_up
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.parent_double import ParentDouble

AGENT = "/usr/local/lib/twostep/agent-0123456789ab.pyz"
DATA = boot.boot_slot("data", "remap", "lower=/dev/vdb", "1.0.0", queue_depth=64)
LOG = boot.boot_slot("log", "remap", "lower=/dev/vdc", "1.1.0")


@pytest.fixture
def double(tmp_path: Path) -> ParentDouble:
    return ParentDouble(tmp_path)


def actor_of(double: ParentDouble) -> ParentActor:
    return ParentActor(double.paths, double.run, agent=AGENT, control=double.control)


def up(double: ParentDouble, *wanted: boot.BootSlot) -> parent.Plan:
    actor = actor_of(double)
    plan = parent.plan_present(wanted, actor.look(exact_unit=True), boot=True)
    for step in plan.steps:
        actor.do(step, plan)
    return plan


def down(double: ParentDouble, *names: str) -> parent.Plan:
    actor = actor_of(double)
    plan = parent.plan_absent(names, actor.look(), {})
    for step in plan.steps:
        actor.do(step, plan)
    return plan


def test_up_and_then_nothing_to_do(double: ParentDouble) -> None:
    up(double, DATA, LOG)
    assert double.calls == [
        ["modprobe", "twostep"],
        ["mount", "-t", "configfs", "configfs", "/sys/kernel/config"],
        ["modprobe", "twostep_remap_1_0_0"],
        ["modprobe", "twostep_remap_1_1_0"],
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "twostep-slots.service"],
    ]
    assert double.writes == [
        ("data/family", "remap"),
        ("data/params", "lower=/dev/vdb"),
        ("data/queue_depth", "64"),
        ("data/swap", "version=1.0.0 generation=0 mode=handover deadline_ms=500"),
        ("log/family", "remap"),
        ("log/params", "lower=/dev/vdc"),
        ("log/swap", "version=1.1.0 generation=0 mode=handover deadline_ms=500"),
    ]
    assert host_boot.read_slots(double.paths) == [DATA, LOG]
    assert up(double, DATA, LOG).steps == ()


def test_a_slot_gets_the_room_for_requests_that_its_boot_configuration_keeps(double: ParentDouble) -> None:
    host_boot.write_slot(double.paths, replace(DATA, request_bytes=512))
    up(double, DATA)
    assert double.writes[2:] == [
        ("data/queue_depth", "64"),
        ("data/request_bytes", "512"),
        ("data/swap", "version=1.0.0 generation=0 mode=handover deadline_ms=500"),
    ]


def test_everything_down_and_then_nothing_to_do(double: ParentDouble) -> None:
    up(double, DATA, LOG)
    down(double)
    found = actor_of(double).look()
    assert (found.loaded, found.slots, found.boot, found.unit, found.children) == (False, {}, {}, False, ())
    assert not double.enabled
    assert down(double).steps == ()


def test_one_slot_down(double: ParentDouble) -> None:
    up(double, DATA, LOG)
    down(double, "data")
    found = actor_of(double).look(exact_unit=True)
    assert (list(found.slots), list(found.boot), found.loaded, found.unit) == (["log"], ["log"], True, True)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "what they name does not exist (ENOENT)"),
        (errno.EBUSY, "what they name is in use (EBUSY)"),
        (errno.EINVAL, "does not understand them (EINVAL)"),
        (errno.EIO, "first adoption failed: -5 (EIO)"),
    ],
)
def test_a_failed_adoption_leaves_nothing_behind(double: ParentDouble, number: int, words: str) -> None:
    double.refuse, double.reason = number, f"first adoption failed: -{number}"
    with pytest.raises(TwostepError) as caught:
        up(double, DATA)
    assert caught.value.code == "child_refused"
    assert words in caught.value.message
    assert "lower=/dev/vdb" in caught.value.message
    found = actor_of(double).look()
    assert (found.loaded, found.slots, found.children, found.boot) == (True, {}, (), {})


def test_a_failed_adoption_leaves_what_was_there_before(double: ParentDouble) -> None:
    up(double, LOG)
    double.control.create("data")
    double.refuse = errno.ENODEV
    with pytest.raises(TwostepError):
        up(double, DATA.with_version("1.1.0"))
    found = actor_of(double).look()
    assert (sorted(found.slots), found.children, found.slots["log"].version) == (["data", "log"], ("twostep_remap_1_1_0",), "1.1.0")


def test_a_version_that_is_not_installed_is_named(double: ParentDouble) -> None:
    double.installed.discard("twostep_remap_1_0_0")
    with pytest.raises(TwostepError) as caught:
        up(double, DATA)
    assert caught.value.code == "no_module"
    assert "twostep_remap_1_0_0" in caught.value.message
    assert "twostep.hotswap.dkms" in caught.value.next_step
    assert actor_of(double).look().slots == {}


def test_success_is_read_back(double: ParentDouble) -> None:
    double.swap = lambda _slot, _words: None
    with pytest.raises(TwostepError) as caught:
        up(double, DATA)
    assert caught.value.code == "adopt_failed"


def test_configfs_that_does_not_come(double: ParentDouble) -> None:
    double.mounts_configfs = False
    with pytest.raises(TwostepError) as caught:
        up(double, DATA)
    assert caught.value.code == "no_configfs"


def test_a_slot_that_got_busy_in_between(double: ParentDouble) -> None:
    up(double, DATA)
    actor = actor_of(double)
    plan = parent.plan_absent(["data"], actor.look(), {})

    def refuse(_path: str, _text: str) -> None:
        raise OSError(errno.EBUSY, "busy")

    object.__setattr__(double.control, "write_text", refuse)
    with pytest.raises(TwostepError) as caught:
        for step in plan.steps:
            actor.do(step, plan)
    assert caught.value.code == "slot_in_use"
    assert actor.look().slots["data"].state == "serving"


def test_bringing_up_at_boot_keeps_one_failure_from_the_others(double: ParentDouble) -> None:
    host_boot.write_slot(double.paths, DATA)
    host_boot.write_slot(double.paths, LOG)
    double.installed.discard("twostep_remap_1_0_0")
    outcome = bring_up(actor_of(double), host_boot.read_slots(double.paths))
    assert outcome["log"] is None
    assert outcome["data"] is not None
    assert outcome["data"].code == "no_module"
    assert {name: slot.version for name, slot in actor_of(double).look().slots.items()} == {"log": "1.1.0"}


def test_bringing_up_what_serves_does_nothing(double: ParentDouble) -> None:
    up(double, DATA)
    double.calls.clear()
    double.writes.clear()
    assert bring_up(actor_of(double), [DATA]) == {"data": None}
    assert (double.calls, double.writes) == ([], [])


def test_a_unit_of_another_agent_is_written_anew(double: ParentDouble) -> None:
    up(double, DATA)
    actor = ParentActor(double.paths, double.run, agent=AGENT.replace("0", "1"), control=double.control)
    plan = parent.plan_present([DATA], actor.look(exact_unit=True), boot=True)
    assert [step.action for step in plan.steps] == ["install_unit"]


def test_a_damaged_boot_configuration_is_seen_as_such(double: ParentDouble) -> None:
    up(double, DATA)
    Path(host_boot.path_of(double.paths, "data")).write_text("{")
    assert actor_of(double).look().boot == {"data": None}
    up(double, DATA)
    assert host_boot.read_slots(double.paths) == [DATA]


@pytest.mark.parametrize("takes_it_itself", [False, True])
def test_a_slot_whose_child_is_gone_is_served_again(double: ParentDouble, takes_it_itself: bool) -> None:
    up(double, DATA)
    double.tell("data", state="detached" if takes_it_itself else "failed", version="", module="", generation="2")
    double.rmmod(["twostep_remap_1_0_0"])
    double.writes.clear()
    load = double.modprobe

    def modprobe(arguments: list[str]) -> Result:
        answer = load(arguments)
        if takes_it_itself:
            double.tell("data", state="serving", version="1.0.0", module="twostep_remap_1_0_0", generation="3")
        return answer

    double.modprobe = modprobe  # type: ignore[method-assign]
    plan = up(double, DATA)
    assert [step.action for step in plan.steps] == ["revive"]
    asked = [] if takes_it_itself else [("data/swap", "version=1.0.0 generation=2 mode=handover deadline_ms=500")]
    assert double.writes == asked
    assert up(double, DATA).steps == ()


def test_a_child_that_does_not_take_the_slot_again_is_told(double: ParentDouble) -> None:
    up(double, DATA)
    double.tell("data", state="failed", version="", module="", generation="2")
    double.refuse, double.reason = errno.ENODEV, "adopt failed"
    with pytest.raises(TwostepError) as caught:
        up(double, DATA)
    assert (caught.value.code, double.status.joinpath("slots/data/state").read_text()) == ("child_refused", "failed\n")
