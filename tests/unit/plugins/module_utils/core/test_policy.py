# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as values with lines, against a JSON Schema; and that we and the library jsonschema mean the same by the real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import names, policy, window
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.policy import Value

REAL = json.loads((Path(__file__).resolve().parents[5] / "docs/schemas/policy.schema.json").read_text(encoding="utf-8"))
TEMPLATE = {"type": "string", "pattern": policy.TEMPLATE}
SIZE = {"default": 1, "anyOf": [{"type": "integer", "minimum": 1}, TEMPLATE]}
INNER = {"type": "object", "additionalProperties": False, "required": ["from"], "properties": {"from": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "twostep_size": SIZE,
        "twostep_ms": {"type": "integer", "minimum": 1, "maximum": 9},
        "twostep_life": {"type": "number", "exclusiveMinimum": 0},
        "twostep_way": {"default": "", "anyOf": [{"type": "string", "enum": ["warm", "cold"]}, TEMPLATE]},
        "twostep_list": {"type": "array", "minItems": 1, "items": INNER},
        "twostep_free": {"type": "object"},
        "twostep_flag": {"default": False, "anyOf": [{"type": "boolean"}, TEMPLATE]},
    },
}
CORRECT, REMOVE = "Correct it, or remove the line.", "Remove it; known are the twostep_ variables of the roles."
ONE, NO, OTHER = (f"Correct it, or remove the line for the default{default}." for default in (", 1", ", false", ""))
KINDS = {str: "text", int: "whole", float: "number", bool: "flag", type(None): "nothing"}


def value(told: Any, line: int = 1) -> Value:
    """Return plain data as values; those of a mapping stand in a line each."""
    if isinstance(told, dict):
        return Value(line, "mapping", pairs=tuple((value(key, at), value(inner, at)) for at, (key, inner) in enumerate(told.items(), line)))
    if isinstance(told, list):
        return Value(line, "list", items=tuple(value(item, line) for item in told))
    return Value(line, KINDS[type(told)], told if isinstance(told, str) else json.dumps(told), False, told)


@pytest.mark.parametrize(
    ("told", "message", "next_step"),
    [
        ({"twostep_size": "two"}, 'twostep_size is "two"; it must be a whole number, 1 or more.', ONE),
        ({"twostep_size": 0}, "twostep_size is 0; it must be a whole number, 1 or more.", ONE),
        ({"twostep_size": 1.5}, "twostep_size is 1.5; it must be a whole number, 1 or more.", ONE),
        ({"twostep_size": True}, "twostep_size is true; it must be a whole number, 1 or more.", ONE),
        ({"twostep_ms": 10}, "twostep_ms is 10; it must be a whole number from 1 to 9.", CORRECT),
        ({"twostep_life": 0}, "twostep_life is 0; it must be a number, more than 0.", CORRECT),
        ({"twostep_way": "hot"}, 'twostep_way is "hot"; it must be one of warm, cold.', OTHER),
        ({"twostep_way": None}, "twostep_way has no value.", OTHER),
        ({"twostep_flag": "yes"}, 'twostep_flag is "yes"; it must be true or false.', NO),
        ({"twostep_list": {}}, "twostep_list is an empty mapping; it must be a list that is not empty.", CORRECT),
        ({"twostep_list": []}, "twostep_list is an empty list; it must be a list that is not empty.", CORRECT),
        ({"twostep_list": [{}]}, "twostep_list[0] has no from.", "Add from."),
        ({"twostep_list": ["x"]}, 'twostep_list[0] is "x"; it must be a mapping.', CORRECT),
        ({"twostep_list": [{"till": 1, "from": "x"}]}, "twostep_list[0].till is not known.", "Remove it; known are from."),
        ({"twostep_free": ["x"]}, "twostep_free is a list; it must be a mapping.", CORRECT),
        ({"twostep_sise": 1}, "twostep_sise is not known.", "Write twostep_size, or remove it."),
        ({"size": 1}, "size is not known.", "Write twostep_size, or remove it."),
        ({"colour": 1}, "colour is not known.", REMOVE),
        ({1: 1}, "1 is not known.", REMOVE),
        ({}, "The policy names no variable.", "Name one, or leave twostep_policy_file empty."),
        ([], "The policy is an empty list, not a mapping.", "Give lines such as twostep_wave_size: 2."),
        ("x", 'The policy is "x", not a mapping.', "Give lines such as twostep_wave_size: 2."),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(told: Any, message: str, next_step: str) -> None:
    assert policy.findings(value(told), SCHEMA) == ((1, message, next_step),)


@pytest.mark.parametrize(
    "told",
    [
        {"twostep_size": 1, "twostep_ms": 9, "twostep_life": 0.5, "twostep_way": "cold", "twostep_flag": False},
        {"twostep_size": "{{ groups.all | length }}", "twostep_flag": "{% if true %}true{% endif %}"},
        {"twostep_list": [{"from": "x"}], "twostep_free": {"anything": [1, None, {"x": {}}]}},
    ],
)
def test_what_is_right_is_not_spoken_of(told: dict) -> None:
    assert policy.findings(value(told), SCHEMA) == ()


@pytest.mark.parametrize("name", sorted(policy.ELSEWHERE))
def test_what_belongs_elsewhere_is_refused_with_the_place(name: str) -> None:
    why, next_step = policy.ELSEWHERE[name]
    assert policy.findings(value({name: "x"}), REAL) == ((1, f"{name} does not belong into a policy: {why}.", next_step),)


def test_a_name_that_is_there_twice_at_any_depth() -> None:
    twice = Value(2, "mapping", pairs=((value("a", 2), value(1, 2)), (value("a", 3), value(2, 3))))
    told = Value(1, "mapping", pairs=((value("twostep_free", 1), Value(1, "list", items=(twice,))),))
    assert policy.findings(told, {"type": "object"}) == (
        (3, "twostep_free[0].a is here a second time, after line 2.", "Remove one of the two."),
    )


def test_everything_is_told_in_the_order_of_the_lines() -> None:
    found = policy.findings(value({"twostep_size": 0, "colour": 1, "twostep_ms": 0}), SCHEMA)
    assert [one.line for one in found] == [1, 2, 3]
    error = policy.refused("policy.yml", found)
    assert (error.code, [one["line"] for one in error.data["findings"]]) == ("bad_policy", [1, 2, 3])
    assert str(error).splitlines() == [
        "The policy policy.yml has 3 errors:",
        "policy.yml:1: twostep_size is 0; it must be a whole number, 1 or more. Next: Correct it, or remove the line for the default, 1.",
        "policy.yml:2: colour is not known. Next: Remove it; known are the twostep_ variables of the roles.",
        "policy.yml:3: twostep_ms is 0; it must be a whole number from 1 to 9. Next: Correct it, or remove the line.",
        "No host was asked. Next: Correct them all, and run again.",
    ]


def test_one_error_is_one_sentence() -> None:
    error = policy.refused("policy.yml", policy.findings(value({"colour": 1}), SCHEMA))
    assert str(error) == "policy.yml:1: colour is not known. Next: Remove it; known are the twostep_ variables of the roles."


def test_of_very_many_errors_not_all_are_shown() -> None:
    error = policy.refused("p", policy.findings(value({f"colour{number}": 1 for number in range(50)}), SCHEMA))
    assert (len(str(error).splitlines()), len(error.data["findings"])) == (42, 50)
    assert "There are 10 more. No host was asked." in str(error)


def test_long_and_strange_text_is_shown_tamed() -> None:
    ((_line, message, _next),) = policy.findings(value({"twostep_size": "\x1b[31m" + "x" * 500}), SCHEMA)
    assert "\x1b" not in message
    assert len(message) < 140


POOL: list[Any] = [
    None, True, False, 0, 1, 2, -1, 0.5, -0.5, 10000, 10001, "", "two", "1.1.0", "1.1", "remap", "Remap", "22:00", "24:00", "{{ x }}",
    "md", "sun", "warm", [], ["md"], ["x"], [1], ["{{ x }}"], [None], {}, {"certificate": "/x"}, {"certificate": "/x", "hash": "md5"},
    {"key": "/x"}, {"etcd": {"endpoints": ["a"]}}, {"etcd": {"endpoint": "a"}}, {"from": "22:00", "to": "04:00"},
    [{"from": "22:00", "to": "04:00"}], [{"from": "22:00"}], [{"from": "22:00", "to": "04:00", "days": ["sun"]}],
    [{"from": "22:00", "to": "04:00", "days": []}], [{"from": "22:00", "to": "24:00"}], [{"from": "22:00", "to": "04:00", "days": "sun"}],
    [{"from": "22:00", "to": "04:00", "days": ["sunday"]}], [{"from": "22:00", "to": "04:00", "till": "x"}],
]  # fmt: skip
NAMES = [*REAL["properties"], *policy.ELSEWHERE, "twostep_colour"]


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(POOL), max_size=4))
def test_the_library_jsonschema_means_the_same(told: dict) -> None:
    assert (policy.findings(value(told), REAL) == ()) == jsonschema.Draft202012Validator(REAL).is_valid(told)


@pytest.mark.parametrize("name", sorted(REAL["properties"]))
def test_each_variable_is_judged_as_jsonschema_judges_it(name: str) -> None:
    known = jsonschema.Draft202012Validator(REAL)
    for told in POOL:
        assert (policy.findings(value({name: told}), REAL) == ()) == known.is_valid({name: told}), told


def accepts(name: str, told: Any) -> bool:
    return policy.findings(value({name: told}), REAL) == ()


@pytest.mark.parametrize("told", [told for told in POOL if "{{" not in str(told)])
def test_the_schema_says_what_the_code_takes(told: Any) -> None:
    def taken(check: Any, told: Any) -> bool:
        try:
            check(told)
        except TwostepError:
            return False
        return True

    assert accepts("twostep_family", told) == taken(names.family, told)
    assert accepts("twostep_version", told) == accepts("twostep_parent_version", told) == taken(names.version, told)
    if isinstance(told, list):
        assert accepts("twostep_windows", told) == taken(window.parse, told)
