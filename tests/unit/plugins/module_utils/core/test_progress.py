# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import progress
from ansible_collections.twostep.hotswap.plugins.module_utils.core.progress import Counters, Progress

# Of Debian's 6.1 under fio; loop0 has never been used.
DISKSTATS = """\
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 254       0 vda 9021 2011 583154 3412 1203 1011 36136 1480 2 2096 5024 0 0 0 0 161 131
   9       0 md0 151 0 6552 20 4903 0 39224 5120 1 4812 5140 3 0 7 0 0 0
"""
OLD = "   8       0 sda 1 0 0 0 2 0 0 0 4 0 0\n"  # before 4.18: neither discards nor flushes


def test_the_counters_of_each_device() -> None:
    assert progress.parse(DISKSTATS) == {
        "loop0": Counters(0, 0),
        "vda": Counters(9021 + 1203 + 161, 2),
        "md0": Counters(151 + 4903 + 3, 1),
    }
    assert progress.parse(OLD) == {"sda": Counters(3, 4)}


@given(st.text())
def test_anything_else_says_nothing_or_numbers(text: str) -> None:
    for counters in progress.parse(text).values():
        assert counters.ended >= 0 and counters.in_flight >= 0


def looks(*steps: tuple[float, int, int]) -> list[str]:
    followed = Progress(stall_s=5.0)
    return [followed.look({"md0": Counters(ended, in_flight)}, now_s).verdict for now_s, ended, in_flight in steps]


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ([(0, 1, 1), (1, 2, 1), (4, 2, 1), (6.1, 2, 1)], "not_ok"),
        ([(0, 1, 0), (1, 1, 1), (5.1, 1, 1)], "not_ok"),  # idle at 0, nothing has ended since
        ([(0, 1, 1), (1, 2, 1), (4, 2, 1), (6.0, 2, 1)], "ok"),  # not longer than that
        ([(0, 1, 1), (1, 2, 1), (4, 2, 1), (7, 3, 1)], "ok"),  # one has ended
        ([(0, 1, 1), (1, 2, 1), (4, 2, 0), (7, 2, 1)], "ok"),  # it was idle in between
        ([(0, 1, 1), (100, 1, 1)], "ok"),  # it has been like this from the beginning
        ([(0, 9, 1), (1, 2, 1), (9, 2, 1)], "not_ok"),  # another device of that name: its count is smaller
    ],
)
def test_a_standstill(steps: list, verdict: str) -> None:
    assert looks(*steps)[-1] == verdict
    assert set(looks(*steps)[:-1]) == {"ok"}


def test_it_names_the_device_and_its_requests() -> None:
    followed = Progress(stall_s=5.0)
    followed.look({"md0": Counters(1, 0), "vda": Counters(1, 0)}, 0.0)
    found = followed.look({"md0": Counters(1, 3), "vda": Counters(2, 1)}, 8.0)
    assert found.reason == "md0 has 3 requests in flight, and none has ended for 8 s."


def test_a_device_that_is_gone_is_forgotten() -> None:
    followed = Progress(stall_s=5.0)
    followed.look({"md0": Counters(1, 0)}, 0.0)
    followed.look({}, 1.0)
    assert followed.look({"md0": Counters(1, 1)}, 8.0).verdict == "ok"
