# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import rejection
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rejection import Mark

MARK = Mark("remap", "1.1.0", "AB12", "2026-01-31T23:59:58Z", "run-a", "n1", "errors_up, slot data has failed 3 requests")
NAME = "remap-1.1.0-AB12.json"


@pytest.mark.parametrize(
    ("mark", "family", "version", "srcversion", "expected"),
    [
        ("AB12", "remap", "1.1.0", "AB12", True),
        ("AB12", "remap", "1.1.0", "CD34", False),  # a mended build
        ("AB12", "remap", "1.1.0", None, True),  # unknown is never another one
        ("AB12", "remap", "1.1.0", "", True),
        ("", "remap", "1.1.0", "CD34", True),
        ("AB12", "remap", "1.2.0", "AB12", False),
        ("AB12", "other", "1.1.0", "AB12", False),
        ("AB12", None, "1.1.0", "AB12", False),
    ],
)
def test_what_a_mark_is_about(mark: str, family: str | None, version: str, srcversion: str | None, expected: bool) -> None:
    made = rejection.make("remap", "1.1.0", mark, MARK.at, "run-a", "n1", "why")
    assert made.is_about(family, version, srcversion) is expected


def test_a_mark_reads_back() -> None:
    assert MARK.file_name == NAME
    assert rejection.of_file(NAME, rejection.render(MARK)) == MARK


DAMAGED = {
    "nothing": None,
    "no text": "",
    "no JSON": "{",
    "too deep": "[" * 100_000,
    "no mapping": "[]",
    "another schema": rejection.render(MARK).replace('"schema": 1', '"schema": 2'),
    "a key too few": json.dumps({"schema": 1, "family": "remap"}),
    "of another build": rejection.render(MARK).replace("AB12", "CD34"),
    "of another version": rejection.render(MARK).replace("1.1.0", "1.2.0"),
    "no time": rejection.render(MARK).replace("2026-01-31", "yesterday"),
    "a name that is none": rejection.render(MARK).replace('"remap"', '"../remap"'),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_mark_is_one_all_the_same(name: str) -> None:
    found = rejection.of_file(NAME, DAMAGED[name])
    assert found is not None
    assert (found.family, found.version, found.srcversion) == ("remap", "1.1.0", "AB12")
    assert "damaged" in found.reason


@pytest.mark.parametrize("name", ["notes.json", "remap-1.1-AB.json", ".twostep-x.json", "remap-1.1.0.json", "REMAP-1.1.0-A.json"])
def test_a_file_of_somebody_else_is_none(name: str) -> None:
    assert rejection.of_file(name, rejection.render(MARK)) is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"family": "Re map"}, "bad_family"),
        ({"version": "1.1"}, "bad_version"),
        ({"srcversion": "../x"}, "bad_rejection"),
        ({"srcversion": None}, "bad_rejection"),
        ({"at": "now"}, "bad_rejection"),
        ({"run_id": "a b"}, "bad_id"),
    ],
)
def test_what_is_no_mark(changed: dict, code: str) -> None:
    with pytest.raises(TwostepError) as refused:
        rejection.make(**{**MARK.as_dict(), **changed})
    assert refused.value.code == code


def test_texts_are_bounded_and_of_one_line() -> None:
    made = rejection.make(**{**MARK.as_dict(), "found_on": 7, "reason": "a\x1b[1m\n" + 4000 * "b"})
    assert (made.found_on, len(made.reason), "\n" in made.reason) == ("an unnamed host", rejection.MAX_REASON_CHARS, False)


def test_what_hosts_tell_is_data() -> None:
    bad = [3, {}, {**MARK.as_dict(), "srcversion": "{{ x }}"}, {**MARK.as_dict(), "version": 1.1}, {**MARK.as_dict(), "at": 5}]
    assert rejection.told([*bad, {**MARK.as_dict(), "more": "keys"}]) == (MARK,)
    assert rejection.told("x") == ()


def test_the_refusal_names_all_that_is_known() -> None:
    assert str(rejection.refused("n2", MARK)) == (
        "No host goes to remap 1.1.0 (build AB12), rejected at 2026-01-31T23:59:58Z by run run-a, on evidence of n1: errors_up, slot data "
        "has failed 3 requests. The mark is on n2. Next: Go back with twostep.hotswap.rollback, build a mended version, or consent with "
        "twostep_accept_rejected if the evidence was not about it."
    )
    assert rejection.refused("n2", MARK).code == "version_rejected"
