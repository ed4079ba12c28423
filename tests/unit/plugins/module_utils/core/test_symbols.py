# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import symbols
from ansible_collections.twostep.hotswap.plugins.module_utils.core.symbols import Export

# Lines of Debian's linux-headers-6.1.0-56-cloud-amd64, and one as DKMS builds it.
SYMVERS = """\
0x4c9d28b0\tphys_base\tvmlinux\tEXPORT_SYMBOL\t
0x7140de40\tinit_uts_ns\tvmlinux\tEXPORT_SYMBOL_GPL\t
0x815f2897\tdm_bufio_read\tdrivers/md/dm-bufio\tEXPORT_SYMBOL_GPL\tDM
0x00000000\tno_checksum\tvmlinux\tEXPORT_SYMBOL\t
0x12491c09\ttwostep_register_child\t/var/lib/dkms/twostep/1.0.0/build/parent/twostep\tEXPORT_SYMBOL_GPL\t
"""
# Lines of /proc/kallsyms on 6.1: with CONFIG_KALLSYMS_ALL, as a user without rights sees it.
KALLSYMS = """\
0000000000000000 T kfree
0000000000000000 r __ksymtab_kfree
0000000000000000 t twostep_local\t[twostep]
0000000000000000 T twostep_register_child\t[twostep]
0000000000000000 r __ksymtab_twostep_register_child\t[twostep]
0000000000000000 T not_exported\t[twostep]
"""


def test_what_headers_tell() -> None:
    found, understood = symbols.from_symvers(SYMVERS.splitlines())
    assert found == {
        "init_uts_ns": Export("vmlinux", 0x7140DE40),
        "phys_base": Export("vmlinux", 0x4C9D28B0),
        "dm_bufio_read": Export("dm_bufio", 0x815F2897),
        "no_checksum": Export("vmlinux", None),
        "twostep_register_child": Export("twostep", 0x12491C09),
    }
    assert understood == 5


def test_only_what_a_module_exports() -> None:
    assert set(symbols.from_symvers(SYMVERS.splitlines(), "twostep")[0]) == {"twostep_register_child"}


@pytest.mark.parametrize("line", ["", "rubbish", "0x1\ta\tvmlinux", "1\ta\tvmlinux\tE", "0xzz\ta\tvmlinux\tE", "0x123456789\ta\tv\tE"])
def test_lines_that_are_something_else_are_not_understood(line: str) -> None:
    assert symbols.from_symvers([line]) == ({}, 0)


def test_a_kernel_that_lists_each_export() -> None:
    assert symbols.from_kallsyms(KALLSYMS.splitlines()) == ({"kfree": "vmlinux", "twostep_register_child": "twostep"}, True)


def test_a_kernel_that_lists_functions_alone() -> None:
    lines = [line for line in KALLSYMS.splitlines() if "__ksymtab_" not in line]
    found = {"kfree": "vmlinux", "twostep_register_child": "twostep", "not_exported": "twostep"}
    assert symbols.from_kallsyms(lines) == (found, False)


@given(st.lists(st.text(max_size=80), max_size=20))
def test_any_text(lines: list) -> None:
    found, understood = symbols.from_symvers(lines)
    assert len(found) <= understood <= len(lines)
    assert len(symbols.from_kallsyms(lines)[0]) <= len(lines)
