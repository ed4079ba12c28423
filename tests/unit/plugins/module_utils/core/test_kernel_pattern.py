# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import kernel_pattern
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

K = "6.1.0-56-cloud-amd64"


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^6\\.1", K, True),
        ("^6.1", K, True),
        ("^5\\.", K, False),
        ("1\\.0", K, True),
        ("^(5|6)\\.[0-9]+\\.", K, True),
        ("^(4\\.|5\\.)", K, False),
        ("amd64$", K, True),
        ("^(.*cloud|.*rt)-(amd64|arm64)$", K, True),
        ("[^a-z]$", K, True),
        ("^[a-z]", K, False),
        ("^6\\.([2-9]|1[0-9])", K, False),
        ("(^5|^6)", K, True),
        ("x?6", K, True),
        ("^$", "", True),
        ("(a|b*)*c", "abbac", True),
        ("x86_64", "x86_64", True),
        ("^x86_64$", "aarch64", False),
        ("a+", "", False),
        (".", "", False),
    ],
)
def test_as_a_shell_would(pattern: str, text: str, expected: bool) -> None:
    assert kernel_pattern.checked(pattern) == pattern
    assert kernel_pattern.found(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "it is empty or longer than 256 characters"),
        ("a" * 257, "it is empty or longer than 256 characters"),
        (None, "it is empty or longer than 256 characters"),
        ("$(id)", "a dollar stands elsewhere than at an end"),
        ("a$b", "a dollar stands elsewhere than at an end"),
        ("a`id`", "it has a character that is not allowed"),
        ('a"b', "it has a character that is not allowed"),
        ("a'b", "it has a character that is not allowed"),
        ("a{2}", "it has a character that is not allowed"),
        ("a;b", "it has a character that is not allowed"),
        ("é", "it has a character that is not allowed"),
        ("a\nb", "it has a character that is not allowed"),
        ("(a", "a parenthesis is not closed"),
        ("a)", "a parenthesis is closed that was not opened"),
        ("*a", "* stands where nothing can be meant by it"),
        ("[a", "a bracket expression is not a plain one"),
        ("[[:alpha:]]", "it has a character that is not allowed"),
        ("[z-a]", "a range is the wrong way round"),
        ("a\\", "a backslash stands before something that needs none"),
        ("\\d", "a backslash stands before something that needs none"),
        ("(" * 17 + ")" * 17, "it is nested too deeply"),
    ],
)
def test_what_is_not_understood(pattern: str | None, why: str) -> None:
    with pytest.raises(TwostepError) as caught:
        kernel_pattern.checked(pattern)
    assert caught.value.code == "bad_pattern"
    assert caught.value.message.endswith(f": {why}.")


def test_the_work_is_bounded() -> None:
    began = time.process_time()
    assert not kernel_pattern.found("^(a|a)*(a*)*(a+)+$", "a" * 63 + "!")
    assert kernel_pattern.found("(.*)*" * 20 + "z", "a" * 60 + "z")
    assert time.process_time() - began < 5


@given(st.text(alphabet="ab.^$()|*+?[]\\-", max_size=12), st.text(alphabet="ab.-", max_size=8))
def test_the_same_as_another_matcher(pattern: str, text: str) -> None:
    try:
        ours = kernel_pattern.found(pattern, text)
    except TwostepError as error:
        assert error.code == "bad_pattern"
        return
    # In an extended expression a second sign repeats what was repeated; Python has other meanings for it.
    if not re.search(r"[*+?]{2}", pattern):
        assert ours == bool(re.search(pattern.replace("$", "\\Z"), text))
