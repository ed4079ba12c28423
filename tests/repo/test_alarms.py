# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests take for a defect in a kernel log is what a soak takes for one."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.core import kernel_log


def test_both_lists_are_the_same(root: Path) -> None:
    # There lines begin with a time.
    assert (root / "tests/kmod/guest/alarms.txt").read_text().splitlines() == [pattern.lstrip("^") for pattern in kernel_log.DEFECTS]
