# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import durability
from ansible_collections.twostep.hotswap.plugins.module_utils.core.durability import Arrival
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

WRITE = Arrival("write", 4096, 512)
SAFE = Arrival("write", 4096, 512, fua=True)
FLUSH = Arrival("flush")


@pytest.mark.parametrize(
    ("arrivals", "count"),
    [
        ([], 0),
        ([FLUSH], 0),
        ([WRITE], 0),
        ([FLUSH, WRITE], 0),
        ([WRITE, FLUSH], 1),
        ([SAFE], 1),
        ([SAFE, FLUSH], 2),
        ([WRITE, FLUSH, FLUSH], 2),
        ([SAFE, WRITE, FLUSH], 1),
        ([WRITE, FLUSH, Arrival("write", 8192, 512), FLUSH], 2),
        ([Arrival("write", 0, 4096), FLUSH], 0),
    ],
)
def test_guarantees(arrivals: list[Arrival], count: int) -> None:
    assert durability.guarantees(arrivals, 4096, 512) == count


def test_as_many_or_more_is_fine() -> None:
    durability.compare("flush", 1, 1, ("1.0.0", "1.1.0"))
    durability.compare("fua", 1, 2, ("1.0.0", "1.1.0"))


@pytest.mark.parametrize(("what", "word"), [("flush", "flush"), ("fua", "FUA")])
def test_fewer_is_refused(what: str, word: str) -> None:
    with pytest.raises(TwostepError) as caught:
        durability.compare(what, 2, 1, ("1.0.0", "1.1.0"))
    assert caught.value.code == f"{what}_swallowed"
    assert caught.value.message == (f"1.1.0 does not pass on every {word}: below 1.0.0 a write is made durable 2 times, below it 1.")
    assert caught.value.next_step == "Keep the old version: data that applications believe safe would be lost with the power."
    assert caught.value.data == {"running": 2, "candidate": 1, "versions": ["1.0.0", "1.1.0"]}


def test_an_arrival_from_a_list() -> None:
    assert Arrival.of(["write", 4096, 512, True]) == SAFE
