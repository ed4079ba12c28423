# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked at to find a slot's users, which commands stop and restart them, and that their effect is proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.consumers import Consumer, Device, Facts, Leg, Mount, MountUnit
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health_md import Array
from ansible_collections.twostep.hotswap.plugins.module_utils.host import consumers
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import (
    DISK,
    LEG,
    MOUNT,
    SETTLE,
    SWAP,
    UNIT,
    Mounted,
    WarmDouble,
)  # fmt: skip

KINDS = [UNIT, MOUNT, SWAP, LEG]
STOPPED = {
    "unit": [["systemctl", "stop", "--", "web.service"]],
    "mount": [["umount", "--", "/srv"]],
    "swap": [["swapoff", "--", f"{DISK}p2"]],
    "leg": [["mdadm", "/dev/md0", "--fail", DISK], ["mdadm", "/dev/md0", "--remove", DISK]],
}
STARTED = {
    "unit": ["systemctl", "start", "--", "web.service"],
    "mount": ["mount", "-t", "ext4", "-o", "rw,noatime", "--", f"{DISK}p1", "/srv"],
    "swap": ["swapon", "-p", "7", "--", f"{DISK}p2"],
    "leg": ["mdadm", "/dev/md0", "--re-add", DISK],
}


@pytest.fixture
def fake_parent(tmp_path) -> WarmDouble:
    fake = WarmDouble(tmp_path)
    fake.all_users()
    return fake


def stop(fake: WarmDouble, *found: Consumer) -> None:
    for one in found:
        consumers.release(fake.world, one)
    fake.calls.clear()


def test_fake_parent_who_uses_it(fake_parent: WarmDouble) -> None:
    fake_parent.mount(Mounted("/opt", DISK, "259:0", "opt.mount", ("db.service", "idle.service", "remote-fs.target")))
    fake_parent.running.append("db.service")
    assert consumers.look(fake_parent.world, ["twostep!data"], ["web.service", "other.service"]) == Facts(
        devices=(Device(DISK, "259:0", ("md0",)), Device(f"{DISK}p1", "259:1"), Device(f"{DISK}p2", "259:2")),
        mounts=(
            Mount("/", "254:1", "/", "/dev/vda1", "ext4", "rw"),
            Mount("/srv", "259:1", "/", f"{DISK}p1", "ext4", "rw,noatime"),
            Mount("/opt", "259:0", "/", DISK, "ext4", "rw,noatime"),
        ),
        mount_units={"/opt": MountUnit("opt.mount", ("db.service",)), "/srv": MountUnit("", ())},
        swaps=((f"{DISK}p2", 7),),
        legs={"md0": Leg(Array("md0", "raid1", "clean", "0", "2", "idle", ("in_sync", "in_sync")), "+8")},
        maps={},
        units=("web.service",),
    )
    assert fake_parent.calls == []


def test_fake_parent_a_holder_that_is_no_array_and_no_map_has_no_leg(fake_parent: WarmDouble) -> None:
    (fake_parent.root / "sys/block/twostep!data/holders/dm-0").mkdir()
    fake_parent.put(fake_parent.root / "sys/block/dm-0/dm/uuid", "CRYPT-LUKS2-mpath-a1")
    found = consumers.look(fake_parent.world, ["twostep!data"], [])
    assert (found.devices[0].holders, sorted(found.legs or {}), found.maps) == (("dm-0", "md0"), ["md0"], {})


def test_fake_parent_nothing_can_be_read(fake_parent: WarmDouble) -> None:
    for name in ("proc/self/mountinfo", "proc/swaps", "sys/block/twostep!data/dev"):
        (fake_parent.root / name).unlink()
    found = consumers.look(fake_parent.world, ["twostep!data"], [])
    assert (found.devices[0].number, found.mounts, found.swaps) == ("", (), ())


@pytest.mark.parametrize(("state", "runs"), [("active", True), ("activating", True), ("reloading", True), ("failed", False), ("", False)])
def test_fake_parent_which_units_run(fake_parent: WarmDouble, state: str, runs: bool) -> None:
    fake_parent.answers["systemctl"] = Result(0, f"ActiveState={state}\n" if state else "", "")
    assert consumers.is_there(fake_parent.world, UNIT) == runs
    assert fake_parent.calls == [["systemctl", "show", "--property=ActiveState", "--", "web.service"]]


@pytest.mark.parametrize("one", KINDS, ids=str)
def test_fake_parent_each_is_stopped_and_started(fake_parent: WarmDouble, one: Consumer) -> None:
    everybody = fake_parent.users()
    assert consumers.is_there(fake_parent.world, one)
    consumers.release(fake_parent.world, one)
    assert fake_parent.calls == STOPPED[one.kind]
    assert not consumers.is_there(fake_parent.world, one)
    fake_parent.calls.clear()
    consumers.restore(fake_parent.world, one)
    assert fake_parent.calls == [SETTLE, STARTED[one.kind]]
    assert fake_parent.users() == everybody
    assert fake_parent.slept == []


@pytest.mark.parametrize("one", KINDS, ids=str)
def test_fake_parent_what_is_gone_already_is_not_stopped_again(fake_parent: WarmDouble, one: Consumer) -> None:
    stop(fake_parent, one)
    consumers.release(fake_parent.world, one)
    assert fake_parent.calls == []


@pytest.mark.parametrize("one", KINDS, ids=str)
def test_fake_parent_what_is_back_already_is_not_started_again(fake_parent: WarmDouble, one: Consumer) -> None:
    consumers.restore(fake_parent.world, one)
    assert fake_parent.calls == []


def test_fake_parent_what_udev_brings_back_meanwhile_is_left_alone(fake_parent: WarmDouble) -> None:
    stop(fake_parent, LEG)
    fake_parent.on_settle = lambda: fake_parent.join("md0", DISK)
    consumers.restore(fake_parent.world, LEG)
    assert fake_parent.calls == [SETTLE]


def test_fake_parent_a_mount_that_systemd_knows_comes_back_by_its_unit(fake_parent: WarmDouble) -> None:
    fake_parent.mount(Mounted("/opt", unit="opt.mount"))
    known = Consumer("mount", "/opt", f"{DISK}p1", {"unit": "opt.mount", "fstype": "ext4", "options": "rw"})
    stop(fake_parent, known)
    consumers.restore(fake_parent.world, known)
    assert fake_parent.calls == [SETTLE, ["systemctl", "start", "--", "opt.mount"]]


def test_fake_parent_a_mount_is_told_apart_from_an_automount_below_it(fake_parent: WarmDouble) -> None:
    fake_parent.mounted.insert(0, Mounted("/srv", "systemd-1", "0:50"))
    stop(fake_parent, MOUNT)
    assert fake_parent.users()[1] == ["/srv"]
    assert not consumers.is_there(fake_parent.world, MOUNT)
    consumers.restore(fake_parent.world, MOUNT)
    assert fake_parent.calls == [SETTLE, STARTED["mount"]]


@pytest.mark.parametrize(("number", "there"), [("259:1", True), ("259:2", False)])
def test_fake_parent_a_mount_by_another_name_of_the_device_is_the_same(fake_parent: WarmDouble, number: str, there: bool) -> None:
    fake_parent.put(fake_parent.root / "sys/class/block/twostep!datap1/dev", "259:1")
    fake_parent.mounted.clear()
    fake_parent.mount(Mounted("/srv", "/dev/disk/by-label/srv", number))
    assert consumers.is_there(fake_parent.world, MOUNT) == there


def test_fake_parent_a_member_that_md_does_not_give_up_at_once_is_removed_later(fake_parent: WarmDouble) -> None:
    fake_parent.busy = 2
    consumers.release(fake_parent.world, LEG)
    fail, remove = STOPPED["leg"]
    assert (fake_parent.calls, fake_parent.slept) == ([fail, remove, remove, remove], [0.5, 0.5])


def test_fake_parent_a_member_that_failed_but_was_not_removed_comes_back(fake_parent: WarmDouble) -> None:
    everybody = fake_parent.users()
    fake_parent.busy = 99
    with pytest.raises(TwostepError) as caught:
        consumers.release(fake_parent.world, LEG)
    assert caught.value.code == "consumer_not_stopped"
    assert not consumers.is_there(fake_parent.world, LEG)
    fake_parent.busy = 0
    fake_parent.calls.clear()
    consumers.restore(fake_parent.world, LEG)
    assert fake_parent.calls == [SETTLE, *STOPPED["leg"], STARTED["leg"]]
    assert (consumers.is_there(fake_parent.world, LEG), fake_parent.users()) == (True, everybody)


@pytest.mark.parametrize("how", [None, {"priority": "-2"}])
def test_fake_parent_a_swap_area_without_a_priority_of_its_own(fake_parent: WarmDouble, how: dict | None) -> None:
    area = replace(SWAP, how=how)
    stop(fake_parent, area)
    consumers.restore(fake_parent.world, area)
    assert fake_parent.calls == [SETTLE, ["swapon", "--", f"{DISK}p2"]]


def test_fake_parent_a_mount_of_which_little_is_known(fake_parent: WarmDouble) -> None:
    plain = replace(MOUNT, how=None)
    stop(fake_parent, plain)
    consumers.restore(fake_parent.world, plain)
    assert fake_parent.calls == [SETTLE, ["mount", "-t", "auto", "-o", "rw", "--", f"{DISK}p1", "/srv"]]


@pytest.mark.parametrize("one", KINDS, ids=str)
def test_fake_parent_an_exit_code_proves_nothing(fake_parent: WarmDouble, one: Consumer) -> None:
    fake_parent.lying = ["systemctl", "mount", "umount", "swapon", "swapoff", "mdadm"]
    consumers.release(fake_parent.world, one)
    assert not consumers.is_there(fake_parent.world, one)
    consumers.restore(fake_parent.world, one)
    assert consumers.is_there(fake_parent.world, one)


@pytest.mark.parametrize("one", KINDS, ids=str)
def test_fake_parent_what_does_not_stop_is_named(fake_parent: WarmDouble, one: Consumer) -> None:
    program = STOPPED[one.kind][0][0]
    fake_parent.deaf = [program]
    with pytest.raises(TwostepError) as caught:
        consumers.release(fake_parent.world, one)
    assert (caught.value.code, caught.value.data) == ("consumer_not_stopped", {"kind": one.kind, "name": one.name})
    assert caught.value.message == f"{one} was not stopped: {program}: no."
    assert caught.value.next_step == "See what keeps it (fuser, lsof), stop that with twostep_hook_before_swap, and run again."
    assert 10.0 <= sum(fake_parent.slept) <= 11.0


@pytest.mark.parametrize("one", KINDS, ids=str)
def test_fake_parent_what_does_not_come_back_is_named(fake_parent: WarmDouble, one: Consumer) -> None:
    stop(fake_parent, one)
    fake_parent.deaf = [STARTED[one.kind][0]]
    with pytest.raises(TwostepError) as caught:
        consumers.restore(fake_parent.world, one)
    assert (caught.value.code, caught.value.data) == ("consumer_not_restarted", {"kind": one.kind, "name": one.name})
    assert caught.value.message == f"{one} was not restarted: {STARTED[one.kind][0]}: no."
    assert caught.value.next_step == f"Bring it back by hand: {' '.join(STARTED[one.kind])}"


def test_fake_parent_a_program_that_says_nothing_has_nothing_to_be_quoted(fake_parent: WarmDouble) -> None:
    fake_parent.answers["umount"] = Result(0, "", "")
    with pytest.raises(TwostepError) as caught:
        consumers.release(fake_parent.world, MOUNT)
    assert caught.value.message == "mount /srv was not stopped."


def test_fake_parent_a_long_answer_is_cut(fake_parent: WarmDouble) -> None:
    fake_parent.answers["umount"] = Result(1, "a" * 400, "")
    with pytest.raises(TwostepError) as caught:
        consumers.release(fake_parent.world, MOUNT)
    assert caught.value.message == f"mount /srv was not stopped: {'a' * 300}."


def test_fake_parent_what_takes_a_while_is_waited_for(fake_parent: WarmDouble) -> None:
    fake_parent.deaf = ["systemctl"]

    def sleep(seconds: float) -> None:
        fake_parent.sleep(seconds)
        if len(fake_parent.slept) == 3:
            fake_parent.running.clear()

    consumers.release(replace(fake_parent.world, sleep=sleep), UNIT)
    assert (fake_parent.calls, fake_parent.slept) == (STOPPED["unit"], [0.5, 0.5, 0.5])


def test_fake_parent_all_copies_are_waited_for(fake_parent: WarmDouble) -> None:
    stop(fake_parent, LEG)
    fake_parent.lasting = True
    consumers.restore(fake_parent.world, LEG)

    def sleep(seconds: float) -> None:
        fake_parent.sleep(seconds)
        if len(fake_parent.slept) == 4:
            fake_parent.lasting = False
            fake_parent.join("md0", DISK)

    consumers.await_redundancy(replace(fake_parent.world, sleep=sleep), KINDS, 60.0)
    assert fake_parent.slept == [0.5] * 4


def test_fake_parent_nobody_waits_without_an_array(fake_parent: WarmDouble) -> None:
    stop(fake_parent, LEG)
    consumers.await_redundancy(fake_parent.world, [UNIT, MOUNT, SWAP], 0.0)
    assert fake_parent.slept == []


def test_fake_parent_copies_are_not_waited_for_without_end(fake_parent: WarmDouble) -> None:
    stop(fake_parent, LEG)
    with pytest.raises(TwostepError) as caught:
        consumers.await_redundancy(fake_parent.world, KINDS, 60.0)
    assert (caught.value.code, caught.value.data) == ("not_redundant", {"array": "md0"})
    assert caught.value.message == (
        "After 60 s md0 has not all its copies again: md0 is degraded: 1 of 2 members are missing. md0 has 1 of 2 members."
    )
    assert caught.value.next_step == "Wait until it has; then run again."
    assert 60.0 <= sum(fake_parent.slept) <= 60.5
