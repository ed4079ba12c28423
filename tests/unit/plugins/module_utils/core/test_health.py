# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How findings combine: the worst wins, and nothing asked is not a yes."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN, Answer, Finding, combine

GOOD, BAD, DARK = Finding(OK, "Good."), Finding(NOT_OK, "Bad."), Finding(UNKNOWN, "Dark.")


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], Finding(UNKNOWN, "No question was asked.")),
        ([GOOD], GOOD),
        ([GOOD, GOOD], Finding(OK, "Good. Good.")),
        ([GOOD, DARK], DARK),
        ([DARK, BAD], BAD),
        ([BAD, GOOD, BAD], Finding(NOT_OK, "Bad. Bad.")),
    ],
)
def test_the_worst_finding_wins(findings: list, expected: Finding) -> None:
    assert combine(findings) == expected


def test_an_answer_as_a_dict_has_the_shape_of_the_interface() -> None:
    answer = Answer("md", "md0", OK, "Good.", "2026-01-01T00:00:00Z", {"degraded": "0"})
    assert answer.as_dict() == {
        "source": "md",
        "subject": "md0",
        "verdict": "ok",
        "reason": "Good.",
        "evidence": {"degraded": "0"},
        "sampled_at": "2026-01-01T00:00:00Z",
    }
