# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import compat, names, path
from ansible_collections.twostep.hotswap.plugins.module_utils.core.candidate import Candidate
from ansible_collections.twostep.hotswap.plugins.module_utils.core.compat_facts import Kernel, Question
from ansible_collections.twostep.hotswap.plugins.module_utils.core.elf import Machine
from ansible_collections.twostep.hotswap.plugins.module_utils.core.linkage import Linkage
from ansible_collections.twostep.hotswap.plugins.module_utils.core.path import Path, Release
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Child, Contract, LastSwap, Range, Slot

RELEASE = "6.1.0-56-amd64"
VERMAGIC = f"{RELEASE} SMP modversions"
OLD = Child("twostep_remap_1_0_0", "remap", "1.0.0", Contract(1, 0), ("flush",), Range(1, 1), Range(1, 1), 64, 1)
SLOT = Slot("data", "serving", "remap", "lower=/dev/vdb", "1.0.0", OLD.module, 3, None, 0, 1, LastSwap(result="ok"))
LINKAGE = Linkage(Machine(62, True, "<"), versions={})
# The releases of remap: what each reads and writes.
REMAP = {"1.0.0": (1, 1), "1.1.0": (1, 2), "2.0.0": (2, 3)}


def candidate(version: str, low: int, high: int, **changes: object) -> Candidate:
    schemas = Range(low, high)
    found = Candidate(
        names.child_module("remap", version), version, "remap", Contract(1, 0), ("flush",), schemas, schemas, 64, VERMAGIC, "S", (), False
    )
    return replace(found, **changes)


def ask(goal: str, candidates: list[Candidate], slot: Slot = SLOT, old: Child | None = OLD, **changes: object) -> Path:
    """Ask for the way to a version, with these files installed; `changes` are of every question."""
    questions = {
        found.version: replace(
            Question(slot, Contract(1, 0), goal, Kernel(RELEASE, VERMAGIC), RELEASE, found, None, old, 256, linkage=LINKAGE), **changes
        )
        for found in candidates
    }
    question = questions.get(goal) or Question(slot, Contract(1, 0), goal, Kernel(RELEASE, VERMAGIC), RELEASE, old=old)
    return path.find(question, [Release(found, questions[found.version]) for found in candidates])


def remap(*versions: str) -> list[Candidate]:
    return [candidate(version, *REMAP[version]) for version in versions]


def test_from_1_0_0_there_is_a_way_to_2_0_0_through_1_1_0_only() -> None:
    for order in permutations(REMAP):
        assert ask("2.0.0", remap(*order)) == Path(("1.0.0", "1.1.0", "2.0.0"))
    way = ask("2.0.0", remap("1.0.0", "2.0.0"))
    assert way.versions is None
    assert [(reason.axis, reason.code, reason.level) for reason in way.reasons] == [
        ("state", "no_path", "info"),
        ("state", "schema_none", "warm"),
    ]
    assert [(reason.message, reason.next_step) for reason in way.reasons] == [
        (
            "No chain of hot steps leads from 1.0.0 to 2.0.0; of the installed versions none can be reached.",
            "Install a version between them that reads what the old one writes, or take the slot down.",
        ),
        (
            "From 1.0.0 to 2.0.0: twostep_remap_1_0_0 writes schemas 1-1, twostep_remap_2_0_0 reads 2-3: they have none in common.",
            "Go through a version between them, or take the slot down and create it with the new version.",
        ),
    ]


def test_a_direct_way() -> None:
    assert ask("1.1.0", remap("1.0.0", "1.1.0")) == Path(("1.0.0", "1.1.0"))
    assert ask("1.0.0", remap("1.0.0")) == Path(("1.0.0",))


def test_back_by_the_same_versions() -> None:
    old = Child("twostep_remap_2_0_0", "remap", "2.0.0", Contract(1, 0), ("flush",), Range(2, 3), Range(2, 3), 64, 1)
    slot = replace(SLOT, version="2.0.0", module=old.module)
    assert ask("1.0.0", remap(*REMAP), slot, old) == Path(("2.0.0", "1.1.0", "1.0.0"))


def test_of_two_ways_the_higher_one_but_none_beyond_the_ends_without_need() -> None:
    three = [*remap(*REMAP), candidate("1.2.0", 1, 2), candidate("3.0.0", 1, 3)]
    assert ask("2.0.0", three).versions == ("1.0.0", "1.2.0", "2.0.0")
    beyond = [*remap("1.0.0", "2.0.0"), candidate("3.0.0", 1, 3)]
    assert ask("2.0.0", beyond).versions == ("1.0.0", "3.0.0", "2.0.0")


def test_fewest_hops_come_before_anything_else() -> None:
    chain = [
        candidate("1.0.0", 1, 1),
        candidate("1.1.0", 1, 2),
        candidate("1.2.0", 2, 3),
        candidate("1.3.0", 3, 4),
        candidate("2.0.0", 4, 5),
    ]
    assert ask("2.0.0", chain).versions == ("1.0.0", "1.1.0", "1.2.0", "1.3.0", "2.0.0")
    assert ask("2.0.0", [*chain, candidate("0.9.0", 1, 4)]).versions == ("1.0.0", "0.9.0", "2.0.0")


@pytest.mark.parametrize(
    "changes",
    [{"features": ()}, {"contract": Contract(2, 0)}, {"request_bytes": 257}, {"family": "cache"}, {"vermagic": "6.9.0 SMP modversions"}],
)
def test_a_version_that_cannot_serve_or_be_loaded_is_no_way(changes: dict) -> None:
    files = [*remap("1.0.0", "2.0.0"), candidate("1.1.0", 1, 2, **changes)]
    assert ask("2.0.0", files).versions is None


def test_what_the_versions_on_the_way_promise_is_kept_from_there_on() -> None:
    files = [*remap("1.0.0", "2.0.0"), candidate("1.1.0", 1, 2, features=("flush", "fua"))]
    assert [reason.code for reason in ask("2.0.0", files).reasons] == ["no_path", "schema_none", "feature_dropped"]


@pytest.mark.parametrize(
    "slot",
    [replace(SLOT, state="held"), replace(SLOT, parked="0.9.0"), replace(SLOT, last_swap=LastSwap(result="running", to_version="1.1.0"))],
)
def test_what_stands_in_the_way_for_the_moment_is_left_out_of_account(slot: Slot) -> None:
    assert ask("2.0.0", remap(*REMAP), slot).versions == ("1.0.0", "1.1.0", "2.0.0")


def test_a_shared_export_is_looked_at_from_where_the_step_begins() -> None:
    linkage = replace(LINKAGE, exports={"shared": 1})
    # 1.0.0 exports it now, so the first step is a two_step; then 1.1.0 does, and 2.0.0 follows the same way.
    assert ask("2.0.0", remap(*REMAP), linkage=linkage, exporters={"shared": OLD.module}).versions == ("1.0.0", "1.1.0", "2.0.0")
    assert ask("2.0.0", remap(*REMAP), linkage=linkage, exporters={"shared": "other"}).versions is None


def test_without_a_start_or_an_end() -> None:
    empty = replace(SLOT, state="empty", version=None, module=None)
    (reason,) = ask("1.1.0", remap("1.1.0"), empty, None).reasons
    assert reason.message == "Slot data serves nothing, so there is no version to go from."
    (reason,) = ask("1.1.0", remap("1.0.0")).reasons
    assert reason.message == f"twostep_remap_1_1_0 is not installed for kernel {RELEASE}."


def test_the_verdict_names_the_way_round() -> None:
    question = Question(
        SLOT, Contract(1, 0), "2.0.0", Kernel(RELEASE, VERMAGIC), RELEASE, candidate("2.0.0", 2, 3), None, OLD, 256, linkage=LINKAGE
    )
    verdict = compat.decide(question)
    advised = path.advised(verdict, Path(("1.0.0", "1.1.0", "2.0.0")))
    assert advised.verdict == "warm"
    assert [reason.next_step for reason in advised.reasons if reason.code == "schema_none"] == [
        "Go through 1.1.0: swap to it and commit it first; the whole way is 1.0.0 to 1.1.0 to 2.0.0."
    ]
    assert path.advised(verdict, Path(None)) == verdict
    assert path.advised(verdict, Path(("1.0.0", "2.0.0"))) == verdict


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, None),
        ({"contract": Contract(2, 0)}, ["contract_major"]),
        ({"features": ()}, ["feature_dropped"]),
        ({"vermagic": "x"}, ["vermagic"]),
    ],
)
def test_what_no_version_between_could_change(changes: dict, codes: list | None) -> None:
    found = candidate("2.0.0", 2, 3, **changes)
    question = Question(SLOT, Contract(1, 0), "2.0.0", Kernel(RELEASE, VERMAGIC), RELEASE, found, None, OLD, 256, linkage=LINKAGE)
    way = path.hopeless(compat.decide(question))
    assert (None if way is None else (way.versions, [reason.code for reason in way.reasons])) == (None if codes is None else (None, codes))


VERSIONS = [f"1.{minor}.0" for minor in range(7)]


@given(st.sets(st.tuples(st.sampled_from(VERSIONS), st.sampled_from(VERSIONS)), max_size=25))
def test_the_chain_is_a_shortest_one_and_the_same_for_every_order(edges: set) -> None:
    def leads(start: str, goal: str) -> bool:
        return (start, goal) in edges

    def hops() -> int | None:
        reached, ring, count = {VERSIONS[0]}, {VERSIONS[0]}, 0
        while ring and VERSIONS[-1] not in reached:
            ring = {goal for start, goal in edges if start in ring} - reached
            reached |= ring
            count += 1
        return count if VERSIONS[-1] in reached else None

    chain = path.shortest(VERSIONS[0], VERSIONS[-1], VERSIONS, leads)
    assert chain == path.shortest(VERSIONS[0], VERSIONS[-1], VERSIONS[::-1], leads)
    assert (None if chain is None else len(chain) - 1) == hops()
    if chain is not None:
        assert all(leads(start, goal) for start, goal in zip(chain, chain[1:]))
