# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host: what its files say, and what is left of what it tells."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import evidence, slots
from ansible_collections.twostep.hotswap.plugins.module_utils.core.evidence import Io, SlotEvidence, Snapshot, Traffic
from ansible_collections.twostep.hotswap.plugins.module_utils.core.kernel_log import Log, Report

# Of Linux 6.18, 4.19 (no flushes) and 3.10 (no discards).
STAT_17 = "  101559    16772  4953154    25539   302732   239993 22690504    87786        0    38340   124521   116074       30  6893728     8761    69693     2434\n"  # noqa: E501
STAT_15 = "    4711      123   456789     2345     6789      321   987654    43210        3     5432    45555        7        0      512       99\n"  # noqa: E501
STAT_11 = "     446       24     7898      189        0        0        0        0        0      117      189\n"
IO = Io(Traffic(101559, 25539), Traffic(302732, 87786), Traffic(116074, 8761), Traffic(69693, 2434), 0)
SLOT = SlotEvidence("data", "serving", "1.0.0", 3, "none", "ok", "ok", 2, 0, 1, IO)
LOOK = Snapshot("5d6b0c2e", 86400.125, (SLOT,), Log(0, 344, True, (Report(5, False, "usb 1-1: error -71"),)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (STAT_17, IO),
        (STAT_15, Io(Traffic(4711, 2345), Traffic(6789, 43210), Traffic(7, 99), Traffic(), 3)),
        (STAT_11, Io(Traffic(446, 189), Traffic(), Traffic(), Traffic(), 0)),
        ("", None),
        ("1 2 3\n", None),
        (STAT_17.replace("101559", "-1"), None),
        (STAT_17.replace("101559", "many"), None),
        (STAT_17.replace("101559", "9" * 30), None),
    ],
)
def test_what_the_block_layer_counts(text: str, expected: Io | None) -> None:
    assert evidence.parse_stat(text) == expected


def test_all_that_ended() -> None:
    assert IO.count == 101559 + 302732 + 116074 + 69693


def slot(errors: str | None) -> slots.Slot:
    child = {} if errors is None else {"errors": errors}
    last = slots.LastSwap(result="returned")
    return slots.Slot("data", "serving", "remap", "", "1.0.0", "twostep_remap_1_0_0", 3, None, 0, 1, last, child, refused_ends=4)


@pytest.mark.parametrize(
    ("errors", "expected"), [("7", 7), ("0", 0), (None, None), ("", None), ("-1", None), ("many", None), ("9" * 40, None)]
)
def test_of_a_slot(errors: str | None, expected: int | None) -> None:
    found = evidence.of_slot(slot(errors), "not_ok -5\n", None)
    assert found == SlotEvidence("data", "serving", "1.0.0", 3, "none", "not_ok -5", "returned", expected, 4, 0, None)


def test_there_and_back() -> None:
    assert evidence.parse(LOOK.as_dict()) == LOOK
    bare = Snapshot("x", 0.0, (), None)
    assert evidence.parse(bare.as_dict()) == bare
    assert LOOK.slot("data") == SLOT
    assert LOOK.slot("logs") is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("boot_id",), None), (("boot_id",), ""), (("uptime_s",), -1), (("uptime_s",), float("nan")), (("uptime_s",), "1"),
        (("slots",), None), (("slots",), {}), (("slots",), [None]), (("slots",), [{}]), (("slots",), [LOOK.as_dict()["slots"][0]] * 2),
        (("slots",), [{**LOOK.as_dict()["slots"][0], "slot": f"s{number}"} for number in range(65)]),
        (("slots", 0, "slot"), "../x"), (("slots", 0, "slot"), 5),
        (("slots", 0, "state"), "well"), (("slots", 0, "version"), "{{ 1 }}"), (("slots", 0, "generation"), -1),
        (("slots", 0, "generation"), True), (("slots", 0, "probation"), None), (("slots", 0, "last_result"), "fine"),
        (("slots", 0, "child_errors"), "0"), (("slots", 0, "refused_ends"), 2**64), (("slots", 0, "probation_failures"), 1.5),
        (("slots", 0, "io"), "x"), (("slots", 0, "io", "read"), 5), (("slots", 0, "io", "write", "ms"), None),
        (("slots", 0, "io", "in_flight"), -1),
    ],
)  # fmt: skip
def test_what_is_no_evidence(place: tuple, value: object) -> None:
    told = copy.deepcopy(LOOK.as_dict())
    inner = told
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert evidence.parse(told) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LOOK.as_dict(), *LOOK.as_dict()["slots"][0]]), inner),
    max_leaves=20,
)


@given(ANYTHING)
def test_nothing_raises(told: object) -> None:
    evidence.parse(told)
