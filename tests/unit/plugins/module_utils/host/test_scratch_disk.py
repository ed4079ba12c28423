# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.exercise import Offers
from ansible_collections.twostep.hotswap.plugins.module_utils.host import scratch_disk
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.plugins.module_utils.host.scratch_disk import Driver, LoopDisk
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    return FakeParent(tmp_path)


def queue(fake: FakeParent, **files: str) -> None:
    for name, value in files.items():
        fake.put(fake.root / f"sys/class/block/sda/queue/{name}", value)


def test_fake_parent_offers(fake_parent: FakeParent) -> None:
    assert scratch_disk.offers(fake_parent.world, "sda") == Offers()
    queue(fake_parent, write_cache="write back", fua="1", discard_max_bytes="4096", write_zeroes_max_bytes="0", logical_block_size="512")
    assert scratch_disk.offers(fake_parent.world, "sda") == Offers(flush=True, fua=True, discard=True)
    assert scratch_disk.block_bytes(fake_parent.world, "sda") == 512


def test_fake_parent_without_a_cache_there_is_nothing_to_flush(fake_parent: FakeParent) -> None:
    queue(fake_parent, write_cache="write through", fua="1")
    assert scratch_disk.offers(fake_parent.world, "sda") == Offers()


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_store_has_no_name(tmp_path, in_memory: bool) -> None:
    handle = scratch_disk.store(None if in_memory else str(tmp_path), 8192)
    assert os.pread(handle, 10000, 0) == bytes(8192)
    assert os.listdir(tmp_path) == []
    os.close(handle)


def test_a_folder_that_does_not_exist(tmp_path) -> None:
    with pytest.raises(TwostepError) as caught:
        scratch_disk.store(str(tmp_path / "no"), 8192)
    assert caught.value.code == "no_scratch"
    assert str(caught.value) == (
        f"No scratch file can be made in {tmp_path}/no: No such file or directory. "
        "Next: Choose a folder on a local filesystem such as ext4 or xfs, or memory."
    )


def test_fake_parent_a_driver_that_is_there_stays(fake_parent: FakeParent) -> None:
    fake_parent.put(fake_parent.root / "dev/loop-control", "")
    driver = Driver(fake_parent.world, "loop", "/dev/loop-control")
    driver.load()
    assert driver.unload() == []
    assert fake_parent.calls == []


class Drivers:
    """modprobe and rmmod of a driver, the latter in vain for a number of times."""

    def __init__(self, fake: FakeParent, busy: int = 0) -> None:
        self.fake = fake
        self.busy = busy
        self.calls: list[list[str]] = []

    def run(self, argv: list[str], **_options: object) -> Result:
        self.calls.append(argv)
        state = self.fake.root / f"sys/module/{argv[1]}/initstate"
        if argv[0] == "modprobe":
            self.fake.put(state, "live")
        elif self.busy:
            self.busy -= 1
            return Result(1, "", "rmmod: ERROR: Module loop is in use")
        else:
            state.unlink()
        return Result(0, "", "")


@pytest.mark.parametrize(("busy", "left"), [(0, []), (3, []), (99, ["module loop"])])
def test_fake_parent_a_driver_of_ours_goes(fake_parent: FakeParent, busy: int, left: list[str]) -> None:
    drivers = Drivers(fake_parent, busy)
    object.__setattr__(fake_parent.world, "run", drivers.run)
    driver = Driver(fake_parent.world, "loop", "/dev/loop-control")
    driver.load()
    assert driver.unload() == left
    assert drivers.calls[:2] == [["modprobe", "loop"], ["rmmod", "loop"]]
    assert len(fake_parent.slept) == (min(busy, 19))


class Loops:
    """/dev/loop-control and the devices behind it; the first `taken` of them somebody else was faster to take."""

    def __init__(self, taken: int) -> None:
        self.taken = taken
        self.configured: list[bytes] = []
        self.next = 0

    def ioctl(self, _handle: object, request: int, value: bytes = b"") -> int:
        if request == 0x4C82:
            return self.next
        if self.next < self.taken:
            self.next += 1
            raise OSError(16, "Device or resource busy")
        self.configured.append(value)
        return 0


def make(fake_parent: FakeParent, monkeypatch, taken: int = 0) -> tuple[LoopDisk, Loops]:
    loops = Loops(taken)
    for name in ("loop-control", "loop0", "loop1", "loop2", "loop3", "loop4"):
        fake_parent.put(fake_parent.root / "dev" / name, "")
    monkeypatch.setattr(scratch_disk.fcntl, "ioctl", loops.ioctl)
    return LoopDisk(fake_parent.world, None, 8192, 4096), loops


@pytest.mark.parametrize("taken", [0, 2])
def test_fake_parent_a_loop_device(fake_parent: FakeParent, monkeypatch, taken: int) -> None:
    disk, loops = make(fake_parent, monkeypatch, taken)
    assert disk.make() == f"/dev/loop{taken}"
    (config,) = loops.configured
    assert len(config) == 304
    assert int.from_bytes(config[4:8], "little") == 4096
    # lo_flags, after the two words and 52 bytes of struct loop_info64.
    assert int.from_bytes(config[60:64], "little") == 4
    stat = fake_parent.root / f"sys/class/block/loop{taken}/stat"
    fake_parent.put(stat, " ".join(["0"] * 15 + ["7", "0"]))
    disk.mark()
    fake_parent.put(stat, " ".join(["0"] * 15 + ["9", "0"]))
    assert disk.taken() == [["write", 0, 8192, False], ["flush", 0, 0, False], ["flush", 0, 0, False]]
    disk.stall()
    assert not disk.stalled(1.0)
    disk.release()
    assert disk.remove() == []
    assert disk.remove() == []


def test_fake_parent_no_loop_device_to_be_had(fake_parent: FakeParent, monkeypatch) -> None:
    disk, _loops = make(fake_parent, monkeypatch, taken=99)
    with pytest.raises(TwostepError) as caught:
        disk.make()
    assert caught.value.code == "no_scratch"
    assert str(caught.value) == (
        "No loop device can be made: Device or resource busy. Next: Look at the kernel log, and whether the module loop can be loaded."
    )
