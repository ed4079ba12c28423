# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text table for a terminal or a log. Knows nothing about what is in it."""

from __future__ import annotations

from typing import Sequence

_WIDEST = 100


def render(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the lines of a table; an absent value shows as a dash, and a last column that is too wide is cut."""
    cells = [[_cell(value) for value in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return ["  ".join(value.ljust(width) for value, width in zip(row, widths)).rstrip() for row in cells]


def _cell(value: object) -> str:
    shown = "-" if value is None or value == "" else str(value)
    return shown if len(shown) <= _WIDEST else shown[: _WIDEST - 3] + "..."
