# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of a version that a host of the fleet has a mark of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import plan
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.fleet import Compat, Facts, Slot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.plan import Policy
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rejection import Mark

MARK = Mark("remap", "1.1.0", "AB12", "2026-01-31T23:59:58Z", "run-a", "n3", "errors_up, three.")
POLICY = Policy("remap", "1.1.0", 1, 1)


def facts(version: str = "1.0.0", parked: str | None = None, srcversion: str | None = None, marks: tuple = ()) -> Facts:
    return Facts((Slot("data", "remap", version, "serving", parked, 1, (), srcversion),), None, marks)


def hot(srcversion: str | None, path: tuple[str, ...] = ()) -> dict:
    return {"data": Compat("warm" if path else "hot", "handover", "compatible", path, srcversion=srcversion)}


def make(first: Facts, compat: dict | None, policy: Policy = POLICY, built: bool = True, marks: tuple = (MARK,)) -> plan.Plan:
    """Return the plan of n1, and of n2, which serves the version already and has the mark."""
    known = {"n1": first, "n2": facts(policy.version, marks=marks)}
    return plan.make(["n1", "n2"], known, {"n1": compat} if compat else {}, policy, built)


REFUSED = {
    "the same build": (facts(), hot("AB12")),
    "a build without a checksum": (facts(), hot(None)),
    "a commit of it": (facts("1.1.0", "1.0.0", "AB12"), None),
    "a commit of nobody knows which build": (facts("1.1.0", "1.0.0"), None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_mark_of_the_fleet_refuses_the_build_everywhere(name: str) -> None:
    with pytest.raises(TwostepError) as refused:
        make(*REFUSED[name])
    assert refused.value.code == "version_rejected"
    assert "rejected at 2026-01-31T23:59:58Z by run run-a, on evidence of n3: errors_up, three. The mark is on n2." in refused.value.message


@pytest.mark.parametrize("name", REFUSED)
def test_consent_is_explicit_and_names_the_marks_that_go(name: str) -> None:
    first, compat = REFUSED[name]
    policy = replace(POLICY, accept_rejected=True)
    made = make(first, compat, policy)
    told = {"n1": first, "n2": facts("1.1.0", marks=(MARK, replace(MARK, version="9.9.9")))}
    assert plan.accepted(made, told) == [{"host": "n2", "family": "remap", "version": "1.1.0"}]
    assert plan.accepted(replace(made, policy=POLICY), told) == []


FREE = {
    "a mended build": (facts(), hot("CD34")),
    "a mended build that serves": (facts("1.1.0", "1.0.0", "CD34"), None),
    "nothing to do": (facts("1.1.0"), None),
}


@pytest.mark.parametrize("name", FREE)
def test_what_is_another_build_or_no_work_is_free(name: str) -> None:
    make(*FREE[name])


def test_before_the_build_it_is_not_known_and_only_told() -> None:
    made = make(facts(), None, built=False)
    assert made.waves
    assert plan.rejections({"n2": facts(marks=(MARK,))}) == [
        "rejected: n2: remap 1.1.0 (build AB12), rejected at 2026-01-31T23:59:58Z by run run-a, on evidence of n3: errors_up, three."
    ]


def test_a_version_in_the_middle_of_a_chain_is_refused_too() -> None:
    with pytest.raises(TwostepError) as refused:
        make(facts(), hot("CD34", ("1.0.0", "1.1.0", "2.0.0")), replace(POLICY, version="2.0.0"))
    assert refused.value.code == "version_rejected"


def test_going_back_to_another_version_is_free() -> None:
    make(facts("1.1.0", "1.0.0", "AB12"), hot("EF56"), replace(POLICY, version="1.0.0"))
