# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application that reads at fixed times saw of an event. Pure: no clock, no files."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple


class Window(NamedTuple):
    """What is between these two times (monotonic ns) was disturbed by ``what``."""

    what: str
    begun_ns: int
    ended_ns: int


class Seen(NamedTuple):
    """One read: when it was due, when it was done, 0 or the errno with which it failed."""

    due_ns: int
    done_ns: int
    error: int


def served_ns(seen: list[Seen]) -> list[int]:
    """Return for each read when its application was served: by it, or if it failed, by the next one that did not."""
    found: list[int] = []
    served = seen[-1].done_ns if seen else 0
    for one in reversed(seen):
        served = served if one.error else one.done_ns
        found.append(served)
    return found[::-1]


def blackouts(seen: list[Seen], windows: list[Window]) -> list[dict[str, int]]:
    """Return for each window the worst latency of the reads that were due or under way in it, and how many of them failed."""
    due, done, served = [one.due_ns for one in seen], [one.done_ns for one in seen], served_ns(seen)
    found = []
    for window in windows:
        touched = range(bisect_left(done, window.begun_ns), bisect_right(due, window.ended_ns))
        found.append(
            {
                "blackout_ns": max((served[number] - due[number] for number in touched), default=0),
                "failed": sum(1 for number in touched if seen[number].error),
            }
        )
    return found


def undisturbed(seen: list[Seen], windows: list[Window], margin_ns: int) -> list[int]:
    """Return the latencies of the reads that were not within ``margin_ns`` of any window. Windows are in order of time."""
    ends = [window.ended_ns + margin_ns for window in windows]
    found = []
    for one in seen:
        number = bisect_left(ends, one.due_ns)
        if number == len(windows) or one.done_ns < windows[number].begun_ns - margin_ns:
            found.append(one.done_ns - one.due_ns)
    return found
