# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.medium import Medium


def test_what_was_written_is_right() -> None:
    medium = Medium(7, 100, 512)
    medium.wrote(3, 4, 1)
    medium.check(2, bytes(512) + medium.content(3, 4, 1) + bytes(512))


def test_the_first_wrong_block_is_the_evidence() -> None:
    medium = Medium(7, 100, 512)
    medium.wrote(3, 4, 2)
    with pytest.raises(TwostepError) as caught:
        medium.check(3, medium.content(3, 2, 2) + medium.content(5, 1, 1) + medium.content(6, 1, 2))
    assert caught.value.code == "corrupt_read"
    assert str(caught.value) == (
        "Block 5 of the scratch slot was read back as block, not as it was written. "
        "Next: Keep the old version and report this to the makers of the child."
    )
    assert caught.value.data == {
        "block": 5,
        "offset_bytes": 2560,
        "block_bytes": 512,
        "expected": {"sequence": 2},
        "found": {"looks_like": "block", "seed": 7, "block": 5, "sequence": 1},
    }


def test_a_block_that_was_never_written_is_zeros() -> None:
    medium = Medium(7, 100, 512)
    medium.check(0, bytes(1024))
    with pytest.raises(TwostepError) as caught:
        medium.check(0, bytes(512) + b"x" * 512)
    assert caught.value.data["expected"] == {"looks_like": "zeros"}


def test_zeroed_blocks_must_be_zeros() -> None:
    medium = Medium(7, 100, 512)
    medium.wrote(0, 2, 1)
    medium.wrote(0, 1, 0)
    medium.check(0, bytes(512) + medium.content(1, 1, 1))
    with pytest.raises(TwostepError):
        medium.check(0, medium.content(0, 1, 1))


def test_discarded_blocks_may_hold_anything_but_their_neighbours_may_not() -> None:
    medium = Medium(7, 100, 512)
    medium.wrote(0, 3, 1)
    medium.discarded(1, 1)
    medium.check(0, medium.content(0, 1, 1) + b"?" * 512 + medium.content(2, 1, 1))
    with pytest.raises(TwostepError) as caught:
        medium.check(0, medium.content(0, 1, 1) + b"?" * 1024)
    assert caught.value.data["block"] == 2
