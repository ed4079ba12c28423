# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of DER as certificates and signatures of modules need: elements, one level at a time."""

from __future__ import annotations

from typing import NamedTuple

INTEGER, OCTETS, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
_MAX_ELEMENTS = 1024


class DerError(ValueError):
    """The bytes are not what they should be."""


class Element(NamedTuple):
    """One element: its tag, its content, and the whole of it as it stands."""

    tag: int
    content: bytes
    whole: bytes


def elements(data: bytes) -> list[Element]:
    """Return the elements that `data` consists of, or raise `DerError`."""
    found: list[Element] = []
    at = 0
    while at < len(data):
        if len(found) >= _MAX_ELEMENTS or at + 2 > len(data) or data[at] & 0x1F == 0x1F:
            raise DerError
        length, begin = data[at + 1], at + 2
        if length & 0x80:
            width = length & 0x7F
            if not 1 <= width <= 4 or begin + width > len(data):
                raise DerError
            length, begin = int.from_bytes(data[begin : begin + width], "big"), begin + width
        if begin + length > len(data):
            raise DerError
        found.append(Element(data[at], data[begin : begin + length], data[at : begin + length]))
        at = begin + length
    return found


def children(element: Element, tag: int) -> list[Element]:
    """Return the elements inside `element`, which must have `tag`; raise `DerError` for another."""
    if element.tag != tag:
        raise DerError
    return elements(element.content)


def common_name(name: Element) -> str:
    """Return the common name in a distinguished name, else its organisation, else an empty string."""
    found: dict[bytes, str] = {}
    for part in children(name, SEQUENCE):
        for pair in children(part, SET):
            kind, value = children(pair, SEQUENCE)[:2]
            found[kind.content] = value.content.decode("utf-8", "replace")
    return found.get(b"\x55\x04\x03") or found.get(b"\x55\x04\x0a") or ""
