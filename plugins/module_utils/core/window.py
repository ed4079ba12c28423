# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance windows: may a host be touched at this time of the week, and when will it be the next time?

Times are wall-clock times of one time zone, which the caller has turned the present into. A window that ends before it begins goes on past
midnight, and belongs to the day it begins on. No window at all is always open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Sequence

from . import untrusted
from .errors import TwostepError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY_MIN = 24 * 60


@dataclass(frozen=True)
class Window:
    """Minutes of the day: from ``begin_min``, and for ``length_min``, on each of ``days`` (0 is Monday)."""

    days: tuple[int, ...]
    begin_min: int
    length_min: int

    def __str__(self) -> str:
        days = "every day" if len(self.days) == len(DAYS) else ",".join(DAYS[day] for day in self.days)
        return f"{days} {_clock(self.begin_min)}-{_clock(self.begin_min + self.length_min)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def parse(told: Sequence[object]) -> tuple[Window, ...]:
    """Return the windows out of mappings with ``from``, ``to`` and, if not for every day, ``days``.

    :raises TwostepError: ``bad_window``.
    """
    return tuple(_window(item) for item in told)


def _window(told: object) -> Window:
    record = untrusted.mapping(told)
    begin, end = _minutes(record.get("from")), _minutes(record.get("to"))
    days = record.get("days", DAYS)
    known = isinstance(days, (list, tuple)) and len(days) > 0 and all(day in DAYS for day in days)
    if not known or begin is None or end is None or set(record) - {"from", "to", "days"}:
        raise TwostepError(
            "bad_window",
            f"The maintenance window {str(told)[:200]} is none.",
            f'Give from and to as quoted times, such as "22:00", and days as a list of {", ".join(DAYS)}.',
        )
    return Window(tuple(number for number, day in enumerate(DAYS) if day in days), begin, (end - begin) % _DAY_MIN or _DAY_MIN)


def _minutes(told: object) -> int | None:
    found = _TIME.fullmatch(told) if isinstance(told, str) else None
    return int(found[1]) * 60 + int(found[2]) if found else None


def is_open(windows: Sequence[Window], now: datetime) -> bool:
    """Return whether ``now`` is in one of the windows; the minute of ``to`` is not."""
    minute = now.hour * 60 + now.minute
    for window in windows:
        for days_ago in (0, 1):  # begun today, or yesterday and not over yet
            since = minute + days_ago * _DAY_MIN - window.begin_min
            if (now.weekday() - days_ago) % 7 in window.days and 0 <= since < window.length_min:
                return True
    return not windows


def next_opening(windows: Sequence[Window], now: datetime) -> datetime:
    """Return when the first window begins after ``now``; there is at least one."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    coming = (
        midnight + timedelta(days=ahead, minutes=window.begin_min)
        for ahead in range(8)
        for window in windows
        if (now.weekday() + ahead) % 7 in window.days
    )
    return min(opening for opening in coming if opening > now)


def check(windows: Sequence[Window], now: datetime, zone: str) -> None:
    """Refuse unless ``now``, in ``zone``, is in one of the windows.

    :raises TwostepError: ``outside_window``.
    """
    if is_open(windows, now):
        return
    raise TwostepError(
        "outside_window",
        f"It is {DAYS[now.weekday()]} {now:%H:%M} in {zone}; hosts may be touched {', '.join(map(str, windows))}.",
        f"Run again from {next_opening(windows, now):%Y-%m-%d %H:%M} on, or correct twostep_windows; finished hosts are left alone.",
    )
