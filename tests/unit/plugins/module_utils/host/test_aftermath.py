# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import consumers
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.ledger import Entry
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import aftermath, ledger, swap_folder
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent, module_of
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK, LEG, MOUNT, SWAP, UNIT, WarmDouble

REQUEST = SwapRequest("data-1", "run", "data", "remap", "1.0.0", "1.1.0", 1, "t", path="/m.ko", module="m", old_module="o")
WARM = replace(REQUEST, mode="warm", module=module_of("1.1.0"), old_module=module_of("1.0.0"), units=("web.service",))
AGAIN = "Run the same task again: it reads the slot afresh."


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    swap_folder.write_request(fake.paths, REQUEST)
    return fake


def reached(fake: FakeParent, phase: str, event: str) -> None:
    ledger.append(fake.paths, Entry(0, "t", "run", "data-1", "data", phase, event))


def test_fake_parent_dead_before_the_first_phase(fake_parent: FakeParent) -> None:
    result = aftermath.settle(fake_parent.world, REQUEST)
    assert (result.outcome, result.code, result.next_step, result.has_moved) == ("failed", "agent_died", AGAIN, False)
    assert result.message == (
        "The agent of swap data-1 ended before its first phase without an answer. Slot data serves 1.0.0 at generation 1."
    )
    assert swap_folder.read_result(fake_parent.paths, "data-1") == result
    assert swap_folder.unfinished(fake_parent.paths, "data") is None
    assert [(entry.phase, entry.event) for entry in ledger.read(fake_parent.paths)] == [("settle", "end")]


def test_fake_parent_dead_after_the_swap(fake_parent: FakeParent) -> None:
    reached(fake_parent, "swap", "begin")
    fake_parent.register("1.1.0")
    fake_parent.adopt("data", "1.1.0", parked="1.0.0")
    result = aftermath.settle(fake_parent.world, REQUEST)
    assert "ended in phase swap (begin) without an answer. Slot data serves 1.1.0 at generation 2; 1.0.0 is parked." in result.message
    assert (result.next_step, result.has_moved) == ("Run the same task again: only the commit is left.", True)


def test_fake_parent_is_waited_for_while_its_swap_runs(fake_parent: FakeParent) -> None:
    fake_parent.set(state="held", last_swap__result="running")
    polls = []

    def sleep(seconds: float) -> None:
        polls.append(seconds)
        if len(polls) == 3:
            fake_parent.set(state="serving", last_swap__result="returned")

    world = fake_parent.world.__class__(**{**fake_parent.world.__dict__, "sleep": sleep})
    assert aftermath.settle(world, REQUEST).message.endswith("Slot data serves 1.0.0 at generation 1.")
    assert len(polls) == 3


def test_fake_parent_is_not_waited_for_without_end(fake_parent: FakeParent) -> None:
    fake_parent.set(state="held", last_swap__result="running")
    assert aftermath.settle(fake_parent.world, REQUEST).message.endswith("Slot data is held with 1.0.0 at generation 1.")
    assert 2 * REQUEST.deadline_ms / 1000 < fake_parent.clock_ns / 1e9 < 2 * REQUEST.deadline_ms / 1000 + 5


def test_fake_parent_gone(fake_parent: FakeParent) -> None:
    (fake_parent.root / "sys/kernel/twostep/contract").unlink()
    result = aftermath.settle(fake_parent.world, REQUEST)
    assert result.message.endswith("The parent module twostep is not loaded.")
    assert not result.has_moved


def test_a_damaged_ledger_tells_no_phase(fake_parent: FakeParent) -> None:
    reached(fake_parent, "swap", "begin")
    reached(fake_parent, "swap", "end")
    with open(fake_parent.paths.ledger, "r+b") as stream:
        stream.write(b"x")
    assert aftermath.last_phase(fake_parent.world, "data-1") is None


def in_use(root: Path, at: str) -> WarmDouble:
    """Return a host whose agent died in a warm upgrade: `at` names what the slot was by then."""
    fake = WarmDouble(root)
    fake.all_users()
    swap_folder.write_request(fake.paths, WARM)
    if at == "untouched":
        return fake
    swap_folder.write_consumers(fake.paths, "data-1", consumers.render([UNIT, MOUNT, SWAP, LEG]))
    reached(fake, "take_down", "begin")
    for argv in (["systemctl", "stop", "--", UNIT.name], ["umount", "--", MOUNT.name]):
        fake.run(argv)
    if at != "old":
        fake.run(["swapoff", "--", SWAP.name])
        fake.run(["mdadm", "/dev/md0", "--remove", DISK])
        fake.control.deactivate("data")
    if at == "new":
        reached(fake, "replace", "begin")
        fake.register("1.1.0")
        fake.adopt("data", "1.1.0")
    fake.calls.clear()
    fake.writes.clear()
    return fake


@pytest.mark.parametrize(
    ("at", "where", "message", "next_step"),
    [
        ("untouched", "before its first phase", "Slot data serves 1.0.0 at generation 1.", AGAIN),
        (
            "old",
            "in phase take_down (begin)",
            "Slot data serves 1.0.0 at generation 1. Brought back: unit web.service, mount /srv.",
            AGAIN,
        ),
        (
            "empty",
            "in phase take_down (begin)",
            f"Slot data serves 1.0.0 at generation 3. Brought back: unit web.service, mount /srv, swap {DISK}p2, {DISK} in md0.",
            AGAIN,
        ),
        (
            "new",
            "in phase replace (begin)",
            f"Slot data serves 1.1.0 at generation 3. Brought back: unit web.service, mount /srv, swap {DISK}p2, {DISK} in md0.",
            "Run the same task again: only the commit is left.",
        ),
    ],
)
def test_fake_parent_dead_on_the_warm_way(tmp_path: Path, at: str, where: str, message: str, next_step: str) -> None:
    fake = in_use(tmp_path, at)
    result = aftermath.settle(fake.world, WARM)
    assert (result.outcome, result.code, result.mode, result.next_step) == ("failed", "agent_died", "warm", next_step)
    assert result.message == f"The agent of swap data-1 ended {where} without an answer. {message}"
    assert result.generation_after == fake.status.slot("data").generation
    assert fake.users() == (["web.service"], ["/srv"], [f"{DISK}p2"], ["md0"])
    assert swap_folder.read_result(fake.paths, "data-1") == result


def test_fake_parent_an_empty_slot_gets_the_old_version_even_if_its_module_is_gone(tmp_path: Path) -> None:
    fake = in_use(tmp_path, "empty")
    fake.drop(module_of("1.0.0"))
    assert "Slot data serves 1.0.0 at generation 3." in aftermath.settle(fake.world, WARM).message
    assert fake.calls[0] == ["modprobe", module_of("1.0.0")]
    assert fake.writes == [("swap", "version=1.0.0 generation=2 mode=handover deadline_ms=500")]


@pytest.mark.parametrize(
    ("deaf", "code", "missing"),
    [("mdadm", "consumer_not_restarted", "/dev/twostep/data in md0."), ("modprobe", "no_module", "unit web.service")],
)
def test_fake_parent_what_cannot_be_brought_back_leaves_no_result(tmp_path: Path, deaf: str, code: str, missing: str) -> None:
    fake = in_use(tmp_path, "empty")
    path = fake.install("1.0.0")
    if deaf == "modprobe":
        fake.drop(module_of("1.0.0"))
        path.unlink()
    fake.deaf = [deaf]
    with pytest.raises(TwostepError) as caught:
        aftermath.settle(fake.world, WARM)
    assert caught.value.code == code
    assert swap_folder.read_result(fake.paths, "data-1") is None
    assert swap_folder.unfinished(fake.paths, "data") == WARM
    assert [entry.phase for entry in ledger.read(fake.paths)] == ["take_down"]
    fake.deaf = []
    fake.install("1.0.0")
    assert f"Brought back: {missing}" in aftermath.settle(fake.world, WARM).message
    assert swap_folder.unfinished(fake.paths, "data") is None


def test_fake_parent_gone_on_the_warm_way_brings_nobody_back(tmp_path: Path) -> None:
    fake = in_use(tmp_path, "empty")
    (tmp_path / "sys/kernel/twostep/contract").unlink()
    assert aftermath.settle(fake.world, WARM).message.endswith("The parent module twostep is not loaded.")
    assert (fake.calls, fake.users()) == ([], ([], [], [], []))


def test_fake_parent_a_list_of_another_mode_is_not_followed(tmp_path: Path) -> None:
    fake = in_use(tmp_path, "old")
    assert aftermath.settle(fake.world, replace(WARM, mode="handover")).message.endswith("Slot data serves 1.0.0 at generation 1.")
    assert fake.calls == []
