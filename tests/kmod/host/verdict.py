# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk lost in a power cut, from the log of its writes and from what had been acknowledged outside.

Reads the log and makes images; starts nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import log_writes
import order
import replay
import stamps


@dataclass(frozen=True)
class Cut:
    """One power cut: the files of its disk, and what the host knew when the power was gone."""

    plan: stamps.Plan
    log: Path
    size_bytes: int
    granted: int
    acknowledged: Mapping[int, int]


def read(cut: Cut, image: Path, acknowledged: Mapping[int, int]) -> list[str]:
    """Judge an image as the power left it."""
    reader = stamps.Reader(cut.plan, cut.granted)
    reader.promise_all(acknowledged.items())
    with open(image, "rb") as file:
        for address in range(cut.plan.all_blocks):
            reader.block(address, file.read(stamps.BLOCK_BYTES))
    return reader.problems()


def build(cut: Cut, log: log_writes.Log, image: Path, chosen: Iterator[log_writes.Entry]) -> Path:
    replay.Image(str(image), cut.size_bytes).apply(log, chosen)
    return image


def judge(cut: Cut, image: Path, seed: int, random_cuts: int) -> tuple[list[str], str]:
    """Return what is wrong, and what was looked at. On return ``image`` is the disk without anything that was not flushed."""
    chance = random.Random(seed)
    wrong = []
    with log_writes.Log(str(cut.log), cut_off=True) as log:
        end = len(log.entries) - 1
        # At the cut, with a cache that had written back some of what it held.
        for number in range(random_cuts):
            build(cut, log, image, replay.after_a_cut(log, end, chance))
            wrong += [f"seed {seed}, choice {number}: {problem}" for problem in read(cut, image, cut.acknowledged)]
        # Before the cut nobody outside was asked; what is on the disk says what had been promised.
        for number in range(random_cuts):
            earlier = chance.randrange(end + 1)
            build(cut, log, image, replay.after_a_cut(log, earlier, chance))
            wrong += [f"seed {seed}, cut {number} at entry {earlier}: {problem}" for problem in read(cut, image, {})]
        track = order.track("disk", log, cut.plan)
        points, looked = replay.check_every_point(track, log, order.Matched())
        wrong += track.problems + points
        # A disk that forgot the second half of its writes must be found out, else all of the above proves nothing.
        forgetful = read(cut, build(cut, log, image, replay.up_to(log, end // 2)), cut.acknowledged)
        if not forgetful:
            wrong.append("control: a disk with half of the writes is not noticed")
        build(cut, log, image, replay.up_to(log, log.last_durable_point()))
        wrong += [f"up to the last flush: {problem}" for problem in read(cut, image, cut.acknowledged)]
        acknowledged = sum(cut.acknowledged.values())
        return wrong, f"{acknowledged} writes acknowledged, {end + 1} entries, {looked} flushes, control: {len(forgetful)} blocks lost"
