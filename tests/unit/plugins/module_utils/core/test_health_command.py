# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own check, by the convention of monitoring plugins."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_command


@pytest.mark.parametrize(
    ("rc", "stdout", "verdict", "reason"),
    [
        (0, "DISK OK - all paths up | paths=4;;2\n", "ok", "DISK OK - all paths up"),
        (1, "WARNING: 3 of 4 paths\n", "not_ok", "WARNING: 3 of 4 paths"),
        (2, "CRITICAL\nmore\n", "not_ok", "CRITICAL"),
        (3, "UNKNOWN: no such host", "unknown", "UNKNOWN: no such host"),
        (0, "", "ok", "It ended with exit status 0 and said nothing."),
        (127, "", "unknown", "It ended with exit status 127 and said nothing."),
        (-9, "", "unknown", "It ended with exit status -9 and said nothing."),
        (0, "\n \n\x1b[32mfine\x1b[0m\n", "ok", "[32mfine [0m"),
        (2, "|only=1", "not_ok", "It ended with exit status 2 and said nothing."),
    ],
)
def test_judge(rc: int, stdout: str, verdict: str, reason: str) -> None:
    finding = health_command.judge(rc, stdout)
    assert (finding.verdict, finding.reason) == (verdict, reason)
