# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import nbd


def test_a_request() -> None:
    head = bytes.fromhex("25609513000100010102030405060708000000000000100000000200")
    assert nbd.parse(head) == nbd.Request("write", True, bytes(range(1, 9)), 4096, 512)


@pytest.mark.parametrize(("number", "kind"), [(0, "read"), (2, "disconnect"), (3, "flush"), (4, "trim"), (6, "zeroes"), (9, "")])
def test_kinds(number: int, kind: str) -> None:
    found = nbd.parse(nbd.REQUEST.pack(0x25609513, number, bytes(8), 0, 0))
    assert (found.kind, found.fua) == (kind, False)


def test_what_is_no_request() -> None:
    with pytest.raises(ValueError, match="xxxx"):
        nbd.parse(b"x" * nbd.REQUEST.size)


def test_a_reply() -> None:
    assert nbd.reply(bytes(range(1, 9)), 5) == bytes.fromhex("67446698000000050102030405060708")
