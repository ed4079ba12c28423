# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on a slot; the reports of test_report.py have the rest of the table."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import outcome
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.core.failed_wave import (
    COMMITTED,
    GONE,
    SWAPPED,
    UNCOMMITTED,
    UPGRADED,
    failed_swap,
    looped,
)


@pytest.mark.parametrize(
    ("registers", "expected"),
    [
        ({}, "untouched"), (UPGRADED, "upgraded"), (UNCOMMITTED, "uncommitted"), (GONE, "unknown"), (failed_swap(), "returned"),
        (failed_swap("refused"), "untouched"), (failed_swap("failed"), "failed"), (failed_swap("failed", "agent_died"), "unknown"),
    ],
)  # fmt: skip
def test_outcomes(registers: dict, expected: str) -> None:
    assert outcome.of_slot({"slot": "data", "act": "swap"}, registers) == expected
    assert outcome.of_slot({"slot": "data", "act": "none"}, registers) == "current"
    assert expected in outcome.OUTCOMES


@pytest.mark.parametrize(
    ("earlier", "done"),
    [([], False), ([SWAPPED], False), ([SWAPPED, COMMITTED], True), ([looped(outcome="committed", failed=True)], False)],
)
def test_whether_a_hop_was_committed(earlier: list, done: bool) -> None:
    assert outcome.hops_done("data", {"__twostep_earlier": earlier}) is done
    assert not outcome.hops_done("other", {"__twostep_earlier": earlier})
