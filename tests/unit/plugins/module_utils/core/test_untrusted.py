# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door between a host's words and the controller."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import untrusted


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("two\nlines\tand\x1b[31m colour\x07", "two lines and [31m colour"),
        ("right\u202eto\u200bleft", "right to left"),
        ("half \ud800 a pair", "half a pair"),
        ("line\u2028separator", "line separator"),
        ("umlaut ä stays", "umlaut ä stays"),
        ("{{ stays }} <b>", "{{ stays }} <b>"),
        (b"bytes", None),
        (1, None),
        (None, None),
        (["a"], None),
    ],
)
def test_text(value: object, expected: str | None) -> None:
    assert untrusted.text(value) == expected


def test_text_is_cut_at_its_limit() -> None:
    assert untrusted.text("x" * 500) == "x" * 397 + "..."
    assert untrusted.text("x" * 400) == "x" * 400
    assert untrusted.text("abcdef", 5) == "ab..."


@given(st.text(), st.integers(min_value=3, max_value=50))
def test_text_is_always_one_bounded_line_that_json_can_carry(value: str, limit: int) -> None:
    told = untrusted.text(value, limit)
    assert told is not None
    assert len(told) <= limit
    assert len(told.splitlines()) <= 1
    json.dumps(told).encode("ascii")
    told.encode("utf-8")


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (7, 7), (-1, None), (True, None), ("7", None), (7.0, None), (None, None), (2**70, None)]
)
def test_integer(value: object, expected: int | None) -> None:
    assert untrusted.integer(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0.0), (1.5, 1.5), (-0.1, None), (False, None), (float("nan"), None), (float("inf"), None), ("1", None), (None, None)],
)
def test_number(value: object, expected: float | None) -> None:
    assert untrusted.number(value) == expected


@pytest.mark.parametrize(("value", "expected"), [("a", "a"), ("c", None), (1, None), (None, None), (["a"], None)])
def test_choice(value: object, expected: str | None) -> None:
    assert untrusted.choice(value, ("a", "b")) == expected


def test_records_keeps_mappings_only_and_not_too_many() -> None:
    assert untrusted.records([{"a": 1}, "text", None, {"b": 2}]) == [{"a": 1}, {"b": 2}]
    assert untrusted.records([{}] * 10, 3) == [{}] * 3
    assert untrusted.records({"a": 1}) == []
    assert untrusted.records(None) == []


def test_mapping_of_anything_else_is_empty() -> None:
    assert untrusted.mapping({"a": 1}) == {"a": 1}
    assert untrusted.mapping([("a", 1)]) == {}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({}, None),
        ({"failed": False, "msg": "fine"}, None),
        ({"failed": True, "msg": "It broke."}, "It broke."),
        ({"failed": True}, "the task failed without a message"),
        ({"failed": True, "msg": ["odd"]}, "the task failed without a message"),
        ({"unreachable": True, "msg": "no route"}, "unreachable: no route"),
        ({"unreachable": True}, "unreachable: no reason was given"),
        ({"failed": True, "msg": "One or more items failed", "results": [{"msg": "ok"}, {"failed": True, "msg": "Second."}]}, "Second."),
        ({"unreachable": True, "msg": "All items completed", "results": [{"unreachable": True, "msg": "gone"}]}, "unreachable: gone"),
        ({"failed": True, "msg": "outer", "results": [{"msg": "ok"}]}, "outer"),
    ],
)
def test_problem(result: dict, expected: str | None) -> None:
    assert untrusted.problem(result) == expected
