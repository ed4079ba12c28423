# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rehearsal import Step, Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rehearsal_result import Findings
from ansible_collections.twostep.hotswap.plugins.module_utils.host import rehearsal_facts
from ansible_collections.twostep.hotswap.plugins.module_utils.host.scratch_slot import ScratchSlot
from ansible_collections.twostep.hotswap.plugins.module_utils.host.stage import Stage
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.rehearsal_double import (
    SIZE_MIB,
    DiskDouble,
    Inline,
    RehearsalDouble,
)

NAME = "rehearse-0123456"
OLD, NEW = "1.0.0", "1.1.0"


@pytest.fixture
def fake(tmp_path) -> RehearsalDouble:
    return RehearsalDouble(tmp_path)


class Set:
    """A stage on which the running version serves."""

    def __init__(self, fake: RehearsalDouble, kind: str = "nbd") -> None:
        self.fake = fake
        self.disk = DiskDouble(kind)
        self.found = Findings()
        wanted = Wish("data", NEW, size_mib=SIZE_MIB)
        slot = ScratchSlot(fake.world, NAME, 500, Inline, lambda: 100.0)  # type: ignore[arg-type]
        self.stage = Stage(
            fake.world, slot, self.disk, self.found, (OLD, NEW), 7, Inline, lambda: 100.0  # type: ignore[arg-type]
        )  # fmt: skip
        self.stage.make(rehearsal_facts.gather(fake.world, wanted), wanted)
        self.take("adopt", OLD)

    def take(self, action: str, version: str, busy: bool = False) -> None:
        self.stage.take(Step(action, "", self.disk.kind, version, busy), one_way=False)

    def refused(self, action: str, version: str, busy: bool = False) -> TwostepError:
        with pytest.raises(TwostepError) as caught:
            self.take(action, version, busy)
        return caught.value


def spoil(fake: RehearsalDouble) -> None:
    with open(fake.device(NAME), "r+b") as stream:
        stream.write(b"\xa5" * 4096)


def test_fake_parent_the_slot_is_on_the_scratch_device(fake: RehearsalDouble) -> None:
    Set(fake)
    assert ("params", "lower=/dev/scratch0") in fake.writes


def test_fake_parent_there_and_back(fake: RehearsalDouble) -> None:
    one = Set(fake)
    one.take("exercise", OLD)
    one.take("swap", NEW, busy=True)
    one.take("exercise", NEW)
    one.take("commit", NEW)
    one.take("swap", OLD)
    one.take("verify", OLD)
    assert [(hold.from_version, hold.to_version, hold.hold_ms, hold.held_requests) for hold in one.found.holds] == [
        (OLD, NEW, 1.5, 4),
        (NEW, OLD, 1.5, 4),
    ]
    assert one.found.state[1] == {
        "device": "nbd", "from": NEW, "to": OLD, "files": [{"file": "reads", "before": 3, "after": 3, "verdict": "same"}],
    }  # fmt: skip
    assert one.found.exercised == {"flush"}
    assert one.found.operations > 200
    assert one.found.max_latency_ms > 0
    assert one.stage.remove() == []
    assert fake.scratch_slots() == []
    assert one.disk.calls[-1] == "remove"


def test_fake_parent_corruption_is_found_with_the_block(fake: RehearsalDouble) -> None:
    one = Set(fake)
    one.take("exercise", OLD)
    fake.on_swap = lambda _slot, _version: spoil(fake)
    one.take("swap", NEW)
    error = one.refused("exercise", NEW)
    assert (error.code, error.data["block"]) == ("corrupt_read", 0)


def test_fake_parent_the_kernel_s_reason_is_told_before_what_the_application_saw(fake: RehearsalDouble) -> None:
    one = Set(fake)
    one.take("exercise", OLD)
    one.take("swap", NEW)
    spoil(fake)
    fake.bring_back(NAME)
    assert one.refused("exercise", NEW).code == "returned"


def test_fake_parent_a_return_that_nobody_felt_is_found(fake: RehearsalDouble) -> None:
    one = Set(fake)
    one.take("exercise", OLD)
    one.take("swap", NEW)
    fake.bring_back(NAME)
    assert one.refused("exercise", NEW).code == "returned"


@pytest.mark.parametrize(("is_fua", "code"), [(False, "flush_swallowed"), (True, "fua_swallowed")])
def test_fake_parent_what_is_swallowed_is_found(fake: RehearsalDouble, is_fua: bool, code: str) -> None:
    one = Set(fake)
    if is_fua:
        fake.queue(NAME, fua="1")
        one.stage._offers = one.stage._offers.__class__(flush=True, fua=True)
    one.take("exercise", OLD)
    one.take("swap", NEW)
    arrived = one.disk.arrived
    one.stage._measure = {"flush": 1 - is_fua, "fua": 1}
    one.disk.arrived = arrived[:1]
    error = one.refused("exercise", NEW)
    assert error.code == code
    assert error.data == {"running": 1, "candidate": 0, "versions": [OLD, NEW]}


@pytest.mark.parametrize(("number", "code"), [(errno.EIO, "adopt_failed"), (errno.ETIMEDOUT, "deadline"), (errno.EBADMSG, "state_damaged")])
@pytest.mark.parametrize("busy", [True, False])
def test_fake_parent_a_candidate_that_does_not_take_over(fake: RehearsalDouble, number: int, code: str, busy: bool) -> None:
    one = Set(fake)
    fake.refuse["swap"], fake.reason = number, "adopt failed: -5"
    error = one.refused("swap", NEW, busy)
    assert error.code == code
    assert "adopt failed: -5" in error.message


def test_fake_parent_no_way_back(fake: RehearsalDouble) -> None:
    one = Set(fake)
    one.take("swap", NEW)
    one.take("commit", NEW)
    fake.refuse["swap"], fake.reason = errno.EIO, "adopt failed: -5"
    error = one.refused("swap", OLD)
    assert error.code == "no_way_back"
    assert error.message.startswith("The running version does not take over from the candidate: The kernel refused to swap to 1.0.0 on")
    assert error.next_step == "Keep the old version, or consent with one_way if that is meant."
    assert error.data["cause"] == "child_refused"


def test_fake_parent_a_counter_that_is_lost(fake: RehearsalDouble) -> None:
    one = Set(fake)
    fake.on_swap = lambda slot, _version: fake.set(slot, child__reads=2)
    assert one.refused("swap", NEW, busy=True).code == "counter_lost"


@pytest.mark.parametrize(("stat", "is_quiet"), [("0 0", True), ("1 0", False)])
def test_fake_parent_a_counter_that_moves_is_lost_unless_somebody_did_io(fake: RehearsalDouble, stat: str, is_quiet: bool) -> None:
    def on_swap(slot: str, _version: str) -> None:
        fake.set(slot, child__reads=4)
        fake.put(fake.root / f"sys/class/block/twostep!{slot}/stat", stat)

    one = Set(fake)
    fake.on_swap = on_swap
    if is_quiet:
        assert one.refused("swap", NEW).code == "counter_lost"
    else:
        one.take("swap", NEW)


def test_fake_parent_the_kernel_brings_the_old_child_back(fake: RehearsalDouble) -> None:
    one = Set(fake)
    one.take("swap", NEW)
    one.disk.on_stall = lambda: fake.bring_back(NAME)
    one.take("return", OLD)
    assert (one.found.holds[-1].action, one.found.holds[-1].hold_ms) == ("return", 2.0)
    assert one.disk.calls == ["make", "stall", "release"]
    stalls = [value for name, value in fake.writes if name == "probation_stall_ms"]
    assert stalls == ["3000", "100", "3000"]


def test_fake_parent_the_old_child_does_not_come_back(fake: RehearsalDouble) -> None:
    one = Set(fake)
    one.take("swap", NEW)
    fake.set(NAME, last_swap__reason="probation: request stalled; no return: drain did not end")
    error = one.refused("return", OLD)
    assert error.code == "no_way_back"
    assert error.message == (
        "A request stalled in the probation, and 1.0.0 did not come back: probation: request stalled; no return: drain did not end."
    )
    assert one.disk.calls == ["make", "stall", "release"]
    assert 9 < sum(fake.slept) < 11


def test_fake_parent_what_stays_is_told(fake: RehearsalDouble) -> None:
    one = Set(fake)
    assert one.stage._user is not None
    one.stage._user.is_stuck = True  # type: ignore[attr-defined]
    fake.refuse["active"] = errno.EBUSY
    one.disk.left = ["module nbd"]
    assert one.stage.remove() == ["process 1", f"slot {NAME} (slot_in_use)", "module nbd"]
