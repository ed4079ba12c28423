# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.scratch_slot import ScratchSlot
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.rehearsal_double import Inline, RehearsalDouble

NAME = "rehearse-0123456"


@pytest.fixture
def fake(tmp_path) -> RehearsalDouble:
    return RehearsalDouble(tmp_path)


def slot(fake: RehearsalDouble, left_s: float = 100.0) -> ScratchSlot:
    return ScratchSlot(fake.world, NAME, 700, Inline, lambda: left_s)  # type: ignore[arg-type]


def served(fake: RehearsalDouble) -> ScratchSlot:
    one = slot(fake)
    one.make("data", "remap", "lower=/dev/scratch0")
    one.swap("1.0.0")
    return one


def test_fake_parent_it_is_made_like_the_real_one(fake: RehearsalDouble) -> None:
    slot(fake).make("data", "remap", "lower=/dev/scratch0")
    assert fake.writes == [
        ("family", "remap"),
        ("params", "lower=/dev/scratch0"),
        ("queue_depth", "128"),
        ("hw_queues", "2"),
        ("request_bytes", "256"),
        ("inflight_policy", "drain"),
        ("probation_stall_ms", "3000"),
    ]


def test_fake_parent_swap_and_commit(fake: RehearsalDouble) -> None:
    one = served(fake)
    fake.register("1.1.0")
    after = one.swap("1.1.0", one_way=True)
    assert (after.version, after.parked, after.generation) == ("1.1.0", "1.0.0", 2)
    assert fake.writes[-1] == ("swap", "version=1.1.0 generation=1 mode=handover deadline_ms=700 one_way=1")
    one.commit()
    assert fake.writes[-1] == ("commit", "generation=2")
    one.bound_stalls(100)
    one.bound_stalls()
    assert fake.writes[-2:] == [("probation_stall_ms", "100"), ("probation_stall_ms", "3000")]


def test_fake_parent_a_commit_that_does_nothing_is_not_believed(fake: RehearsalDouble, monkeypatch) -> None:
    one = served(fake)
    one.swap("1.1.0")
    monkeypatch.setattr(fake, "use", lambda *_words: None)
    monkeypatch.setattr(type(fake), "set", lambda *_words, **_values: None)
    with pytest.raises(TwostepError) as caught:
        one.commit()
    assert str(caught.value) == "After its commit the scratch slot still has a parked child. Next: Read the kernel log."


def test_fake_parent_a_return_says_why(fake: RehearsalDouble) -> None:
    one = served(fake)
    one.swap("1.1.0")
    one.refuse_return("1.1.0")
    fake.bring_back(NAME, "1 requests failed, the last one with -5")
    with pytest.raises(TwostepError) as caught:
        one.refuse_return("1.1.0")
    assert caught.value.code == "returned"
    assert str(caught.value) == (
        "The kernel took 1.1.0 back: probation: 1 requests failed, the last one with -5. "
        "Next: Keep the old version and report this to the makers of the child."
    )
    assert caught.value.data == {"reason": "probation: 1 requests failed, the last one with -5", "serves": "1.0.0"}


def test_fake_parent_a_swap_is_proven(fake: RehearsalDouble, monkeypatch) -> None:
    one = served(fake)
    monkeypatch.setattr(fake, "_swap", lambda *_words: None)
    with pytest.raises(TwostepError) as caught:
        one.swap("1.1.0")
    assert caught.value.code == "not_proven"
    assert caught.value.message == "The kernel said yes to 1.1.0, but the scratch slot is serving with 1.0.0."


def test_fake_parent_without_time_nothing_is_asked(fake: RehearsalDouble) -> None:
    slot(fake).make("data", "remap", "lower=/dev/scratch0")
    with pytest.raises(TwostepError) as caught:
        slot(fake, left_s=0.0).swap("1.0.0")
    assert caught.value.code == "too_slow"
    assert str(caught.value) == "The rehearsal has used up its time. Next: Raise timeout_s, or look at what else the host does."
    assert "swap" not in dict(fake.writes)


def test_fake_parent_it_goes(fake: RehearsalDouble) -> None:
    one = served(fake)
    assert one.remove() == []
    assert fake.scratch_slots() == []
    assert not fake.device(NAME).exists()


def test_fake_parent_somebody_who_looks_for_a_moment_is_waited_for(fake: RehearsalDouble, monkeypatch) -> None:
    one = served(fake)
    fake.refuse["active"] = errno.EBUSY
    object.__setattr__(fake.world, "sleep", lambda _seconds: fake.refuse.clear())
    assert one.remove() == []


def test_fake_parent_one_that_stays_is_told(fake: RehearsalDouble) -> None:
    one = served(fake)
    fake.refuse["active"] = errno.EBUSY
    assert one.remove() == [f"slot {NAME} (slot_in_use)"]
    assert 9 < sum(fake.slept) < 11
