# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which marks a module has, in a file and in the kernel, and when two builds are one."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import module_identity
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.modinfo import ModuleInfo, from_elf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_identity import Identity
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes, section

MARK = bytes(range(20))
# captured: the first 60 bytes of /sys/kernel/notes, Linux 6.18: the build ID, and a note of another kind
SAMPLE = bytes.fromhex(
    "040000001400000003000000474e550048dc540c8b76393804ca8088dbfa7d42911a94440600000004000000010100004c696e757800000000000000"
)


def note(mark: bytes = MARK, name: bytes = b"GNU\0", kind: int = 3, order: str = "<") -> bytes:
    padded = [part + bytes(-len(part) % 4) for part in (name, mark)]
    return struct.pack(f"{order}III", len(name), len(mark), kind) + b"".join(padded)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Identity("a", "S"), Identity("a", "T"), True),
        (Identity("a", "S"), Identity("b", "S"), False),
        (Identity("a", "S"), Identity("", "S"), True),
        (Identity("", "S"), Identity("b", "T"), False),
        (Identity("a", ""), Identity("", "S"), None),
        (Identity("a"), Identity(), None),
        (Identity(), Identity(), None),
        (Identity("", "", "1.0"), Identity("", "", "1.0"), None),
        (Identity("a", "", "1.0"), Identity("a", "", "2.0"), True),
    ],
)
def test_when_two_builds_are_one(one: Identity, other: Identity, same: bool | None) -> None:
    assert (one.is_same(other), other.is_same(one)) == (same, same)


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        (Identity("0123456789abcdef", "S", "1.0"), "1.0 (0123456789ab)"),
        (Identity("", "SRC", "1.0"), "1.0 (SRC)"),
        (Identity("", "", "1.0"), "1.0"),
        (Identity("0123456789abcdef"), "0123456789ab"),
        (Identity("", "SRC"), "SRC"),
        (Identity(), "unknown"),
    ],
)
def test_a_build_in_words(identity: Identity, text: str) -> None:
    assert str(identity) == text


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        (SAMPLE, "48dc540c8b76393804ca8088dbfa7d42911a9444"),
        (note(), MARK.hex()),
        (note(b"x" * 64), (b"x" * 64).hex()),
        (note(b"abc"), b"abc".hex()),
        (note(name=b"Linux\0") + note(), MARK.hex()),
        (note(kind=1) + note(b"2" * 16), (b"2" * 16).hex()),
        (note(b"1") + note(b"2"), b"1".hex()),
        (note(b"x" * 65), ""),
        (note(b""), ""),
        (note(name=b"GNU"), ""),
        (note()[:-1], ""),
        (note()[:12], ""),
        (note()[:11], ""),
        (b"", ""),
        (b"\xff" * 64, ""),
    ],
)
def test_the_build_id_in_a_note_section(notes: bytes, found: str) -> None:
    assert module_identity.build_id(notes) == found


@given(st.binary(max_size=300), st.sampled_from("<>"))
def test_no_bytes_break_the_parser(notes: bytes, order: str) -> None:
    found = module_identity.build_id(notes, order)
    assert len(found) <= 128
    assert bytes.fromhex(found) in notes


@given(
    st.binary(min_size=1, max_size=64), st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=3), st.sampled_from("<>")
)
def test_it_is_found_behind_any_other_notes(mark: bytes, others: list, order: str) -> None:
    notes = b"".join(note(text, name + b"!", order=order) for name, text in others)
    assert module_identity.build_id(notes + note(mark, order=order), order) == mark.hex()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_of_a_file(order: str, wide: bool, signed: bool) -> None:
    image = module_bytes(order=order, wide=wide, signed=signed, extra=(section(module_identity.SECTION, note(order=order)),))
    assert module_identity.of_file(from_elf(image), image) == Identity(MARK.hex(), "F4A2EACDDAA9D4EBBB688CF", "1.1.0")


def test_of_a_file_without_a_build_id_or_without_content() -> None:
    assert module_identity.of_file(from_elf(module_bytes()), module_bytes()) == Identity("", "F4A2EACDDAA9D4EBBB688CF", "1.1.0")
    assert module_identity.of_file(ModuleInfo({"version": ["2"]}), None) == Identity("", "", "2")


def test_of_something_else() -> None:
    with pytest.raises(TwostepError) as caught:
        module_identity.of_file(ModuleInfo(), b"\x7fELF")
    assert caught.value.code == "not_a_module"
