# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import exercise
from ansible_collections.twostep.hotswap.plugins.module_utils.core.exercise import SIZES, Dice, Offers

ALL = Offers(flush=True, fua=True, discard=True, write_zeroes=True)
BLOCKS = 65536


def test_the_same_round_is_the_same() -> None:
    assert list(exercise.round_of(1, BLOCKS, ALL)) == list(exercise.round_of(1, BLOCKS, ALL))
    assert list(exercise.round_of(1, BLOCKS, ALL)) != list(exercise.round_of(2, BLOCKS, ALL))


def test_a_round_has_all_kinds_and_sizes() -> None:
    found = list(exercise.round_of(1, BLOCKS, ALL))
    assert {operation.kind for operation in found} == {"write", "fua", "read", "flush", "zero", "discard"}
    assert {operation.count for operation in found if operation.kind == "write"} == set(SIZES)


def test_only_what_is_offered_is_asked_for() -> None:
    assert {operation.kind for operation in exercise.round_of(1, BLOCKS, Offers())} == {"write", "read"}


@pytest.mark.parametrize("blocks", [1024, BLOCKS])
def test_operations_stay_on_the_device_and_out_of_the_load(blocks: int) -> None:
    for number in range(1, 6):
        for operation in exercise.round_of(number, blocks, ALL):
            assert operation.first >= 0
            assert operation.first + operation.count <= exercise.quiet_blocks(blocks) or operation.first == blocks - 1


@pytest.mark.parametrize("blocks", [1024, BLOCKS])
def test_threads_have_blocks_of_their_own(blocks: int) -> None:
    regions = [exercise.load_region(blocks, thread) for thread in range(exercise.LOAD_THREADS)]
    assert regions[0][0] == exercise.quiet_blocks(blocks)
    for (first, count), (following, _count) in zip(regions, regions[1:]):
        assert first + count == following
    # The last block is written by the rounds.
    assert sum(regions[-1]) <= blocks - 1


def test_a_place_lies_within_its_region() -> None:
    dice = Dice(3)
    for _attempt in range(200):
        first, count = exercise.place(dice, 100, 50)
        assert first >= 100
        assert first + count <= 150


def test_offers_as_words() -> None:
    assert ALL.words() == ("flush", "fua", "discard", "write_zeroes")
    assert Offers(discard=True).words() == ("discard",)
