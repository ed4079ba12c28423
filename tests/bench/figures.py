# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From raw values to rows that people read, and to what is wrong with them. Pure: no files, no clock, no machines."""

from __future__ import annotations

from collections import defaultdict
from math import ceil
from typing import Any, Iterable, NamedTuple, Sequence

NS_PER_MS = 1e6
INSTRUCTION_TICKS = 2  # QEMU -icount shift=1
MOST_PERCENT = 1.0
SHORTEST = "null_blk"  # the lower device whose path is the shortest, so that a parent's share is the largest
Row = Sequence[object]


class Summary(NamedTuple):
    """What is told of a set of values; every value counts, none is left out."""

    number: int
    least: float
    median: float
    p90: float
    p999: float
    most: float


def rank(ordered: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of all values do not exceed (nearest rank)."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def summary(values: Iterable[float]) -> Summary:
    """Return a summary of at least one value."""
    ordered = sorted(values)
    return Summary(len(ordered), ordered[0], rank(ordered, 0.5), rank(ordered, 0.9), rank(ordered, 0.999), ordered[-1])


def ratio(value: float, base: float) -> float:
    """Return ``value`` in units of ``base``; infinite for a base of 0."""
    return value / base if base else float("inf")


def median_cost(costs: Sequence[Sequence[int]]) -> int:
    """Return the median of values that come as pairs of value and count, the values in order."""
    half = ceil(sum(count for _value, count in costs) / 2)
    for value, count in costs:
        half -= count
        if half <= 0:
            return value
    raise ValueError("no values")


class Steady(NamedTuple):
    """One workload on one lower device, in instructions per I/O: the median batch of each round, the rounds' mean."""

    lower: str
    kind: str
    size: int
    depth: int
    plain: float
    parent: float
    spread: float  # between the rounds of one variant, the larger one

    @property
    def extra(self) -> float:
        return self.parent - self.plain

    @property
    def percent(self) -> float:
        return 100 * self.extra / self.plain


def steady(raw: Iterable[dict[str, Any]]) -> list[Steady]:
    """Return what a parent costs, for each workload in the order of its first appearance."""
    rounds: dict[tuple[str, str, int, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in raw:
        instructions = median_cost(one["costs"]) / INSTRUCTION_TICKS / one["depth"]
        rounds[(one["lower"], one["kind"], one["bytes"], one["depth"])][one["variant"]].append(instructions)
    return [
        Steady(
            *workload,
            plain=sum(found["plain"]) / len(found["plain"]),
            parent=sum(found["parent"]) / len(found["parent"]),
            spread=max(max(values) - min(values) for values in found.values()),
        )
        for workload, found in rounds.items()
    ]


def wrong_ticks(raw: Iterable[dict[str, Any]]) -> list[str]:
    """Say where a loop of known length did not take the time that its instructions are worth."""
    wrong = []
    for one in raw:
        measured = one["known_ticks"] / one["known_instructions"]
        if abs(measured / INSTRUCTION_TICKS - 1) > 0.001:
            wrong.append(f"{one['lower']} {one['variant']}: an instruction takes {measured:.4f} ticks, not {INSTRUCTION_TICKS}")
    return wrong


def too_dear(found: Iterable[Steady]) -> list[str]:
    """Say if a parent costs more than it may: the mean of all workloads on the shortest path.

    A single one differs by 8 or 16 instructions from boot to boot, with where memory lies and when the block layer's timer is due.
    """
    shares = [one.percent for one in found if one.lower == SHORTEST]
    if not shares or sum(shares) / len(shares) <= MOST_PERCENT:
        return []
    return [f"a parent costs {sum(shares) / len(shares):.2f} % of the ordinary driver's instructions, more than {MOST_PERCENT} %"]


def milliseconds(values_ns: Iterable[float]) -> list[str]:
    """Return the cells of a summary."""
    told = summary(values_ns)
    return [str(told.number), *(f"{value / NS_PER_MS:.3f}" for value in (told.least, told.median, told.p90, told.most))]


def table(head: Sequence[str], rows: Iterable[Row]) -> str:
    """Return text in columns: the first one to the left, the others to the right."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(len(line) for line in lines), *lines[1:]])
