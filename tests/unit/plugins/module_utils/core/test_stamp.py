# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import zlib

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import stamp


def test_a_block_says_where_and_when() -> None:
    assert stamp.describe(stamp.block(7, 12, 3, 512)) == {"looks_like": "block", "seed": 7, "block": 12, "sequence": 3}
    assert len(stamp.block(7, 12, 3, 4096)) == 4096


def test_sequence_zero_is_zeros() -> None:
    assert stamp.block(7, 12, 0, 512) == bytes(512)
    assert stamp.describe(bytes(512)) == {"looks_like": "zeros"}


@pytest.mark.parametrize("change", [(8, 12, 3), (7, 13, 3), (7, 12, 4)])
def test_another_block_is_other_bytes(change: tuple[int, int, int]) -> None:
    assert stamp.block(*change, 512) != stamp.block(7, 12, 3, 512)


def test_garbage_is_named() -> None:
    data = b"\xa5" * 512
    assert stamp.describe(data) == {"looks_like": "garbage", "first_bytes": "a5" * 16, "crc32": f"{zlib.crc32(data):08x}"}


def test_a_torn_block_is_seen() -> None:
    torn = stamp.block(7, 12, 3, 512)[:256] + stamp.block(7, 12, 4, 512)[256:]
    assert stamp.describe(torn)["looks_like"] == "torn"


def test_a_stamp_with_a_flipped_bit_is_garbage() -> None:
    one = bytearray(stamp.block(7, 12, 3, 32))
    one[20] ^= 1
    assert stamp.describe(bytes(one))["looks_like"] == "garbage"
