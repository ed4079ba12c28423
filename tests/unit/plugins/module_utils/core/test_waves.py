# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: sizes, failure domains, and hosts that must not be touched together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import waves
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.waves import Place

RACKS = {"a1": Place("a"), "a2": Place("a"), "a3": Place("a"), "b1": Place("b"), "b2": Place("b")}


def hosts(order: list, places: dict, canary: int, size: int) -> list:
    return [(list(wave.hosts), wave.reason) for wave in waves.split(order, places, canary, size)]


def test_a_wave_is_in_one_domain_and_the_canary_in_the_first() -> None:
    assert hosts(["a1", "b1", "a2", "b2", "a3"], RACKS, 1, 5) == [(["a1"], "canary, a"), (["a2", "a3"], "a"), (["b1", "b2"], "b")]


def test_a_canary_is_never_in_two_domains() -> None:
    assert hosts(["a1", "b1", "a2", "b2", "a3"], RACKS, 9, 1) == [(["a1", "a2", "a3"], "canary, a"), (["b1"], "b"), (["b2"], "b")]


def test_members_of_a_group_are_touched_one_after_the_other() -> None:
    places = {"n1": Place(apart=("etcd",)), "n2": Place(apart=("etcd", "md")), "n4": Place(apart=("md",))}
    assert hosts(["n1", "n2", "n3", "n4", "n5"], places, 0, 3) == [(["n1", "n3", "n5"], ""), (["n2"], ""), (["n4"], "")]


def test_the_canary_passes_over_who_must_be_apart() -> None:
    places = {"n1": Place(apart=("etcd",)), "n2": Place(apart=("etcd",))}
    assert hosts(["n1", "n2", "n3"], places, 2, 2) == [(["n1", "n3"], "canary"), (["n2"], "")]


def test_nothing_to_do_is_no_wave() -> None:
    assert waves.split([], RACKS, 1, 1) == ()


PLACES = st.builds(Place, st.sampled_from(["", "a", "b"]), st.lists(st.sampled_from("xyz"), unique=True, max_size=2).map(tuple))


@given(st.lists(PLACES, max_size=40), st.integers(0, 5), st.integers(1, 5))
def test_what_holds_for_every_plan(found: list, canary: int, size: int) -> None:
    places = {f"n{number}": place for number, place in enumerate(found)}
    made = waves.split(list(places), places, canary, size)
    assert sorted(host for wave in made for host in wave.hosts) == sorted(places)
    for number, wave in enumerate(made):
        assert 1 <= len(wave.hosts) <= (canary if canary and number == 0 else size)
        assert len({places[host].domain for host in wave.hosts}) == 1
        groups = [group for host in wave.hosts for group in places[host].apart]
        assert len(groups) == len(set(groups))
    domains = [places[wave.hosts[0]].domain for wave in made]
    assert len([1 for before, after in zip(domains, domains[1:]) if before != after]) == max(len(set(domains)) - 1, 0)


@given(st.integers(0, 40), st.integers(0, 5), st.integers(1, 5))
def test_without_places_the_order_is_kept(count: int, canary: int, size: int) -> None:
    order = [f"n{number}" for number in range(count)]
    assert [host for wave in waves.split(order, {}, canary, size) for host in wave.hosts] == order


def test_a_place_is_read_from_what_a_host_was_given() -> None:
    assert waves.place({"domain": "rack 7", "apart": ["etcd", "md0", "etcd"]}, "n1") == Place("rack 7", ("etcd", "md0"))
    assert waves.place(None, "n1") == waves.place({"domain": "", "apart": []}, "n1") == Place()


@pytest.mark.parametrize(
    "told",
    [{"domain": 7}, {"domain": "x" * 65}, {"domain": "a\nb"}, {"apart": "etcd"}, {"apart": [""]}, {"apart": [1]}, {"apart": ["x"] * 33}],
)
def test_another_place_is_refused(told: dict) -> None:
    with pytest.raises(TwostepError) as caught:
        waves.place(told, "n1")
    assert caught.value.code == "bad_place"
    assert "of n1 is" in caught.value.message
