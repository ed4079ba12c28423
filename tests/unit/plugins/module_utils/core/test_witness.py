# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import witness
from ansible_collections.twostep.hotswap.plugins.module_utils.core.witness import Sight


def sample(*verdicts: str) -> dict:
    return {"answers": [{"source": "md", "verdict": verdict, "reason": f"md is {verdict}."} for verdict in verdicts]}


@pytest.mark.parametrize(
    ("told", "verdict", "reason"),
    [
        (sample("ok"), "ok", "md: md is ok."),
        (sample("ok", "unknown"), "unknown", "md: md is unknown."),
        (sample("unknown", "not_ok"), "not_ok", "md: md is not_ok."),
        (sample("fine"), "unknown", "md gave no verdict that is known."),
        ({"answers": [{}]}, "unknown", "a source without a name gave no verdict that is known."),
        ({"answers": []}, "unknown", "What it says cannot be read."),
        ({"msg": "There is no health source 'x'."}, "unknown", "There is no health source 'x'."),
        ("ok", "unknown", "What it says cannot be read."),
        (None, "unknown", "What it says cannot be read."),
    ],
)
def test_a_sample(told: object, verdict: str, reason: str) -> None:
    assert witness.finding_of(told) == witness.Finding(verdict, reason)


@pytest.mark.parametrize(
    ("samples", "gone", "verdict", "reason"),
    [
        (["ok", "ok"], "", "ok", "n2: md: md is ok."),
        (["ok", "not_ok", "ok"], "", "not_ok", "n2: md: md is not_ok."),  # a no is believed at once
        (["ok", "unknown", "ok"], "", "ok", "n2: md: md is ok."),
        (["ok", "unknown"], "", "unknown", "n2: md: md is unknown."),
        (["ok"], "it said nothing for 5 s", "not_ok", "n2 was lost sight of: it said nothing for 5 s."),
        (["not_ok"], "its watcher ended", "not_ok", "n2: md: md is not_ok."),
        ([], "", "unknown", "n2: It has not said anything yet."),
    ],
)
def test_what_is_believed_of_a_peer(samples: list, gone: str, verdict: str, reason: str) -> None:
    seen = Sight("n2", gone=gone)
    for at, one in enumerate(samples):
        seen.take(sample(one), float(at))
    assert (seen.finding().verdict, seen.finding().reason) == (verdict, reason)


def test_the_record_of_a_peer() -> None:
    seen = Sight("n2")
    for at in (10.0, 10.5, 12.25, 12.75):
        seen.take(sample("ok"), at)
    assert seen.as_dict() == {
        "host": "n2",
        "verdict": "ok",
        "reason": "n2: md: md is ok. (4 looks, at most 1.8 s apart)",
        "samples": 4,
        "longest_gap_ms": 1750,
    }


def test_a_peer_that_says_no_for_ever_fills_nothing() -> None:
    seen = Sight("n2")
    for at in range(100):
        seen.take({"answers": [{"verdict": "not_ok", "reason": f"reason {at}"}]}, float(at))
    assert len(seen.no) == 5


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(_JSON | st.fixed_dictionaries({"answers": _JSON}))
def test_nothing_a_host_says_is_ok_by_accident(told: object) -> None:
    assert witness.finding_of(told).verdict in ("unknown", "not_ok")


FLEET = ["n10", "n2", "n1", "n3"]


@pytest.mark.parametrize(
    ("apart", "limit", "watched", "others"),
    [
        ({}, 9, ["n2", "n3", "n10"], []),
        ({}, 2, ["n2", "n3"], ["n10"]),
        ({"n1": ["a", "b"], "n10": ["b"], "n2": ["c"]}, 2, ["n10", "n2"], ["n3"]),
    ],
)
def test_who_is_watched(apart: dict, limit: int, watched: list, others: list) -> None:
    assert witness.choose("n1", FLEET, apart, limit) == (watched, others)
