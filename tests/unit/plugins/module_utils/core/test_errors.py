# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception: its text names the next step, and it carries data."""

from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError


def test_the_text_ends_with_the_next_step() -> None:
    error = TwostepError("slot_busy", "The slot is busy.", "Wait for the other swap.")
    assert str(error) == "The slot is busy. Next: Wait for the other swap."
    assert error.code == "slot_busy"


def test_data_is_a_fresh_dictionary_when_none_is_given() -> None:
    one, two = TwostepError("a", "A.", "B."), TwostepError("a", "A.", "B.")
    one.data["x"] = 1
    assert two.data == {}


def test_data_is_carried() -> None:
    assert TwostepError("a", "A.", "B.", {"rc": 1}).data == {"rc": 1}
