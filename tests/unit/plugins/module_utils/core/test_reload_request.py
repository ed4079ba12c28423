# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for reloads and their results as text: what is written is read, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload_request
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_identity import Identity
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import Part
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload_request import ReloadRequest, ReloadResult
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import Phase

PART = Part(
    "lower", Identity("aa", "OLD", "1.0"), Identity("bb", "NEW", "2.0"), "/lib/modules/x/lower.ko", "/var/lib/twostep/kept/x/lower.ko"
)
REQUEST = ReloadRequest(
    "reload-1-ab", "manual", "2026-01-31T23:59:58Z", (PART, replace(PART, name="upper", kept="")),
    ("/dev/sdb",), ("a.service",), ("b.timer",),
)  # fmt: skip
RESULT = ReloadResult(
    "reload-1-ab", "manual", "returned", "load_failed", "A.", "B.", (Phase("load", "fail", "2026-01-31T23:59:58Z", 9),), ("C.",)
)  # fmt: skip


def test_a_request_survives_the_file() -> None:
    assert reload_request.parse_request(reload_request.render(REQUEST), "/r") == REQUEST
    assert (REQUEST.modules, REQUEST.is_parent) == (("lower", "upper"), False)
    assert replace(REQUEST, parts=(replace(PART, name="twostep"),)).is_parent


def test_a_result_survives_the_file() -> None:
    text = reload_request.render(RESULT)
    assert reload_request.parse_result(text, "/r") == RESULT
    assert json.loads(text)["schema"] == reload_request.SCHEMA


@pytest.mark.parametrize("outcome", reload_request.OUTCOMES)
def test_which_outcomes_are_good(outcome: str) -> None:
    assert ReloadResult("a", "b", outcome).is_good == (outcome == "reloaded")


TEXT = st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=("Cs",)), max_size=20)
IDENTITIES = st.builds(Identity, TEXT, TEXT, TEXT)
PATHS = TEXT.map(lambda text: f"/{text}")
PARTS = st.builds(Part, st.sampled_from(["lower", "Upper_2"]), IDENTITIES, IDENTITIES, PATHS, st.one_of(st.just(""), PATHS))
UNITS = st.lists(st.sampled_from(["a.service", "b@c.timer"]), max_size=2).map(tuple)
REQUESTS = st.builds(
    ReloadRequest,
    st.just("r-1"),
    st.just("run"),
    TEXT,
    st.lists(PARTS, min_size=1, max_size=3).map(tuple),
    st.lists(PATHS, max_size=2).map(tuple),
    UNITS,
    UNITS,
)
PHASES = st.lists(st.builds(Phase, TEXT, TEXT, TEXT, st.integers()), max_size=3).map(tuple)
RESULTS = st.builds(
    ReloadResult, TEXT, TEXT, st.sampled_from(reload_request.OUTCOMES), TEXT, TEXT, TEXT, PHASES, st.lists(TEXT, max_size=3).map(tuple)
)


@given(REQUESTS)
def test_any_request_survives_the_file(request: ReloadRequest) -> None:
    assert reload_request.parse_request(reload_request.render(request), "/r") == request


@given(RESULTS)
def test_any_result_survives_the_file(result: ReloadResult) -> None:
    assert reload_request.parse_result(reload_request.render(result), "/r") == result


DAMAGED = "See with lsmod and systemctl what is not back, bring it back by hand, and remove its folder."


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", "null", '{"schema": 2}', '{"schema": 1}', "{" * 100000, "[" * 100000])
def test_rubbish_is_refused(text: str) -> None:
    for parse in (reload_request.parse_request, reload_request.parse_result):
        with pytest.raises(TwostepError) as caught:
            parse(text, "/r")
        assert (caught.value.code, caught.value.message, caught.value.next_step) == ("bad_reload_file", "/r is damaged.", DAMAGED)


@given(st.text(max_size=100))
def test_any_text_is_refused(text: str) -> None:
    for parse in (reload_request.parse_request, reload_request.parse_result):
        with pytest.raises(TwostepError):
            parse(text, "/r")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@given(st.sampled_from(sorted(json.loads(reload_request.render(REQUEST)))), JSON)
def test_whatever_stands_for_a_field_of_a_request_it_is_one_or_refused(key: str, value: object) -> None:
    text = json.dumps({**json.loads(reload_request.render(REQUEST)), key: value})
    try:
        found = reload_request.parse_request(text, "/r")
    except TwostepError:
        return
    assert reload_request.parse_request(reload_request.render(found), "/r") == found


@given(st.sampled_from(sorted(json.loads(reload_request.render(REQUEST))["parts"][0])), JSON)
def test_whatever_stands_for_a_field_of_a_part_it_is_one_or_refused(key: str, value: object) -> None:
    data = json.loads(reload_request.render(REQUEST))
    data["parts"][0][key] = value
    try:
        found = reload_request.parse_request(json.dumps(data), "/r").parts[0]
    except TwostepError:
        return
    assert all(isinstance(mark, str) for identity in (found.old, found.new) for mark in vars(identity).values())
    assert all(isinstance(text, str) for text in (found.name, found.path, found.kept))


@given(st.sampled_from(sorted(json.loads(reload_request.render(RESULT)))), JSON)
def test_whatever_stands_for_a_field_of_a_result_it_is_one_or_refused(key: str, value: object) -> None:
    text = json.dumps({**json.loads(reload_request.render(RESULT)), key: value})
    try:
        found = reload_request.parse_result(text, "/r")
    except TwostepError:
        return
    assert reload_request.parse_result(reload_request.render(found), "/r") == found


def with_part(**changes: object) -> dict:
    data = json.loads(reload_request.render(REQUEST))
    return {"parts": [{**data["parts"][0], **changes}]}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"more": 1}, "bad_reload_file"),
        ({"parts": None}, "bad_reload_file"),
        ({"parts": ["a"]}, "bad_reload_file"),
        ({"parts": []}, "bad_reload_file"),
        ({"devices": ["sdb"]}, "bad_reload_file"),
        ({"devices": None}, "bad_reload_file"),
        ({"devices": "/"}, "bad_reload_file"),
        ({"units": 1}, "bad_reload_file"),
        ({"units": "a"}, "bad_reload_file"),
        ({"device_units": {}}, "bad_reload_file"),
        ({"units": ["a.target"]}, "bad_unit"),
        ({"device_units": ["-f"]}, "bad_unit"),
        ({"reload_id": "../x"}, "bad_id"),
        ({"run_id": None}, "bad_id"),
        (with_part(name="-f"), "bad_module"),
        (with_part(path="lower.ko"), "bad_reload_file"),
        (with_part(path=None), "bad_reload_file"),
        (with_part(kept="lower.ko"), "bad_reload_file"),
        (with_part(kept=7), "bad_reload_file"),
        (with_part(old=None), "bad_reload_file"),
        (with_part(old={"build_id": "a", "other": ""}), "bad_reload_file"),
        (with_part(old={"build_id": 7}), "bad_reload_file"),
        (with_part(new={"version": None}), "bad_reload_file"),
        (with_part(new="aa"), "bad_reload_file"),
    ],
)
def test_a_changed_request_is_refused(change: dict, code: str) -> None:
    data = {**json.loads(reload_request.render(REQUEST)), **change}
    with pytest.raises(TwostepError) as caught:
        reload_request.parse_request(json.dumps(data), "/r")
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["name", "old", "new", "path", "kept"])
def test_a_part_that_lacks_something_is_refused(name: str) -> None:
    data = json.loads(reload_request.render(REQUEST))
    del data["parts"][1][name]
    with pytest.raises(TwostepError, match="/r is damaged"):
        reload_request.parse_request(json.dumps(data), "/r")


@pytest.mark.parametrize(
    "change",
    [{"outcome": "fine"}, {"outcome": []}, {"phases": [{"phase": "x"}]}, {"phases": None}, {"notes": 1}, {"more": 1}, {"message": None}],
)
def test_a_changed_result_is_refused(change: dict) -> None:
    data = {**json.loads(reload_request.render(RESULT)), **change}
    with pytest.raises(TwostepError, match="/r is damaged"):
        reload_request.parse_result(json.dumps(data), "/r")
