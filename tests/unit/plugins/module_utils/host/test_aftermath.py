# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.ledger import Entry
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import aftermath, ledger, swap_folder
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

REQUEST = SwapRequest("data-1", "run", "data", "remap", "1.0.0", "1.1.0", 1, "t", path="/m.ko", module="m", old_module="o")
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
