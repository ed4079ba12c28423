# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import der


@pytest.mark.parametrize(
    "data",
    [b"\x30", b"\x30\x05\x01", b"\x30\x85\x00\x00\x00\x00\x01", b"\x30\x80", b"\x1f\x01\x00", b"\x30\x82\x01", b"\x02\x01\x00" * 2000],
)
def test_what_is_damaged_is_refused(data: bytes) -> None:
    with pytest.raises(der.DerError):
        der.elements(data)


def test_levels_are_read_one_at_a_time() -> None:
    (sequence,) = der.elements(b"\x30\x06\x02\x01\x05\x04\x01\x61")
    assert [(child.tag, child.content) for child in der.children(sequence, der.SEQUENCE)] == [(der.INTEGER, b"\x05"), (der.OCTETS, b"a")]
    with pytest.raises(der.DerError):
        der.children(sequence, der.SET)


@given(st.binary(max_size=64))
def test_nothing_but_its_own_error_comes_out(data: bytes) -> None:
    try:
        found = der.elements(data)
    except der.DerError:
        return
    assert b"".join(element.whole for element in found) == data
