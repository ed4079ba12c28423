# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import settled
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

RETURNED = {"version": "1.0.0", "state": "serving", "probation": "none", "last_swap__result": "returned", "last_swap__to": "1.1.0"}
ON_THE_WAY = [
    {"state": "held", "last_swap__result": "running"},
    {"last_swap__result": "running"},
    {"probation": "alarmed"},
    {"state": "held", "probation": "alarmed"},
    {"version": "1.0.0", "last_swap__result": "ok", "last_swap__to": "1.1.0"},
]


@pytest.fixture
def swapped(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.register("1.1.0")
    fake.adopt("data", "1.1.0", parked="1.0.0")
    fake.set(last_swap__result="ok", last_swap__to="1.1.0")
    return fake


def test_fake_parent_a_slot_that_stands_is_told_at_once(swapped: FakeParent) -> None:
    assert settled.look(swapped.world, "data", 500).version == "1.1.0"
    assert swapped.slept == []


@pytest.mark.parametrize("on_the_way", ON_THE_WAY)
def test_fake_parent_a_return_is_waited_for(swapped: FakeParent, on_the_way: dict[str, str]) -> None:
    swapped.set(**on_the_way)
    moments: list[float] = []

    def sleep(seconds: float) -> None:
        moments.append(seconds)
        if len(moments) == 3:
            swapped.set(**RETURNED)

    object.__setattr__(swapped.world, "sleep", sleep)
    found = settled.look(swapped.world, "data", 500)
    assert (found.version, found.last_swap.result, len(moments)) == ("1.0.0", "returned", 3)


@pytest.mark.parametrize("on_the_way", ON_THE_WAY)
def test_fake_parent_no_longer_than_the_kernel_may_take(swapped: FakeParent, on_the_way: dict[str, str]) -> None:
    swapped.set(**on_the_way)
    settled.look(swapped.world, "data", 500)
    assert 2.9 <= sum(swapped.slept) <= 3.1
