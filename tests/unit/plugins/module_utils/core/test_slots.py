# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import slots
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Contract, Range

SLOT = {
    "state": "serving\n",
    "family": "remap\n",
    "params": "lower=/dev/vdb\n",
    "version": "1.1.0\n",
    "module": "twostep_remap_1_1_0\n",
    "generation": "4\n",
    "parked": "\n",
    "inflight": "0\n",
    "openers": "2\n",
    "srcversion": "B1E9D8E4D0A5B3C7F6A9812\n",
    "previous": "1.0.0\n",
    "probation": "watching\n",
    "probation_failures": "1\n",
    "refused_ends": "0\n",
    "hold_histogram": "0 0 5 1\n",
}
LAST = {
    "generation": "4\n",
    "from": "1.0.0\n",
    "to": "1.1.0\n",
    "mode": "handover\n",
    "result": "ok\n",
    "reason": "adopted\n",
    "held_requests": "7\n",
    **{name: f"{number}\n" for number, name in enumerate(slots.TIMES)},
}
CHILD = {
    "family": "remap\n",
    "version": "1.1.0\n",
    "contract": "1.0\n",
    "features": "flush,fua\n",
    "schema_reads": "1-2\n",
    "schema_writes": "2-2\n",
    "request_bytes": "64\n",
    "users": "1\n",
}


def test_a_slot_becomes_typed() -> None:
    slot = slots.parse_slot("data", "/s", SLOT, LAST, {"reads": "12\n", "latency_read": "1 2 3\n"})
    assert (slot.slot, slot.version, slot.generation, slot.parked, slot.openers) == ("data", "1.1.0", 4, None, 2)
    assert (slot.previous, slot.probation, slot.probation_failures, slot.refused_ends) == ("1.0.0", "watching", 1, 0)
    assert (slot.srcversion, slot.hold_histogram) == ("B1E9D8E4D0A5B3C7F6A9812", (0, 0, 5, 1))
    assert slot.last_swap.from_version == "1.0.0"
    assert slot.last_swap.times() == {name: number for number, name in enumerate(slots.TIMES)}
    told = slot.as_dict()
    assert told["child"] == {"latency_read": "1 2 3", "reads": 12}
    assert (told["last_swap"]["from"], told["last_swap"]["to"]) == ("1.0.0", "1.1.0")


def test_empty_files_are_none() -> None:
    bare = {**SLOT, "state": "empty\n", "family": "\n", "params": "\n", "version": "\n", "module": "\n"}
    slot = slots.parse_slot("data", "/s", bare, LAST)
    assert (slot.family, slot.params, slot.version, slot.module, slot.child) == (None, "", None, None, {})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("state", "sleeping\n", "a state"),
        ("state", "\n", "a state"),
        ("family", "Remap\n", "a family or empty"),
        ("version", "1.1\n", "a version or empty"),
        ("module", "../x\n", "a module name or empty"),
        ("generation", "-1\n", "a number"),
        ("generation", "1 \n", "a number"),
        ("generation", "\u0661\n", "a number"),
        ("generation", "9" * 21 + "\n", "a number"),
        ("parked", "old\n", "a version or empty"),
        ("params", "a\x1b[2J\n", "one line"),
        ("params", "x" * 513, "one line"),
        ("openers", "", "a number"),
        ("srcversion", "B1 E9\n", "a checksum or empty"),
        ("previous", "x\n", "a version or empty"),
        ("probation", "\n", "a state of a probation"),
        ("hold_histogram", "1  2\n", "a row of numbers"),
    ],
)
def test_a_bad_file_is_named(name: str, text: str, expected: str) -> None:
    with pytest.raises(TwostepError) as caught:
        slots.parse_slot("data", "/s", {**SLOT, name: text}, LAST)
    shown = text[:-1] if text.endswith("\n") else text
    assert caught.value.code == "bad_status"
    assert caught.value.message == f"/s/{name} holds {shown[:80]!r}, which is not {expected}."
    assert caught.value.next_step == "Install the parent that belongs to this collection."


@pytest.mark.parametrize(("name", "text"), [("mode", "now\n"), ("result", "\n"), ("hold_ns", "1.5\n"), ("from", "x\n")])
def test_a_bad_last_swap_is_named(name: str, text: str) -> None:
    with pytest.raises(TwostepError, match=f"/s/last_swap/{name} holds"):
        slots.parse_slot("data", "/s", SLOT, {**LAST, name: text})


def test_a_missing_file_is_named() -> None:
    with pytest.raises(TwostepError) as caught:
        slots.parse_slot("data", "/s", {name: text for name, text in SLOT.items() if name != "openers"}, LAST)
    assert (caught.value.code, caught.value.message) == ("bad_status", "/s/openers does not exist.")


def test_what_a_child_tells_is_made_harmless_and_decides_nothing() -> None:
    slot = slots.parse_slot("data", "/s", SLOT, LAST, {"a": "x\x1b[2Jy\n", "b": "z" * 5000, "c": "\u00b2"})
    assert slot.as_dict()["child"] == {"a": "x [2Jy", "b": "z" * 512, "c": "\u00b2"}


def test_a_child_becomes_typed() -> None:
    child = slots.parse_child("twostep_remap_1_1_0", "/c", CHILD)
    assert (child.contract, child.schema_reads, child.features) == (Contract(1, 0), Range(1, 2), ("flush", "fua"))
    assert child.as_dict()["schema_writes"] == "2-2"
    assert child.as_dict()["contract"] == "1.0"


@pytest.mark.parametrize(
    ("name", "text"),
    [("contract", "1\n"), ("contract", "one.0\n"), ("schema_reads", "2-1\n"), ("schema_reads", "0-1\n"), ("schema_writes", "1-65536\n"),
     ("features", "a;b\n"), ("features", "a,,b\n"), ("users", "\n")],
)  # fmt: skip
def test_a_bad_child_is_refused(name: str, text: str) -> None:
    with pytest.raises(TwostepError, match=f"/c/{name} holds"):
        slots.parse_child("twostep_remap_1_1_0", "/c", {**CHILD, name: text})


def test_the_parent() -> None:
    assert slots.parse_parent("/p", {"contract": "1.0\n"}, "1.0.0").as_dict() == {"contract": "1.0", "version": "1.0.0"}


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [(Range(1, 2), Range(2, 3), Range(2, 2)), (Range(1, 1), Range(2, 2), None), (Range(1, 5), Range(2, 3), Range(2, 3))],
)
def test_ranges_overlap(one: Range, other: Range, common: Range | None) -> None:
    assert one.overlap(other) == common
    assert other.overlap(one) == common


@pytest.mark.parametrize(("text", "found"), [("flush, fua", ("flush", "fua")), ("flush,fua", ("flush", "fua")), ("", ()), (" ", ())])
def test_lists_of_words(text: str, found: tuple) -> None:
    assert slots.words(text) == found
