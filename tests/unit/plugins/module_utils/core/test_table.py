# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text tables."""

from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.core import table


def test_columns_line_up_and_absent_values_are_dashes() -> None:
    assert table.render(["A", "LONG"], [["value", None], ["x", ""], [1, "y"]]) == ["A      LONG", "value  -", "x      -", "1      y"]


def test_a_cell_that_is_too_wide_is_cut() -> None:
    (_header, row) = table.render(["A"], [["x" * 200]])
    assert row == "x" * 97 + "..."


def test_no_rows_leave_the_header() -> None:
    assert table.render(["A", "B"], []) == ["A  B"]
