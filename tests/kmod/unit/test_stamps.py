# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stamp reader: what is lost, torn, stale, misplaced or from the future is found; what may be, may be."""

from __future__ import annotations

import pytest
import stamp_writer
import stamps
from history import PLAN

THREAD = 0


@pytest.fixture
def plan() -> stamps.Plan:
    return PLAN


def stamp(plan: stamps.Plan, number: int, *promise: int, generation: int = 7) -> stamps.Stamp:
    address = plan.address(THREAD, number)
    return stamps.Stamp(generation, plan.sequence(THREAD, number), address, promise or (0, 0))


def rewritten(plan: stamps.Plan) -> tuple[int, int]:
    """Return two writes of the thread that meet in one block, the older first."""
    seen: dict[int, int] = {}
    for number in range(1, 100):
        address = plan.address(THREAD, number)
        if address in seen:
            return seen[address], number
        seen[address] = number
    raise AssertionError("no block is written twice")


def judged(plan: stamps.Plan, blocks: dict[int, bytes], acknowledged: int = 0, limit: int | None = None) -> list[str]:
    reader = stamps.Reader(plan, limit)
    reader.promise(THREAD, acknowledged)
    for address in range(plan.all_blocks):
        reader.block(address, blocks.get(address, bytes(stamps.BLOCK_BYTES)))
    return reader.problems()


def disk(plan: stamps.Plan, up_to: int) -> dict[int, bytes]:
    return {plan.address(THREAD, number): stamps.pack(stamp(plan, number)) for number in range(1, up_to + 1)}


def test_a_stamp_says_again_what_it_was_told(plan: stamps.Plan) -> None:
    told = stamp(plan, 3, 2, 0)
    block = stamps.pack(told)
    assert len(block) == stamps.BLOCK_BYTES
    assert stamps.parse(block) == told
    assert stamps.parse(bytes(stamps.BLOCK_BYTES)) is None


def test_all_that_was_acknowledged_is_there(plan: stamps.Plan) -> None:
    assert judged(plan, disk(plan, 20), acknowledged=20, limit=20) == []


def test_more_than_was_acknowledged_may_be_there(plan: stamps.Plan) -> None:
    assert judged(plan, disk(plan, 20), acknowledged=5) == []


def test_a_write_may_have_been_superseded(plan: stamps.Plan) -> None:
    older, newer = rewritten(plan)
    assert judged(plan, {plan.address(THREAD, older): stamps.pack(stamp(plan, newer))}) == []
    assert plan.address(THREAD, older) == plan.address(THREAD, newer)


def test_a_missing_write_is_found(plan: stamps.Plan) -> None:
    blocks = disk(plan, 20)
    address = plan.address(THREAD, 20)
    del blocks[address]
    assert judged(plan, blocks, acknowledged=20) == [f"block {address}: write 20 of thread 0 was acknowledged, it is blank"]


def test_a_write_that_an_older_one_has_replaced_is_found(plan: stamps.Plan) -> None:
    older, newer = rewritten(plan)
    blocks = disk(plan, newer)
    address = plan.address(THREAD, newer)
    blocks[address] = stamps.pack(stamp(plan, older))
    assert judged(plan, blocks, acknowledged=newer) == [f"block {address}: write {newer} of thread 0 was acknowledged, {older} is there"]


def test_a_disk_is_judged_by_what_its_own_blocks_promise(plan: stamps.Plan) -> None:
    """Nobody outside was told, but write 3 was issued when 1 was durable: 1 must be there, 2 need not be."""
    first, third = plan.address(THREAD, 1), plan.address(THREAD, 3)
    relying = {third: stamps.pack(stamp(plan, 3, 1, 0))}
    assert judged(plan, relying) == [f"block {first}: write 1 of thread 0 was acknowledged, it is blank"]
    assert judged(plan, {**relying, first: stamps.pack(stamp(plan, 1))}) == []


def test_a_torn_block_is_found_and_says_of_what_it_is_made(plan: stamps.Plan) -> None:
    older, newer = rewritten(plan)
    address = plan.address(THREAD, newer)
    torn = stamps.pack(stamp(plan, newer))[:1024] + stamps.pack(stamp(plan, older))[1024:]
    sequences = [plan.sequence(THREAD, newer)] * 2 + [plan.sequence(THREAD, older)] * 6
    assert judged(plan, {address: torn}) == [f"block {address}: no whole stamp: torn, its sectors are of sequences {sequences}"]


def test_a_flipped_bit_is_found(plan: stamps.Plan) -> None:
    block = bytearray(stamps.pack(stamp(plan, 1)))
    block[1000] ^= 1
    (problem,) = judged(plan, {plan.address(THREAD, 1): bytes(block)})
    assert problem.endswith("but it was changed")


def test_a_stale_block_is_found(plan: stamps.Plan) -> None:
    address = plan.address(THREAD, 1)
    block = stamps.pack(stamp(plan, 1, generation=6))
    assert judged(plan, {address: block}) == [f"block {address}: stale, of generation 6"]


def test_a_block_that_nobody_could_have_issued_is_found(plan: stamps.Plan) -> None:
    address = plan.address(THREAD, 9)
    block = stamps.pack(stamp(plan, 9))
    assert judged(plan, {address: block}, limit=9) == []
    assert judged(plan, {address: block}, limit=8) == [
        f"block {address}: newer than anything issued: write 9 of thread 0, permitted were 8"
    ]


def test_a_block_in_the_wrong_place_is_found(plan: stamps.Plan) -> None:
    wrong = (plan.address(THREAD, 1) + 1) % plan.blocks
    assert judged(plan, {wrong: stamps.pack(stamp(plan, 1))}) == [f"block {wrong}: sequence 2 does not belong there"]


def test_a_reader_goes_on_in_time(plan: stamps.Plan) -> None:
    reader = stamps.Reader(plan)
    reader.promise(THREAD, 1)
    assert len(reader.problems()) == 1
    reader.block(plan.address(THREAD, 1), stamps.pack(stamp(plan, 1)))
    assert reader.problems() == []
    assert reader.summary() == "1 blocks written, 1 writes promised"


@pytest.mark.parametrize("acknowledged", [0, 20])
def test_the_reader_of_devices_reads_all_blocks(plan: stamps.Plan, acknowledged: int, tmp_path: object) -> None:
    path = f"{tmp_path}/disk"
    with open(path, "wb") as file:
        file.truncate(plan.all_blocks * stamps.BLOCK_BYTES)
    reader = stamps.Reader(plan)
    reader.promise(THREAD, acknowledged)
    missing = {plan.address(THREAD, number) for number in range(1, acknowledged + 1)}
    assert len(stamp_writer.read(path, reader)) == len(missing)
