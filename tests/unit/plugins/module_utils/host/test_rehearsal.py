# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rehearsal import Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.host import rehearsal_marker
from ansible_collections.twostep.hotswap.plugins.module_utils.host.rehearsal import Rehearsal
from ansible_collections.twostep.hotswap.plugins.module_utils.host.rehearsal_marker import Marker
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import module_of
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.rehearsal_double import (
    SIZE_MIB,
    DiskDouble,
    Inline,
    RehearsalDouble,
)

NAME = "rehearse-0123456"
NEW = module_of("1.1.0")


@pytest.fixture
def fake(tmp_path) -> RehearsalDouble:
    return RehearsalDouble(tmp_path)


class Rehearsed:
    """A rehearsal whose devices are doubles; a stalling one makes the kernel bring the old child back."""

    def __init__(self, fake: RehearsalDouble, timeout_s: float = 1000.0, **options: object) -> None:
        self.fake = fake
        self.disks: list[DiskDouble] = []
        wanted = Wish("data", "1.1.0", size_mib=SIZE_MIB, timeout_s=timeout_s, **options)  # type: ignore[arg-type]
        self.job = Rehearsal(
            fake.world, wanted, "01234567", Inline, {"nbd": self.nbd, "loop": self.loop}  # type: ignore[arg-type]
        )  # fmt: skip

    def nbd(self, *_words: object) -> DiskDouble:
        self.disks.append(DiskDouble("nbd"))
        self.disks[-1].on_stall = lambda: self.fake.bring_back(NAME)
        return self.disks[-1]

    def loop(self, *_words: object) -> DiskDouble:
        self.disks.append(DiskDouble("loop"))
        return self.disks[-1]


def state(fake: RehearsalDouble) -> list[str]:
    return sorted(os.listdir(fake.paths.state)) if os.path.isdir(fake.paths.state) else []


def assert_clean(fake: RehearsalDouble) -> None:
    assert fake.scratch_slots() == []
    assert not fake.is_loaded("1.1.0")
    assert state(fake) == []


def test_fake_parent_all_is_well(fake: RehearsalDouble) -> None:
    one = Rehearsed(fake)
    _facts, steps, found = one.job.perform()
    assert found.reasons == []
    assert [(done.action, done.device, done.version, done.code) for done in found.done] == [
        (step.action, step.device, step.version, "") for step in steps
    ]
    assert [hold.action for hold in found.holds] == ["swap", "return", "swap", "swap", "swap", "swap", "swap", "swap"]
    assert found.notes == ["fua is promised, but neither the slot's device nor a scratch device of this host offers it."]
    assert_clean(fake)
    assert fake.get("generation") == "1"
    assert {call[0] for call in fake.calls} <= {"modprobe", "rmmod", "modinfo"}


def test_fake_parent_a_module_that_was_loaded_stays(fake: RehearsalDouble) -> None:
    fake.register("1.1.0")
    _facts, steps, found = Rehearsed(fake).job.perform()
    assert found.reasons == []
    assert steps[0].action == "scratch"
    assert fake.is_loaded("1.1.0")


def test_fake_parent_nothing_to_rehearse(fake: RehearsalDouble) -> None:
    fake.add_slot(version="1.1.0")
    assert Rehearsed(fake).job.perform()[1] == ()
    assert fake.writes == []


def test_fake_parent_the_plan_changes_nothing(fake: RehearsalDouble) -> None:
    Rehearsed(fake).job.plan()
    assert (fake.writes, state(fake)) == ([], [])


@pytest.mark.parametrize("number", range(1, 8))
def test_fake_parent_each_swap_may_fail_and_nothing_stays(fake: RehearsalDouble, number: int) -> None:
    swaps = []

    def on_swap(_slot: str, _version: str) -> None:
        swaps.append(1)
        if len(swaps) == number:
            raise OSError(errno.ENOMEM, "no memory")

    fake.on_swap = on_swap
    _facts, _steps, found = Rehearsed(fake).job.perform()
    assert [error.code for error in found.reasons] == ["no_way_back" if number in (3, 6) else "no_memory"]
    assert found.done[-1].code == found.reasons[0].code
    assert found.left_behind == []
    assert_clean(fake)


def test_fake_parent_no_time(fake: RehearsalDouble) -> None:
    one = Rehearsed(fake, timeout_s=0.0)
    found = one.job.perform()[2]
    assert [error.code for error in found.reasons] == ["too_slow"]
    assert str(found.reasons[0]) == (
        "The rehearsal has used up its 0 s before the step load. Next: Raise timeout_s, or look at what else the host does."
    )
    assert_clean(fake)


class Killed(BaseException):
    """What a signal raises."""


def test_fake_parent_a_signal_takes_everything_down(fake: RehearsalDouble) -> None:
    def on_swap(_slot: str, _version: str) -> None:
        raise Killed

    fake.on_swap = on_swap
    one = Rehearsed(fake)
    with pytest.raises(Killed):
        one.job.perform()
    assert one.job.found.done[-1].code == "interrupted"
    assert_clean(fake)


def test_fake_parent_what_cannot_be_removed_is_told_and_marked(fake: RehearsalDouble) -> None:
    fake.refuse["active"] = errno.EBUSY
    found = Rehearsed(fake).job.perform()[2]
    assert found.left_behind == [f"slot {NAME} (slot_in_use)"]
    assert [error.code for error in found.reasons] == ["left_behind"]
    assert rehearsal_marker.read(fake.paths) == Marker(NAME, (NEW,))
    # The next one removes it, as soon as that can be done.
    one = Rehearsed(fake)
    with pytest.raises(TwostepError) as caught:
        one.job.perform()
    assert caught.value.code == "leftovers"
    assert str(caught.value) == (
        f"An earlier rehearsal has left slot {NAME} (slot_in_use), which cannot be removed. "
        "Next: Look at the kernel log; if a child keeps requests for ever, the host has to be rebooted."
    )
    fake.refuse.clear()
    found = Rehearsed(fake).job.perform()[2]
    assert found.reasons == []
    assert found.swept == [f"slot {NAME}"]
    assert state(fake) == []


def test_fake_parent_what_a_killed_one_left_is_swept(fake: RehearsalDouble) -> None:
    os.makedirs(fake.paths.state)
    rehearsal_marker.write(fake.paths, Marker("rehearse-abcdef0", (NEW,)))
    fake.register("1.1.0")
    fake.control.create("rehearse-abcdef0")
    fake.control.create("rehearse-foreign")
    found = Rehearsed(fake).job.perform()[2]
    assert found.swept == ["slot rehearse-abcdef0", f"module {NEW}"]
    assert fake.scratch_slots() == ["rehearse-foreign"]
    assert state(fake) == []


def test_fake_parent_a_slot_that_somebody_touches_is_told(fake: RehearsalDouble) -> None:
    fake.add_slot("logs")
    fake.on_swap = lambda _slot, _version: fake.set("logs", generation=9)
    found = Rehearsed(fake).job.perform()[2]
    assert [error.code for error in found.reasons] == ["other_slot_changed"]
    assert_clean(fake)


def test_fake_parent_a_module_that_cannot_be_loaded(fake: RehearsalDouble) -> None:
    fake.register = lambda *_words, **_more: None  # type: ignore[method-assign]
    found = Rehearsed(fake).job.perform()[2]
    assert [error.code for error in found.reasons] == ["load_failed"]
    assert_clean(fake)


def test_fake_parent_a_module_that_cannot_be_unloaded(fake: RehearsalDouble) -> None:
    fake.drop = lambda module: None  # type: ignore[method-assign]
    found = Rehearsed(fake).job.perform()[2]
    assert found.left_behind == [f"module {NEW} (module_failed)"]
    assert rehearsal_marker.read(fake.paths) is not None


def test_fake_parent_one_at_a_time(fake: RehearsalDouble) -> None:
    with rehearsal_marker.alone(fake.paths), pytest.raises(TwostepError) as caught:
        Rehearsed(fake).job.perform()
    assert caught.value.code == "rehearsal_running"


def test_fake_parent_what_users_rely_on_and_nobody_could_try(fake: RehearsalDouble) -> None:
    fake.queue("data", fua="1")
    found = Rehearsed(fake).job.perform()[2]
    assert [error.code for error in found.reasons] == ["not_exercised"]
    assert_clean(fake)
