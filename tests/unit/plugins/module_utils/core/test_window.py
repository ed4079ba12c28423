# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance windows, by hand and against a minute-by-minute count."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import window
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.window import Window

MONDAY = datetime(2026, 11, 23, tzinfo=timezone.utc)
WEEKEND = window.parse([{"days": ["sat", "sun"], "from": "22:00", "to": "04:00"}])
NIGHT = window.parse([{"from": "01:00", "to": "05:30"}])


def at(day: int, clock: str) -> datetime:
    return MONDAY + timedelta(days=day, hours=int(clock[:2]), minutes=int(clock[3:]))


@pytest.mark.parametrize(
    ("windows", "now", "is_open"),
    [
        ((), at(0, "12:00"), True),
        (NIGHT, at(0, "00:59"), False),
        (NIGHT, at(0, "01:00"), True),
        (NIGHT, at(0, "05:29"), True),
        (NIGHT, at(0, "05:30"), False),
        (WEEKEND, at(5, "21:59"), False),
        (WEEKEND, at(5, "22:00"), True),
        (WEEKEND, at(6, "03:59"), True),
        (WEEKEND, at(6, "04:00"), False),
        (WEEKEND, at(7, "03:59"), True),  # Monday: the window of Sunday
        (WEEKEND, at(5, "03:59"), False),  # Saturday: none began on Friday
        (WEEKEND + NIGHT, at(2, "02:00"), True),
    ],
)
def test_is_open(windows: tuple, now: datetime, is_open: bool) -> None:
    assert window.is_open(windows, now) is is_open


def test_a_window_without_a_length_is_a_whole_day() -> None:
    (whole,) = window.parse([{"days": ["sun"], "from": "06:00", "to": "06:00"}])
    assert (window.is_open([whole], at(6, "06:00")), window.is_open([whole], at(7, "05:59"))) == (True, True)
    assert (window.is_open([whole], at(6, "05:59")), window.is_open([whole], at(7, "06:00"))) == (False, False)


WINDOWS = st.lists(
    st.builds(
        Window, st.lists(st.integers(0, 6), min_size=1, unique=True).map(sorted).map(tuple), st.integers(0, 1439), st.integers(1, 1440)
    ),
    min_size=1,
    max_size=3,
)


@given(WINDOWS, st.integers(0, 7 * 1440 - 1))
def test_against_a_count_of_minutes(windows: list, minute: int) -> None:
    now = MONDAY + timedelta(minutes=minute)
    open_minutes = {
        (day * 1440 + one.begin_min + past) % (7 * 1440) for one in windows for day in one.days for past in range(one.length_min)
    }
    assert window.is_open(windows, now) is (minute in open_minutes)
    begins = window.next_opening(windows, now)
    assert now < begins <= now + timedelta(days=7)
    assert window.is_open(windows, begins)


def test_outside_it_says_when() -> None:
    with pytest.raises(TwostepError) as caught:
        window.check(WEEKEND, at(4, "15:37"), "Europe/Vienna")
    assert caught.value.code == "outside_window"
    assert str(caught.value) == (
        "It is fri 15:37 in Europe/Vienna; hosts may be touched sat,sun 22:00-04:00. "
        "Next: Run again from 2026-11-28 22:00 on, or correct twostep_windows; finished hosts are left alone."
    )


@pytest.mark.parametrize(
    "told",
    [
        "22:00-04:00",
        {},
        {"from": "22:00"},
        {"from": 1320, "to": "04:00"},  # what YAML makes of 22:00 without quotes
        {"from": "24:00", "to": "04:00"},
        {"from": "9:00", "to": "10:00"},
        {"from": "22:00", "to": "04:00", "days": []},
        {"from": "22:00", "to": "04:00", "days": "sat"},
        {"from": "22:00", "to": "04:00", "days": ["Saturday"]},
        {"from": "22:00", "to": "04:00", "day": ["sat"]},
    ],
)
def test_another_window_is_refused(told: object) -> None:
    with pytest.raises(TwostepError) as caught:
        window.parse([told])
    assert caught.value.code == "bad_window"
