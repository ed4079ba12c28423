# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host.kernel_control import SwapLine
from ansible_collections.twostep.hotswap.plugins.module_utils.host.two_step import Successor
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent, module_of

OLD, NEW = module_of("1.0.0"), module_of("1.1.0")


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.install("1.0.0")
    return fake


def successor(fake: FakeParent, **changes: object) -> Successor:
    wanted = SwapRequest(
        "data-1", "run-1", "data", "remap", "1.0.0", "1.1.0", 1, "t", mode="two_step", path=str(fake.install("1.1.0")), module=NEW,
        old_module=OLD, depends=("twostep",),
    )  # fmt: skip
    return Successor(fake.world, replace(wanted, **changes))


def detach(fake: FakeParent) -> None:
    fake.control.swap("data", SwapLine("1.1.0", 1, "two_step"))


def test_fake_parent_nothing_is_touched_before_the_hold(fake_parent: FakeParent) -> None:
    successor(fake_parent).prepare()
    assert fake_parent.inserted == ["lock"]
    assert fake_parent.writes == []


def test_fake_parent_what_the_new_one_needs_is_loaded_before(fake_parent: FakeParent) -> None:
    fake_parent.install("5.0.0")
    successor(fake_parent, depends=("twostep", module_of("5.0.0"))).prepare()
    assert fake_parent.calls == [["modprobe", module_of("5.0.0")]]


def test_fake_parent_old_goes_new_comes(fake_parent: FakeParent) -> None:
    new = successor(fake_parent)
    new.prepare()
    detach(fake_parent)
    new.replace()
    assert fake_parent.inserted == ["lock", f"-{OLD}", NEW]
    assert fake_parent.calls == []


def test_fake_parent_an_old_module_that_another_slot_uses_stays(fake_parent: FakeParent) -> None:
    new = successor(fake_parent)
    new.prepare()
    detach(fake_parent)
    fake_parent.use("1.0.0", 1)
    new.replace()
    assert fake_parent.inserted == ["lock", NEW]


def test_fake_parent_no_child_comes(fake_parent: FakeParent) -> None:
    new = successor(fake_parent)
    new.prepare()
    detach(fake_parent)
    fake_parent.adopt = lambda *_arguments, **_words: None  # type: ignore[method-assign]
    with pytest.raises(TwostepError) as caught:
        new.replace()
    assert caught.value.code == "no_child"
    assert caught.value.message == "No child serves slot data: waiting."
    assert caught.value.next_step == f"Load {NEW} or {OLD} with modprobe: the slot takes it, and its I/O goes on."
    # Both of the kernel's deadlines have passed by then.
    assert fake_parent.clock_ns >= 2 * SwapLine("1.1.0", 1).deadline_ms * 1_000_000


def test_fake_parent_the_asked_for_child_cannot_adopt(fake_parent: FakeParent) -> None:
    new = successor(fake_parent)
    new.prepare()
    detach(fake_parent)

    def back(*_arguments: object, **_words: object) -> None:
        fake_parent.set(state="serving", version="1.0.0", module=OLD, last_swap__result="returned", last_swap__reason="could not adopt")

    fake_parent.adopt = back  # type: ignore[method-assign]
    with pytest.raises(TwostepError) as caught:
        new.replace()
    assert (caught.value.code, caught.value.message) == ("returned", "1.1.0 did not take over: could not adopt.")
    assert caught.value.next_step == "Read the kernel log of the host, and correct the new child."


def test_fake_parent_a_slot_that_the_host_needs_is_refused(fake_parent: FakeParent) -> None:
    fake_parent.put(fake_parent.root / "proc/swaps", "Filename Type Size Used Priority\n/dev/twostep/data partition 1 0 -2")
    with pytest.raises(TwostepError) as caught:
        successor(fake_parent).prepare()
    assert caught.value.code == "slot_needed"
    assert fake_parent.inserted == []
