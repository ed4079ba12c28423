# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
from typing import Any, Sequence

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import nbd
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import nbd_disk
from ansible_collections.twostep.hotswap.plugins.module_utils.host.nbd_disk import NbdDisk, Plug
from ansible_collections.twostep.hotswap.plugins.module_utils.host.servant import Orders
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent


class Hired:
    """Servants that only note their orders; `busy` devices are somebody else's."""

    def __init__(self, busy: int = 0) -> None:
        self.busy = busy
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.gone = True
        self.pid = 42

    def __call__(self, name: str, _orders: Orders, keep: Sequence[int] = ()) -> Hired:
        assert keep
        return self

    def order(self, order: str, _timeout_s: float, **arguments: Any) -> Any:
        self.orders.append((order, arguments))
        if order == "plug":
            self.busy -= 1
            return self.busy < 0
        return {"taken": [["flush", 0, 0, False]], "stalled": True}.get(order)

    def end(self) -> bool:
        self.orders.append(("end", {}))
        return self.gone


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    for number in range(3):
        fake.put(tmp_path / f"dev/nbd{number}", "")
        fake.put(tmp_path / f"sys/class/block/nbd{number}/size", "0")
    fake.put(tmp_path / "sys/class/block/nbd0/pid", "77")
    fake.put(tmp_path / "sys/class/block/nbd1p1/size", "0")
    return fake


@pytest.fixture
def ioctls(monkeypatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr(nbd_disk.fcntl, "ioctl", lambda _handle, request, *_value: found.append(request))
    return found


def disk(fake: FakeParent, hired: Hired) -> NbdDisk:
    return NbdDisk(fake.world, None, 1 << 20, 512, hired)  # type: ignore[arg-type]


def test_fake_parent_a_free_device_is_connected(fake_parent: FakeParent, ioctls: list[int]) -> None:
    hired = Hired()
    one = disk(fake_parent, hired)
    assert one.make() == "/dev/nbd1"
    assert hired.orders == [("mark", {}), ("plug", {"path": fake_parent.paths.at("/dev/nbd1"), "block": 512, "blocks": 2048}), ("run", {})]
    one.mark()
    assert one.taken() == [["flush", 0, 0, False]]
    one.stall()
    assert one.stalled(1.5)
    one.release()
    assert hired.orders[-3:] == [("stall", {}), ("stalled", {"timeout": 1.5}), ("release", {})]
    assert one.remove() == []
    assert hired.orders[-3:] == [("unplug", {}), ("end", {}), ("end", {})]
    assert ioctls == []  # a second open file would be in the way
    assert one.remove() == []


def test_fake_parent_somebody_was_faster(fake_parent: FakeParent) -> None:
    assert disk(fake_parent, Hired(busy=1)).make() == "/dev/nbd2"


def test_fake_parent_somebody_looks_at_all_of_them_for_a_moment(fake_parent: FakeParent) -> None:
    assert disk(fake_parent, Hired(busy=3)).make() == "/dev/nbd2"
    assert fake_parent.slept == [0.2]


def test_fake_parent_all_are_in_use(fake_parent: FakeParent) -> None:
    one = disk(fake_parent, Hired(busy=99))
    with pytest.raises(TwostepError) as caught:
        one.make()
    assert caught.value.code == "no_scratch"
    assert str(caught.value) == "Every nbd device of the host is in use. Next: Free one, or load nbd with a larger nbds_max."
    assert fake_parent.slept == [0.2] * 19
    assert one.remove() == []


def test_fake_parent_a_process_that_stays_is_told(fake_parent: FakeParent) -> None:
    hired = Hired()
    hired.gone = False
    one = disk(fake_parent, hired)
    one.make()
    assert one.remove() == ["process 42", "process 42"]


def test_the_kernels_side(ioctls: list[int], tmp_path) -> None:
    (tmp_path / "nbd0").touch()
    orders = Plug(5).handlers()
    assert orders["plug"](path=str(tmp_path / "nbd0"), block=512, blocks=2048)
    orders["run"]()
    orders["unplug"]()
    assert ioctls[:4] == [nbd.SET_BLKSIZE, nbd.SET_SIZE_BLOCKS, nbd.SET_FLAGS, nbd.SET_SOCK]
    assert sorted(ioctls[4:6]) == sorted([nbd.DO_IT, nbd.DISCONNECT])
    assert ioctls[6:] == [nbd.CLEAR_SOCK]


def test_a_device_that_is_taken(monkeypatch, tmp_path) -> None:
    def busy(*_arguments: int) -> None:
        raise OSError(16, "busy")

    (tmp_path / "nbd0").touch()
    monkeypatch.setattr(nbd_disk.fcntl, "ioctl", busy)
    assert not Plug(5).plug(str(tmp_path / "nbd0"), 512, 2048)


def test_a_device_that_udev_looks_at_is_left_alone(ioctls: list[int], tmp_path) -> None:
    (tmp_path / "nbd0").touch()
    with open(tmp_path / "nbd0", encoding="ascii") as looks:
        fcntl.flock(looks, fcntl.LOCK_SH)
        assert not Plug(5).plug(str(tmp_path / "nbd0"), 512, 2048)
    assert ioctls == []
