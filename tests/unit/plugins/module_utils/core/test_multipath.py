# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and states of multipath maps: what is read of them, which path may leave, and that the rest of a table stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import multipath
from ansible_collections.twostep.hotswap.plugins.module_utils.core.multipath import Group, Map, Table

PLAIN = "0 98304 multipath 3 queue_mode bio queue_if_no_path 0 1 1 round-robin 0 2 1 254:0 1 7:1 1"
ALUA = "0 2097152 multipath 1 queue_if_no_path 1 alua 2 2 service-time 0 2 2 8:16 1 1 8:32 1 1 service-time 0 1 2 65:0 1 7"
PLAIN_STATUS = "0 98304 multipath 2 0 0 0 1 1 A 0 2 0 254:0 A 0 7:1 A 0"
# As dmsetup prints them: the kernel ends each word with a blank.
PRINTED, PRINTED_STATUS = f"{PLAIN} \n", f"{PLAIN_STATUS} \n"
FOUND = Map("shared", "mpath-a1", PRINTED, PRINTED_STATUS)


def test_a_table() -> None:
    groups = (
        Group(("service-time",), 2, (("8:16", "1", "1"), ("8:32", "1", "1"))),
        Group(("service-time",), 2, (("65:0", "1", "7"),)),
    )
    assert multipath.parse_table(ALUA) == Table(2097152, ("queue_if_no_path",), ("alua",), 2, groups)
    assert multipath.parse_table(ALUA).numbers == ("8:16", "8:32", "65:0")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        ALUA,
        "0 10 multipath 0 0 1 1 queue-length 0 2 1 8:0 128 8:16 128",
        "0 71014400 multipath 0 0 1 1 round-robin 0 2 1 66:128 1000 65:64 1000",
        "0 8 multipath 2 pg_init_retries 50 1 emc 1 1 historical-service-time 2 11 100 1 0 8:0",
        "0 8 multipath 0 0 1 1 io-affinity 0 2 1 8:0 00000000,0000000f 8:16 f0",
    ],
)
def test_a_table_is_written_as_it_was_read(text: str) -> None:
    assert multipath.render(multipath.parse_table(f"{text} \n")) == text


GARBAGE = [
    "",
    "\n",
    "nonsense",
    "0 98304 multipath",
    "0 98304 linear 8:0 0",
    PLAIN.replace("0 98304", "8 98304"),
    f"shared: {PLAIN}",
    f"{PLAIN}\n{PLAIN}",
    PLAIN.replace("254:0", "/dev/vdb"),
    PLAIN.replace("254:0", "254"),
    PLAIN.replace("254:0", "254:0:1"),
    PLAIN.replace("254:0", "7:1"),
    PLAIN.replace("7:1 1", "7:1"),
    f"{PLAIN} 1",
    PLAIN.replace("0 2 1 254:0", "0 3 1 254:0"),
    PLAIN.replace("0 2 1 254:0", "0 0 1 254:0"),
    PLAIN.replace("0 2 1 254:0", "0 99999999999999 1 254:0"),
    PLAIN.replace("0 2 1 254:0", "0 -2 1 254:0"),
    PLAIN.replace("0 1 1 round", "0 1 0 round"),
    PLAIN.replace("0 1 1 round", "0 1 2 round"),
    PLAIN.replace("0 1 1 round", "0 0 0 round"),
    PLAIN.replace("multipath 3", "multipath \u0663"),
    PLAIN.replace("multipath 3", "multipath 4"),
    PLAIN.replace("round-robin", "round'robin"),
    PLAIN.replace("round-robin", "round;robin"),
    "0 0 multipath 0 0 0 0",
]


@pytest.mark.parametrize("text", GARBAGE)
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        multipath.parse_table(text)


@pytest.mark.parametrize(
    ("text", "used"),
    [
        (PRINTED_STATUS, {"254:0": True, "7:1": True}),
        ("0 98304 multipath 2 0 0 0 1 1 A 0 2 0 254:0 F 3 7:1 A 0", {"254:0": False, "7:1": True}),
        ("0 10 multipath 2 0 0 0 1 1 E 0 2 1 8:0 A 0 0 8:16 A 0 0", {"8:0": True, "8:16": True}),
        ("0 8 multipath 2 0 0 0 2 1 A 0 2 2 8:16 A 0 0 1 8:32 F 1 0 1 D 0 1 2 65:0 A 0 0 7", {"8:16": True, "8:32": False, "65:0": True}),
        ("0 8 multipath 2 1 4 1 1 1 1 E 2 1 1 1 0 8:0 A 12", {"8:0": True}),
    ],
)
def test_states(text: str, used: dict) -> None:
    assert multipath.parse_status(text) == used


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Device does not exist.",
        PLAIN,
        PLAIN_STATUS.replace("A 0 2 0", "X 0 2 0"),
        PLAIN_STATUS.replace("254:0 A", "254:0 B"),
        PLAIN_STATUS.replace("254:0 A 0", "254:0 A"),
        PLAIN_STATUS.replace("0 2 0 254:0", "0 1 0 254:0"),
        PLAIN_STATUS.replace("254:0", "sda"),
        f"{PLAIN_STATUS} 8:0 A 0",
        f"{PLAIN_STATUS}\n{PLAIN_STATUS}",
        f"shared: {PLAIN_STATUS}",
        "0 0 multipath 2 0 0 0 0 0",
    ],
)
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        multipath.parse_status(text)


@given(
    st.lists(st.sampled_from([*PLAIN.split(), *PLAIN_STATUS.split(), "", "\n", "\u0663", "9" * 30]), max_size=30).map(" ".join) | st.text()
)
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for parse in (multipath.parse_table, multipath.parse_status):
        try:
            parse(text)
        except ValueError:
            continue
    assert isinstance(multipath.parse_daemon(text), dict)


def test_what_multipathd_has() -> None:
    text = "8:16,active,ready,shared\n8:32,failed,faulty,shared\n8:48,active,i/o pending,a,b\n8:64,undef,undef,[orphan]\n"
    text += "fail\n,,,\n[x],a,b,c\n"
    assert multipath.parse_daemon(text) == {
        "8:16": ("shared", True),
        "8:32": ("shared", False),
        "8:48": ("a,b", False),
        "8:64": ("[orphan]", False),
    }


ALONE = (PLAIN.replace("2 1 254:0 1 7:1 1", "1 1 254:0 1"), PLAIN_STATUS.replace("2 0 254:0 A 0 7:1 A 0", "1 0 254:0 A 0"))
UNREADABLE, UNNAMED = "its state cannot be read", "its name or its uuid is none that can be passed on"
NOT_IN_IT, UNKNOWN = "its table and its state do not both have that path", "multipathd runs, but does not have that path in it"
LAST = "no other path of it is active"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"status": PLAIN_STATUS.replace("254:0 A", "254:0 F")}, ""),
        ({"status": PLAIN_STATUS.replace("7:1 A", "7:1 F")}, LAST),
        ({"table": ALONE[0], "status": ALONE[1]}, LAST),
        ({"table": None}, UNREADABLE),
        ({"status": None}, UNREADABLE),
        ({"status": "254:0 A 7:1 A"}, UNREADABLE),
        ({"suspended": True}, "it is suspended"),
        ({"table": PLAIN.replace("254:0", "254:1")}, NOT_IN_IT),
        ({"table": PLAIN.replace("7:1", "7:2")}, NOT_IN_IT),
        ({"table": PLAIN.replace("254:0", "254:1"), "status": PLAIN_STATUS.replace("254:0", "254:1")}, NOT_IN_IT),
        ({"uuid": "mpath-"}, UNNAMED),
        ({"uuid": "mpath-a b"}, UNNAMED),
        ({"uuid": "LVM-a"}, UNNAMED),
        ({"name": "a b"}, UNNAMED),
        ({"name": ""}, UNNAMED),
        ({"daemon": "254:0,active,ready,shared\n7:1,active,ready,shared\n"}, ""),
        ({"daemon": "254:0,failed,faulty,shared\n7:1,active,ready,shared\n"}, ""),
        ({"daemon": ""}, UNKNOWN),
        ({"daemon": "7:1,active,ready,shared\n"}, UNKNOWN),
        ({"daemon": "254:0,active,ready,other\n7:1,active,ready,shared\n"}, UNKNOWN),
        ({"daemon": "254:0,active,ready,shared\n7:1,active,faulty,shared\n"}, LAST),
        ({"daemon": "254:0,active,ready,shared\n7:1,active,ready,other\n"}, LAST),
        ({"daemon": "254:0,active,ready,shared\n"}, LAST),
        ({"daemon": "254:0,active,ready,shared\n7:1,active,ready,shared\n", "status": PLAIN_STATUS.replace("7:1 A", "7:1 F")}, LAST),
    ],
)
def test_why_a_path_cannot_leave(changes: dict, why: str) -> None:
    assert multipath.why_needed(replace(FOUND, **changes), "254:0") == why


@pytest.mark.parametrize(
    ("text", "number", "left"),
    [
        (PLAIN, "254:0", PLAIN.replace("2 1 254:0 1 7:1 1", "1 1 7:1 1")),
        (PLAIN, "7:1", PLAIN.replace("2 1 254:0 1 7:1 1", "1 1 254:0 1")),
        (ALUA, "8:16", ALUA.replace("2 2 8:16 1 1 8:32 1 1", "1 2 8:32 1 1")),
        (ALUA, "65:0", "0 2097152 multipath 1 queue_if_no_path 1 alua 1 1 service-time 0 2 2 8:16 1 1 8:32 1 1"),
        ("0 8 multipath 0 0 3 3 a 0 1 0 8:0 b 0 1 0 8:1 c 0 1 0 8:2", "8:0", "0 8 multipath 0 0 2 2 b 0 1 0 8:1 c 0 1 0 8:2"),
        ("0 8 multipath 0 0 3 1 a 0 1 0 8:0 b 0 1 0 8:1 c 0 1 0 8:2", "8:2", "0 8 multipath 0 0 2 1 a 0 1 0 8:0 b 0 1 0 8:1"),
    ],
)
def test_a_path_leaves_and_comes_back_and_the_rest_stays(text: str, number: str, left: str) -> None:
    before = multipath.parse_table(text)
    now = multipath.without(before, number)
    assert multipath.render(now) == left
    assert multipath.put_back(now, before, number, number) == before


def test_the_last_path_does_not_leave() -> None:
    with pytest.raises(ValueError):
        multipath.without(multipath.parse_table("0 8 multipath 0 0 1 1 a 0 1 0 8:0"), "8:0")


@pytest.mark.parametrize(
    ("now", "then"),
    [
        # Another number, since the slot's device is another one.
        ("1 1 a 0 1 1 8:1 6", "1 1 a 0 2 1 9:9 5 8:1 6"),
        # Others have come meanwhile: in front of it, behind it, a group before its own.
        ("1 1 a 0 2 1 8:5 1 8:1 6", "1 1 a 0 3 1 9:9 5 8:5 1 8:1 6"),
        ("2 2 a 0 1 1 8:5 1 a 0 1 1 8:1 6", "2 2 a 0 1 1 8:5 1 a 0 2 1 9:9 5 8:1 6"),
        # Its neighbour has gone: a group of its own, which was in use before, and before those that came after it.
        ("1 1 b 0 1 1 8:2 7", "2 1 a 0 1 1 9:9 5 b 0 1 1 8:2 7"),
        ("1 1 c 0 1 1 8:5 7", "2 1 a 0 1 1 9:9 5 c 0 1 1 8:5 7"),
    ],
)
def test_what_others_changed_meanwhile_stays(now: str, then: str) -> None:
    before = multipath.parse_table("0 8 multipath 0 0 2 1 a 0 2 1 8:0 5 8:1 6 b 0 1 1 8:2 7")
    found = multipath.put_back(multipath.parse_table(f"0 8 multipath 0 0 {now}"), before, "8:0", "9:9")
    assert multipath.render(found) == f"0 8 multipath 0 0 {then}"


@pytest.mark.parametrize(
    ("now", "old"),
    [("1 1 a 0 1 1 9:9 6", "8:0"), ("1 1 a 0 1 1 8:1 6", "7:7"), ("1 1 a 0 1 1 8:1 6", ""), ("1 1 a 0 1 2 8:1 6 7", "8:0")],
    ids=["it is there", "it never was", "nothing is known of it", "its arguments are others now"],
)
def test_what_has_no_place_is_not_put_anywhere(now: str, old: str) -> None:
    before = multipath.parse_table("0 8 multipath 0 0 1 1 a 0 2 1 8:0 5 8:1 6")
    with pytest.raises(ValueError):
        multipath.put_back(multipath.parse_table(f"0 8 multipath 0 0 {now}"), before, old, "9:9")


HOW = {"uuid": "mpath-a1", "table": PLAIN, "number": "254:0"}


@pytest.mark.parametrize(
    ("name", "how", "whole"),
    [
        ("shared", HOW, True),
        ("mpath.a-1_b:c", HOW, True),
        ("", HOW, False),
        ("-shared b", HOW, False),
        ("a/b", HOW, False),
        ("shared", {}, False),
        ("shared", {**HOW, "uuid": "LVM-a"}, False),
        ("shared", {**HOW, "uuid": "mpath-a\n"}, False),
        ("shared", {**HOW, "number": "254:1"}, False),
        ("shared", {**HOW, "table": f"{PLAIN}\n0 8 linear 8:0 0"}, False),
        ("shared", {**HOW, "table": PLAIN[:-5]}, False),
        ("shared", {"uuid": "mpath-a1", "table": PLAIN}, False),
    ],
)
def test_what_is_remembered_is_checked(name: str, how: dict, whole: bool) -> None:
    assert multipath.is_remembered(name, how) == whole
