# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking corosync: the exit status of its tool comes before its words."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_corosync
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result


@pytest.mark.parametrize(
    ("rc", "stdout", "verdict"), [(0, "\x00\xffnonsense", "unknown"), (1, "Quorate: Yes", "unknown"), (2, "Quorate: Yes", "not_ok")]
)
def test_an_answer_is_judged(rc: int, stdout: str, verdict: str) -> None:
    asked = []

    def run(argv: list[str], timeout_s: float) -> Result:
        asked.append((argv, timeout_s))
        return Result(rc, stdout, "")

    world = World(run, Paths("/nonexistent"), lambda: "2026-01-01T00:00:00Z", lambda _s: None, 7.0, 0.0)
    (found,) = health_corosync.sample(Question(1.0), world)
    assert asked == [(["corosync-quorumtool", "-s"], 7.0)]
    assert (found.subject, found.finding.verdict, found.evidence) == ("quorum", verdict, {"rc": rc})
