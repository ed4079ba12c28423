# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts say about slots and steps, parsed."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import fleet
from ansible_collections.twostep.hotswap.plugins.module_utils.core.fleet import Compat, Drift, Facts, Slot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Range

TOLD = {"slot": "vol0", "family": "remap", "version": "1.0.0", "state": "serving", "parked": "", "generation": 3}
NOT_ASKED = "the host was not asked, as in a run with --limit"


def test_drift_of_a_slot() -> None:
    told = [{"code": "file_other", "message": "It\ndiffers."}, {"code": 3, "message": "x"}, {"code": "x"}, "text"]
    (slot,) = fleet.facts({"slots": [{**TOLD, "drift": told}]}, "remap").slots
    assert slot.drift == (Drift("file_other", "It differs."),)
    (slot,) = fleet.facts({"slots": [{**TOLD, "drift": "text"}]}, "remap").slots
    assert slot.drift == ()


@pytest.mark.parametrize(
    ("told", "path"),
    [
        (["1.0.0", "1.1.0", "2.0.0"], ("1.0.0", "1.1.0", "2.0.0")),
        (["1.0.0", "{{ lookup('pipe', 'id') }}", "2.0.0"], ()),
        (["1.0.0", 2], ()),
        ("1.0.0", ()),
        (None, ()),
    ],
)
def test_the_way_that_a_host_tells(told: object, path: tuple) -> None:
    answer = {"results": [{"slot": "vol0", "verdict": "warm", "twostep_path": told}]}
    assert fleet.compat(answer)["vol0"].path == path


LOCKED = {"code": "modules_disabled", "level": "cold", "message": "No module can be loaded."}


@pytest.mark.parametrize(
    ("verdict", "reasons", "after_boot"),
    [
        ("warm", [{"code": "schema_none", "level": "warm", "message": "None."}], True),
        ("cold", [LOCKED], True),
        ("cold", [LOCKED, {"code": "contract_major", "level": "cold", "message": "Another parent."}], False),
        ("cold", [LOCKED, {"code": "new_word", "message": "Who knows."}], False),
        ("refuse", [LOCKED], False),
        ("cold", [{**LOCKED, "level": "refuse"}], False),
        ("hot", [], False),
    ],
)
def test_what_a_boot_cures(verdict: str, reasons: list, after_boot: bool) -> None:
    assert fleet.compat({"results": [{"slot": "vol0", "verdict": verdict, "reasons": reasons}]})["vol0"].after_boot is after_boot


def test_what_every_host_has_is_no_reason() -> None:
    reasons = [{"code": "tainted", "message": "Modules."}, {"code": "downgrade", "message": "Older."}]
    assert fleet.compat({"results": [{"slot": "vol0", "verdict": "hot", "reasons": reasons}]})["vol0"].reason == "Older."


def test_a_slot_of_the_family() -> None:
    other = {**TOLD, "slot": "vol1", "family": "other"}
    assert fleet.facts({"slots": [other, TOLD]}, "remap") == Facts((Slot("vol0", "remap", "1.0.0", "serving", None, 3),))


def test_without_a_family_all_slots_in_the_order_of_their_names() -> None:
    other = {**TOLD, "slot": "a", "family": "other"}
    assert [slot.slot for slot in fleet.facts({"slots": [TOLD, other]}, None).slots] == ["a", "vol0"]


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (None, NOT_ASKED),
        ({}, NOT_ASKED),
        ("text", NOT_ASKED),
        ({"unreachable": True, "msg": "gone"}, "unreachable: gone"),
        ({"failed": True, "msg": "No parent."}, "No parent."),
        ({"slots": [{**TOLD, "slot": "../x"}]}, "the host told of a slot without a valid name"),
        ({"slots": [{**TOLD, "slot": None}]}, "the host told of a slot without a valid name"),
    ],
)
def test_a_host_that_told_nothing_usable(result: object, problem: str) -> None:
    assert fleet.facts(result, "remap") == Facts((), problem)


@pytest.mark.parametrize(
    ("field", "value"), [("version", ""), ("version", "1.0"), ("version", 1.0), ("state", "dancing"), ("parked", "x"), ("generation", "3")]
)
def test_a_field_that_is_not_understood_is_none(field: str, value: object) -> None:
    (slot,) = fleet.facts({"slots": [{**TOLD, field: value}]}, "remap").slots
    assert getattr(slot, field) is None


def test_slots_that_are_no_list_are_no_slots() -> None:
    assert fleet.facts({"slots": "vol0", "changed": False}, "remap") == Facts(())


def test_verdicts_by_slot() -> None:
    looped = {
        "results": [
            {
                "slot": "vol0",
                "verdict": "hot",
                "mode": "handover",
                "reasons": [{"axis": "state", "message": "Schema 2."}, {"message": "Fine."}],
                "item": {"slot": "vol0"},
            },
            {"verdict": "hot", "mode": "sideways", "item": "vol1"},
            {"failed": True, "msg": "No file.", "item": {"slot": "vol2"}},
            {"skipped": True, "item": {"slot": "vol3"}},
            {"verdict": "marvellous", "item": {"slot": "vol4"}},
            {"verdict": "hot", "item": {"slot": "../x"}},
        ]
    }
    assert fleet.compat(looped) == {
        "vol0": Compat("hot", "handover", "Schema 2. Fine."),
        "vol1": Compat("hot", None, ""),
        "vol2": Compat(None, None, "No file."),
        "vol3": Compat(None, None, "the host gave no verdict"),
        "vol4": Compat(None, None, "the host gave no verdict"),
    }


def test_protocols_are_believed_one_by_one() -> None:
    told = {"1.0.0": "1-1", "1.1.0": None, "2.0.0": "2", "../x": "1-1", "3.0.0": ["1-1"], 4: "1-1"}
    found = fleet.compat({"results": [{"slot": "vol0", "verdict": "hot", "protocols": told}]})
    assert found["vol0"].protocols == {"1.0.0": Range(1, 1), "1.1.0": None}
    assert fleet.compat({"results": [{"slot": "vol0", "verdict": "hot", "protocols": "x"}]})["vol0"].protocols == {}


@pytest.mark.parametrize("result", [None, {}, {"results": None}, {"results": "x"}])
def test_no_verdicts(result: object) -> None:
    assert fleet.compat(result) == {}


def test_hosts_sort_as_people_count() -> None:
    assert sorted(["n10", "n2", "a-1-b", "n2.x", "10", "9"], key=fleet.natural) == ["9", "10", "a-1-b", "n2", "n2.x", "n10"]
