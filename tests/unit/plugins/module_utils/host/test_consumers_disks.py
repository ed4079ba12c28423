# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of disks that are no slots: how a disk is named, device-mapper's by name, and all of them stopped and brought back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import consumers as lists
from ansible_collections.twostep.hotswap.plugins.module_utils.core.consumers import Consumer, Device
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import consumers
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

CACHED = "/dev/mapper/cached"
EVERYBODY = (["web.service"], ["/srv"], [f"{DISK}p2"], ["md0"])


@pytest.fixture
def fake_parent(tmp_path: Path) -> WarmDouble:
    return WarmDouble(tmp_path)


def add_disk(fake: WarmDouble, name: str, number: str, mapped: str = "") -> None:
    fake.put(fake.root / f"sys/block/{name}/dev", number)
    fake.put(fake.root / f"sys/class/block/{name}/dev", number)
    (fake.root / "dev/mapper").mkdir(parents=True, exist_ok=True)
    (fake.root / "dev" / name).touch()
    if mapped:
        fake.put(fake.root / f"sys/block/{name}/dm/name", mapped)
        os.symlink(f"../{name}", fake.root / "dev/mapper" / mapped)


@pytest.mark.parametrize(
    ("device", "name"),
    [("/dev/sdb", "sdb"), (CACHED, "dm-3"), ("/dev/dm-3", "dm-3"), (DISK, "twostep!data"), ("/dev/disk/by-id/x", "sdb")],
)
def test_fake_parent_the_disk_at_a_path(fake_parent: WarmDouble, device: str, name: str) -> None:
    add_disk(fake_parent, "sdb", "8:16")
    add_disk(fake_parent, "dm-3", "253:3", "cached")
    (fake_parent.root / "dev/disk/by-id").mkdir(parents=True)
    os.symlink("../../sdb", fake_parent.root / "dev/disk/by-id/x")
    assert consumers.disk_at(fake_parent.paths, device) == name


@pytest.mark.parametrize("device", ["/dev/sdc", "/dev/sdb1", "/dev/mapper/gone", "/dev/out"])
def test_fake_parent_no_disk_at_a_path(fake_parent: WarmDouble, device: str) -> None:
    add_disk(fake_parent, "sdb", "8:16")
    fake_parent.put(fake_parent.root / "sys/block/sdb/sdb1/partition", "1")
    os.symlink("/etc/passwd", fake_parent.root / "dev/out")
    with pytest.raises(TwostepError) as caught:
        consumers.disk_at(fake_parent.paths, device)
    assert (caught.value.code, caught.value.data) == ("no_disk", {"device": device})
    assert caught.value.message == f"{device} is no disk of this host."
    assert caught.value.next_step == "Write the path of a whole disk that exists, e.g. /dev/sdb."


def test_fake_parent_a_device_of_device_mapper_is_known_by_its_name(fake_parent: WarmDouble) -> None:
    add_disk(fake_parent, "dm-3", "253:3", "cached")
    fake_parent.mount(Mounted("/srv", CACHED, "253:3"))
    fake_parent.swap_on("/dev/dm-3", 5)
    found = consumers.look(fake_parent.world, ["dm-3"], [])
    assert (found.devices, found.swaps) == ((Device(CACHED, "253:3"),), ((CACHED, 5),))
    assert lists.plan(found) == (
        Consumer("mount", "/srv", CACHED, {"unit": "", "fstype": "ext4", "options": "rw,noatime"}),
        Consumer("swap", CACHED, CACHED, {"priority": "5"}),
    )


def test_fake_parent_a_device_that_comes_back_under_another_number_is_the_same(fake_parent: WarmDouble) -> None:
    add_disk(fake_parent, "dm-3", "253:3", "cached")
    mount, swap = Consumer("mount", "/srv", CACHED), Consumer("swap", CACHED, CACHED, {"priority": "5"})
    (fake_parent.root / "dev/mapper/cached").unlink()
    assert not consumers.is_there(fake_parent.world, mount)
    assert not consumers.is_there(fake_parent.world, swap)
    add_disk(fake_parent, "dm-9", "253:9", "cached")
    fake_parent.mount(Mounted("/srv", "/dev/dm-9", "253:9"))
    fake_parent.swap_on("/dev/dm-9")
    assert consumers.is_there(fake_parent.world, mount)
    assert consumers.is_there(fake_parent.world, swap)


def test_fake_parent_swap_on_another_disk_is_not_ours(fake_parent: WarmDouble) -> None:
    add_disk(fake_parent, "dm-3", "253:3", "cached")
    add_disk(fake_parent, "dm-4", "253:4", "other")
    fake_parent.swap_on("/dev/dm-4")
    assert lists.plan(consumers.look(fake_parent.world, ["dm-3"], [])) == ()
    assert not consumers.is_there(fake_parent.world, Consumer("swap", CACHED, CACHED))


def test_fake_parent_users_of_several_disks_are_found(fake_parent: WarmDouble) -> None:
    add_disk(fake_parent, "sdb", "8:16")
    fake_parent.all_users()
    fake_parent.mount(Mounted("/opt", "/dev/sdb", "8:16"))
    found = lists.plan(consumers.look(fake_parent.world, ["twostep!data", "sdb"], ["web.service"]))
    assert [str(one) for one in found] == ["unit web.service", "mount /opt", "mount /srv", f"swap {DISK}p2", f"{DISK} in md0"]


def test_fake_parent_all_let_go_in_their_order_and_come_back_in_the_reverse_order(fake_parent: WarmDouble) -> None:
    fake_parent.all_users()
    found = [UNIT, MOUNT, SWAP, LEG]
    consumers.release_all(fake_parent.world, found)
    assert [call[0] for call in fake_parent.calls] == ["systemctl", "umount", "swapoff", "mdadm", "mdadm", "udevadm"]
    assert (fake_parent.calls[-1], fake_parent.users()) == (SETTLE, ([], [], [], []))
    fake_parent.calls.clear()
    consumers.restore_all(fake_parent.world, found)
    assert [call[0] for call in fake_parent.calls if call != SETTLE] == ["mdadm", "swapon", "mount", "systemctl"]
    assert fake_parent.users() == EVERYBODY


def test_fake_parent_the_first_that_does_not_let_go_ends_it(fake_parent: WarmDouble) -> None:
    fake_parent.all_users()
    fake_parent.deaf = ["umount"]
    with pytest.raises(TwostepError) as caught:
        consumers.release_all(fake_parent.world, [UNIT, MOUNT, SWAP, LEG])
    assert caught.value.message == "mount /srv was not stopped: umount: no."
    assert fake_parent.users() == ([], *EVERYBODY[1:])


def test_fake_parent_who_does_not_come_back_is_told_and_keeps_only_those_down_that_need_it(fake_parent: WarmDouble) -> None:
    fake_parent.all_users()
    fake_parent.mount(Mounted("/srv/inner", f"{DISK}p2", "259:2"))
    fake_parent.mount(Mounted("/srvother", DISK, "259:0"))
    inner, other = Consumer("mount", "/srv/inner", f"{DISK}p2"), Consumer("mount", "/srvother", DISK)
    found = [UNIT, other, inner, MOUNT, SWAP, LEG]
    consumers.release_all(fake_parent.world, found)
    real = fake_parent._do
    fake_parent._do = lambda argv: None if argv[-1] == "/srv" else real(argv)  # type: ignore[method-assign]
    with pytest.raises(TwostepError) as caught:
        consumers.restore_all(fake_parent.world, found)
    assert caught.value.code == "consumer_not_restarted"
    assert caught.value.message == (
        "mount /srv was not restarted. mount /srv/inner was not restarted: /srv is not mounted. "
        "unit web.service was not restarted: /srv is not mounted."
    )
    assert [entry["name"] for entry in caught.value.data["missing"]] == ["/srv", "/srv/inner", "web.service"]
    assert fake_parent.users() == ([], ["/srvother"], [f"{DISK}p2"], ["md0"])
