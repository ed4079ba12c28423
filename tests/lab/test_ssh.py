# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a node to answer."""

from __future__ import annotations

import pytest

from lab import ssh


@pytest.mark.parametrize(("waited_s", "expected_s"), [(0.0, 5), (20.0, 5), (100.0, 25), (480.0, 120), (1000.0, 120)])
def test_the_longer_a_node_takes_the_longer_an_attempt_may_take(waited_s: float, expected_s: int) -> None:
    assert ssh.attempt_s(waited_s) == expected_s
