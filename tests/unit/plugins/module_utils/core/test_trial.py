# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import trial
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.trial import Trial

FIRST, SECOND, THIRD = (f"00000000-0000-4000-8000-{number:012x}" for number in (1, 2, 3))
ARMED = Trial("data", "2.0.0", "1.0.0", "data-1", "run-1", FIRST)
WHERE = "/var/lib/twostep/trials/data.json"


@pytest.mark.parametrize("state", trial.STATES)
def test_there_and_back(state: str) -> None:
    wanted = ARMED.moved(state, SECOND, "No memory.")
    assert trial.parse(trial.render(wanted), WHERE) == wanted


def test_the_boot_that_follows_tries_it_and_no_other() -> None:
    assert trial.at_boot(ARMED, FIRST) == ARMED
    trying = trial.at_boot(ARMED, SECOND)
    assert trying == replace(ARMED, state="trying", boot_id=SECOND)
    assert trial.at_boot(trying, SECOND) == trying


@pytest.mark.parametrize("state", ["trying", "serving"])
def test_a_host_that_went_down_before_the_commit_boots_the_committed_version(state: str) -> None:
    found = trial.at_boot(ARMED.moved(state, SECOND), THIRD)
    assert (found.state, found.boot_id) == ("failed", THIRD)
    assert found.reason == f"the host went down while 2.0.0 was {state}, before it was committed"


@given(st.lists(st.sampled_from([FIRST, SECOND, THIRD]), max_size=8))
def test_nothing_is_ever_tried_twice(boots: list[str]) -> None:
    now, tried = ARMED, 0
    for boot in boots:
        after = trial.at_boot(now, boot)
        tried += (now.state, after.state) == ("armed", "trying")
        now = after
    assert tried == any(boot != FIRST for boot in boots)
    assert trial.at_boot(now.moved("failed", FIRST), SECOND).state == "failed"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "{" * 100000, json.dumps({"schema": 2}), trial.render(ARMED).replace("run_id", "run"), '{"schema": 1, "slot": 5}'],
)
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(TwostepError) as caught:
        trial.parse(text, WHERE)
    assert caught.value.code == "bad_trial"
    assert caught.value.next_step == "Remove it: the committed version is what boots."


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"slot": "../x"}, "bad_slot"),
        ({"slot": "other"}, "bad_trial"),
        ({"version": "2"}, "bad_version"),
        ({"from_version": "x"}, "bad_version"),
        ({"swap_id": "A/b"}, "bad_id"),
        ({"run_id": ""}, "bad_id"),
        ({"state": "on"}, "bad_trial"),
        ({"boot_id": "none"}, "bad_trial"),
        ({"reason": "x" * 1001}, "bad_trial"),
    ],
)
def test_a_bad_value_is_refused(change: dict[str, str], code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        trial.parse(trial.render(replace(ARMED, **change)), WHERE)
    assert caught.value.code == code


def test_a_long_reason_is_cut() -> None:
    assert len(ARMED.moved("failed", SECOND, "x" * 5000).reason) == 1000
