# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import carried
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError


@pytest.mark.parametrize(
    ("before", "after", "quiet", "verdict"),
    [
        ("3", "3", True, "same"),
        ("3", "4", False, "more"),
        ("3", "4", True, "moved"),
        ("3", "2", False, "lost"),
        ("1 2 3", "1 2 4", False, "more"),
        ("1 2 3", "1 1 9", False, "lost"),
        ("1 2 3", "1 2", False, "lost"),
    ],
)
def test_verdicts(before: str, after: str, quiet: bool, verdict: str) -> None:
    (found,) = carried.compare({"reads": before}, {"reads": after}, quiet)
    assert found.verdict == verdict


def test_files_of_one_child_only_and_words_are_left_out() -> None:
    before = {"reads": "1", "old": "1", "name": "some words", "empty": ""}
    after = {"reads": "1", "new": "1", "name": "other words", "empty": ""}
    assert [entry.file for entry in carried.compare(before, after, True)] == ["reads"]


def test_as_dict() -> None:
    assert carried.compare({"reads": "1"}, {"reads": "2"}, False)[0].as_dict() == {
        "file": "reads", "before": 1, "after": 2, "verdict": "more",
    }  # fmt: skip
    assert carried.compare({"row": "1 2"}, {"row": "1 2"}, False)[0].as_dict()["before"] == [1, 2]


def test_what_is_lost_is_refused() -> None:
    found = carried.compare({"errors": "0", "reads": "12"}, {"errors": "0", "reads": "4"}, False)
    with pytest.raises(TwostepError) as caught:
        carried.refuse_lost(found, "1.0.0", "1.1.0")
    assert caught.value.code == "counter_lost"
    assert caught.value.message == "From 1.0.0 to 1.1.0 the child's file reads went from 12 to 4."
    assert caught.value.next_step == ("Keep the old version and report this to the makers of the child: it does not take over the state.")
    assert caught.value.data == {"file": "reads", "before": 12, "after": 4, "verdict": "lost"}


def test_the_same_and_more_are_not() -> None:
    carried.refuse_lost(carried.compare({"a": "1", "b": "1"}, {"a": "1", "b": "2"}, False), "1.0.0", "1.1.0")
