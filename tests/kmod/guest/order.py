# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of durability: what a log of writes above a slot promised, the log below it must keep.

Both logs hold stamps. ``above`` is what the user was promised: with each flush,
that all writes completed before it are durable. ``below`` is what the child
really passed down. Pure but for reading the logs; Python's standard library only.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

import log_writes
import stamps


@dataclass(frozen=True)
class Step:
    """One entry of a log in the terms of the check."""

    flush: bool = False
    fua: bool = False
    mark: str = ""
    written: tuple[stamps.Stamp, ...] = ()


@dataclass
class Track:
    """A log's steps, and where in it each write is."""

    name: str
    plan: stamps.Plan
    steps: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)  # sequence: position

    def add(self, step: Step) -> None:
        for stamp in step.written:
            self.place[stamp.sequence] = len(self.steps)
        self.steps.append(step)

    @property
    def flushes(self) -> int:
        return sum(step.flush for step in self.steps)

    @property
    def fua_writes(self) -> int:
        return sum(len(step.written) for step in self.steps if step.fua)

    @property
    def marks(self) -> list[str]:
        return [step.mark for step in self.steps if step.mark]


def track(name: str, log: log_writes.Log, plan: stamps.Plan) -> Track:
    """Read a log of stamps. A write of several blocks is several stamps: the block layer may have merged them."""
    found = Track(name, plan)
    for entry in log.entries:
        written = []
        data = log.data(entry)
        for at in range(0, len(data), stamps.BLOCK_BYTES):
            try:
                stamp = stamps.parse(data[at : at + stamps.BLOCK_BYTES])
                if stamp is None or stamp.generation != plan.generation or stamp.address * stamps.BLOCK_BYTES != entry.start_bytes + at:
                    raise stamps.DamageError(f"not a stamp of ours: {stamp}")
                written.append(stamp)
            except (stamps.DamageError, ValueError) as damage:
                found.problems.append(f"{name}: entry {entry.index}, byte {entry.start_bytes + at}: {damage}")
        found.add(Step(entry.flush, entry.fua, entry.text, tuple(written)))
    return found


def check_counts(above: Track, below: Track) -> list[str]:
    """No flush and no FUA write is swallowed. Needs a writer with one promise at a time: see stamp_writer.py."""
    wrong = []
    if not above.flushes or not above.place:
        wrong.append(f"{above.name}: nothing to compare: {above.flushes} flushes, {len(above.place)} writes")
    if below.flushes < above.flushes:
        wrong.append(f"{above.flushes} flushes above, {below.flushes} below")
    if below.fua_writes < above.fua_writes:
        wrong.append(f"{above.fua_writes} FUA writes above, {below.fua_writes} below")
    return wrong


def _relied(below: Track) -> list[tuple[list[int], list[int]]]:
    """Return for each thread, with rising positions, the highest promise so far that a write relied upon, and its position."""
    relied: list[tuple[list[int], list[int]]] = [([], []) for _thread in range(below.plan.threads)]
    first: list[dict[int, int]] = [{} for _thread in range(below.plan.threads)]
    for position, step in enumerate(below.steps):
        for stamp in step.written:
            for thread, number in enumerate(stamp.promise):
                first[thread].setdefault(number, position)
    for thread, positions in enumerate(first):
        earliest = len(below.steps)
        for number in sorted(positions, reverse=True):  # who relies on a later write relies on the earlier ones, too
            earliest = min(earliest, positions[number])
            relied[thread][0].append(-number)
            relied[thread][1].append(earliest)
    return relied


def _bound(relied: tuple[list[int], list[int]], number: int, end: int) -> int:
    """Return the first position of a write that was issued on the strength of the thread's write ``number``."""
    numbers, positions = relied
    last = bisect.bisect_right(numbers, -number) - 1  # the smallest promise that is not below it
    return positions[last] if last >= 0 else end


@dataclass
class Matched:
    """For each flush above, the position of the one below that made it true; and what each made durable."""

    positions: list[int] = field(default_factory=list)
    writes: list[list[tuple[int, int]]] = field(default_factory=list)  # thread and number


def check_order(above: Track, below: Track) -> tuple[list[str], Matched]:
    """For each flush above there is one below: after everything that was logged above before it, and before anything
    that was issued because it had returned. What was a FUA write above is one below, or is flushed in time.
    """
    wrong, matched = [], Matched()
    relied, end = _relied(below), len(below.steps)
    flushes = [position for position, step in enumerate(below.steps) if step.flush]
    after, swap = -1, "before any mark"
    made_durable: list[tuple[int, int]] = []
    before = end

    def first_flush(position: int) -> int:
        choice = bisect.bisect_right(flushes, position)
        return flushes[choice] if choice < len(flushes) else end

    for position, step in enumerate(above.steps):
        swap = step.mark or swap
        for stamp in step.written:
            thread, number = stamp.sequence % above.plan.threads, stamp.sequence // above.plan.threads
            made_durable.append((thread, number))
            bound = _bound(relied[thread], number, end)
            place = below.place.get(stamp.sequence)
            if place is None:
                wrong.append(f"{swap}: sequence {stamp.sequence}, block {stamp.address}, was written above and not below")
                continue
            after = max(after, place)
            if not step.fua:
                before = min(before, bound)
            elif not below.steps[place].fua and (first_flush(place) == end or first_flush(place) > bound):
                wrong.append(f"{swap}: sequence {stamp.sequence} was a FUA write above, and is neither that below nor flushed")
        if not step.flush:
            continue
        flush = first_flush(after)
        if flush == end or flush > before:
            wrong.append(f"{swap}: the flush at {position} above has none below between {after} and {before}")
        else:
            after = flush
            matched.positions.append(flush)
            matched.writes.append(made_durable)
        made_durable, before = [], end
    return wrong, matched
