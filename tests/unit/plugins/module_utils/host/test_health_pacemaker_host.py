# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking pacemaker: crm_mon's exit status comes before its words."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_pacemaker
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result


def sample(answer: Result):
    asked = []

    def run(argv: list[str], timeout_s: float) -> Result:
        asked.append((argv, timeout_s))
        return answer

    world = World(run, Paths("/nonexistent"), lambda: "2026-01-01T00:00:00Z", lambda _s: None, 7.0, 0.0)
    (found,) = health_pacemaker.sample(Question(1.0), world)
    assert asked == [(["crm_mon", "--output-as=xml"], 7.0)]
    return found


@pytest.mark.parametrize("rc", [1, 102, 105])
def test_a_cluster_that_does_not_run_or_a_right_that_is_missing_is_unknown(rc: int) -> None:
    found = sample(Result(rc, "<pacemaker-result/>", "Critical: Unable to get the cluster information"))
    assert (found.subject, found.finding.verdict) == ("cluster", "unknown")
    assert found.finding.reason == f"crm_mon ended with exit status {rc}, so pacemaker did not answer."


def test_garbage_is_unreadable() -> None:
    with pytest.raises(TwostepError) as caught:
        sample(Result(0, "\x00garbage", ""))
    assert caught.value.code == "unreadable_answer"


def test_an_answer_is_judged() -> None:
    found = sample(Result(0, '<pacemaker-result><summary><current_dc present="false"/></summary><status code="0"/></pacemaker-result>', ""))
    assert found.finding.verdict == "not_ok"
    assert found.evidence["nodes"] == 0
