# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import lzma
import struct
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import linkage
from ansible_collections.twostep.hotswap.plugins.module_utils.core.elf import Machine
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.linkage import Linkage
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import (
    Section,
    long_versions,
    module_bytes,
    section,
    versions_bytes,
)

NEEDS = ("_printk", "blk_mq_end_request")
VERSIONS = {"module_layout": 0x1A2B3C4D, "_printk": 0xFFFFFFFF, "blk_mq_end_request": 1}
EXPORTS = {"twostep_remap_shared": 0x85501992, "twostep_remap_other": None}
SAMPLE = module_bytes(needs=NEEDS, weak=("maybe",), versions=VERSIONS, exports=EXPORTS)
CAPTURED = Path(__file__).parents[1] / "captured/twostep_remap_9_8_0.ko.xz.base64"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("absolute", [True, False])
def test_both_classes_and_byte_orders(order: str, wide: bool, absolute: bool) -> None:
    exports = {"twostep_remap_shared": 0x85501992, "twostep_remap_other": 7}
    data = module_bytes(
        order=order, wide=wide, machine=183, needs=NEEDS, weak=("maybe",), versions=VERSIONS, exports=exports, absolute_crcs=absolute
    )
    assert linkage.parse(data) == Linkage(Machine(183, wide, order), NEEDS, VERSIONS, exports, 896)


def test_a_real_module_of_6_1() -> None:
    """Of `make kmod`, without its debug sections."""
    found = linkage.parse(lzma.decompress(base64.b64decode(CAPTURED.read_text())))
    assert (found.machine, found.module_bytes, found.unreadable) == (Machine(62, True, "<"), 896, "")
    assert found.exported == {"twostep_remap_shared": 0x8550F752}
    assert {"twostep_register_child", "twostep_end_request", "_printk"} <= set(found.needs)
    assert found.versions is not None
    assert set(found.versions) == {*found.needs, "module_layout"}
    assert found.versions["twostep_register_child"] == 0x12494E09


def test_a_file_without_versions_and_exports() -> None:
    found = linkage.parse(module_bytes())
    assert (found.needs, found.versions, found.exported, found.unreadable) == ((), None, {}, "")


def test_symbols_that_the_kernel_does_not_look_up_are_not_needed() -> None:
    assert linkage.parse(module_bytes(needs=("_GLOBAL_OFFSET_TABLE_", ".TOC.", "kfree"))).needs == ("kfree",)


def test_exports_of_a_file_without_local_symbols_are_told_by_its_strings() -> None:
    assert linkage.parse(module_bytes(exports=EXPORTS, stripped=True, needs=("twostep",))).exported == dict.fromkeys(EXPORTS)


def test_versions_with_long_names() -> None:
    versions = {"module_layout": 5, "a_symbol_with_a_name_that_has_more_than_fifty_five_characters_in_it": 0xFFFFFFFE}
    for order in "<>":
        data = module_bytes(order=order, versions={"module_layout": 1}, extra=long_versions(versions, order))
        # With both, the kernel reads the pair.
        assert linkage.parse(data).versions == versions


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        ([section("__versions", versions_bytes(VERSIONS)[:-1])], "section __versions has 191 bytes, which is no multiple of 64"),
        ([section("__versions", versions_bytes({"": 1}))], "entry 0 of section __versions is no checksum with a name"),
        ([section("__versions", b"x" * 128)], "entry 0 of section __versions is no checksum with a name"),
        (
            [section("__version_ext_crcs", bytes(8)), section("__version_ext_names", b"one\0")],
            "sections __version_ext_crcs and __version_ext_names do not belong together",
        ),
        (
            [section("__version_ext_crcs", bytes(6)), section("__version_ext_names", b"one\0two\0")],
            "sections __version_ext_crcs and __version_ext_names do not belong together",
        ),
    ],
)
def test_versions_in_an_unknown_layout_are_unknown_not_absent(sections: list[Section], why: str) -> None:
    found = linkage.parse(module_bytes(extra=sections))
    assert (found.versions, found.unreadable) == (None, why)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (module_bytes(this_module=None), "it has no section .gnu.linkonce.this_module"),
        (module_bytes(symbol_table=False), "it has no symbol table; it was stripped"),
        (module_bytes(kind=3), "it is linked already, as a program is"),
        (module_bytes(symbol_table=False, extra=[Section(".symtab", 2, bytes(23), 1)]), "its symbol table is damaged"),
        (module_bytes(symbol_table=False, extra=[Section(".symtab", 2, bytes(24), 999)]), "its symbol table is damaged"),
        (
            module_bytes(symbol_table=False, extra=[Section(".symtab", 2, struct.pack("<IBBHQQ", 9999, 16, 0, 0, 0, 0), 1)]),
            "a symbol's name lies outside the string table",
        ),
        (b"", "it is empty"),
    ],
)
def test_what_no_kernel_would_take(data: bytes, why: str) -> None:
    with pytest.raises(TwostepError) as caught:
        linkage.parse(data)
    assert (caught.value.code, caught.value.message) == ("not_a_module", f"The file is not a kernel module: {why}.")


def test_a_checksum_outside_its_section_is_not_known() -> None:
    data = bytearray(module_bytes(exports={"a": 1}))
    place = data.index(b"__kcrctab_gpl")
    data[place : place + 13] = b"__other_gplxx"
    assert linkage.parse(bytes(data)).exported == {"a": None}


def only_refuses(data: bytes) -> None:
    """A file is understood or refused: nothing else is ever raised."""
    try:
        found = linkage.parse(data)
    except TwostepError as error:
        assert error.code == "not_a_module"
    else:
        assert isinstance(found, Linkage)


@given(st.binary(max_size=2048))
@example(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x01\x00" + b"\xff" * 60)
def test_any_bytes(data: bytes) -> None:
    only_refuses(data)
    only_refuses(b"\x7fELF\x02\x01" + data)


@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_changed_bytes(changes: list) -> None:
    data = bytearray(SAMPLE)
    for place, value in changes:
        data[place] = value
    only_refuses(bytes(data))


@given(st.integers(0, len(SAMPLE)), st.binary(max_size=64))
def test_a_file_that_ends_early_or_goes_on_otherwise(length: int, rest: bytes) -> None:
    only_refuses(SAMPLE[:length] + rest)


WORD = st.sampled_from([0, 1, 2, 3, 63, 64, 0xFFFF, 0x10000, 2**31, 2**32 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)


@given(st.integers(0, len(SAMPLE) // 8 - 1), WORD, st.sampled_from([1, 2, 4, 8]))
def test_numbers_that_are_not_credible(place: int, value: int, width: int) -> None:
    """Offsets, sizes and links, overwritten as a whole."""
    data = bytearray(SAMPLE)
    data[place * 8 : place * 8 + width] = (value % 256**width).to_bytes(width, "little")
    only_refuses(bytes(data))
