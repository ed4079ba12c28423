# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import elf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import DEFAULT, module_bytes


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [True, False])
def test_both_classes_and_byte_orders(order: str, wide: bool) -> None:
    assert elf.modinfo(module_bytes(order=order, wide=wide)) == {key: [value] for key, value in DEFAULT}


def test_a_key_may_have_several_values_and_a_value_may_hold_an_equals_sign() -> None:
    data = module_bytes((("alias", "b"), ("alias", "a"), ("parm", "x:y=z"), ("empty", "")))
    assert elf.modinfo(data) == {"alias": ["b", "a"], "parm": ["x:y=z"], "empty": [""]}


def test_sections_have_their_names_and_bytes() -> None:
    found = {section.name: section.data for section in elf.sections(module_bytes((("a", "b"),)))}
    assert found[".modinfo"] == b"a=b\0"
    assert found[".bss"] == b""


def test_a_signature_is_seen_and_does_not_disturb() -> None:
    assert elf.is_signed(module_bytes(signed=True))
    assert not elf.is_signed(module_bytes())
    assert elf.modinfo(module_bytes(signed=True)) == elf.modinfo(module_bytes())


def refused(data: bytes) -> bool:
    try:
        elf.modinfo(data)
    except TwostepError as error:
        assert error.code == "not_a_module"
        return True
    return False


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF", b"#!/bin/sh\n" * 50, bytes(4096), b"\x7fELF" + b"\xff" * 4096, b"\x7fELF\x02\x01" + bytes(58)]
)
def test_garbage_is_refused(data: bytes) -> None:
    assert refused(data)


def test_every_truncation_is_refused() -> None:
    data = module_bytes()
    assert all(refused(data[:length]) for length in range(len(data)))


def test_a_file_without_modinfo_is_refused() -> None:
    assert refused(module_bytes().replace(b".modinfo", b".modinf_"))


def test_damaged_bytes_never_end_in_a_traceback() -> None:
    dice = random.Random(1)
    data = module_bytes()
    outcomes = set()
    for _round in range(3000):
        damaged = bytearray(data)
        for _byte in range(dice.randrange(1, 6)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        outcomes.add(refused(bytes(damaged)))
    assert outcomes == {True, False}


@given(st.binary(max_size=1024))
def test_any_bytes_are_a_module_or_refused(data: bytes) -> None:
    refused(data)
    refused(b"\x7fELF\x01\x02" + data)


def test_a_linked_file_is_no_module() -> None:
    with pytest.raises(TwostepError, match="it is linked already, as a program is"):
        elf.parse(module_bytes(kind=2))


def test_a_machine_is_told_in_words() -> None:
    assert str(elf.parse(module_bytes()).machine) == "machine 62, 64 bits, little endian"
    assert str(elf.parse(module_bytes(machine=8, wide=False, order=">")).machine) == "machine 8, 32 bits, big endian"
