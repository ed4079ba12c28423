# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import build_needs
from ansible_collections.twostep.hotswap.plugins.module_utils.core.build_needs import Compiler


@pytest.mark.parametrize(
    ("auto_conf", "expected"),
    [
        ("", Compiler(("gcc",))),
        # as in the headers of Debian 12
        ("CONFIG_CC_VERSION_TEXT=gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0\nCONFIG_GCC_VERSION=120200\n", Compiler(("gcc-12", "gcc"), 12)),
        (
            'CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14) 12.2.0"\nCONFIG_GCC_VERSION=120200\nCONFIG_CLANG_VERSION=0\n',
            Compiler(("gcc-12", "gcc"), 12),
        ),
        (
            'CONFIG_CC_VERSION_TEXT="x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0"\nCONFIG_GCC_VERSION=140200\n',
            Compiler(("x86_64-linux-gnu-gcc-14", "gcc"), 14),
        ),
        (
            'CONFIG_CC_VERSION_TEXT="clang version 17.0.6"\nCONFIG_CC_IS_CLANG=y\nCONFIG_GCC_VERSION=0\nCONFIG_CLANG_VERSION=170006\n',
            Compiler(("clang",), 17),
        ),
        ('CONFIG_CC_VERSION_TEXT="/opt/$(id)/gcc 9"\n', Compiler(("gcc",))),
    ],
)
def test_the_compiler_of_a_kernel(auto_conf: str, expected: Compiler) -> None:
    assert build_needs.compiler(auto_conf) == expected


@pytest.mark.parametrize(("text", "major"), [("12\n", 12), ("12.2.0\n", 12), ("14.0.6", 14), ("", 0), ("gcc (Debian)", 0), ("12a", 0)])
def test_a_major_version(text: str, major: int) -> None:
    assert build_needs.major(text) == major


def test_the_bytes_grow_with_source_modules_and_kernels() -> None:
    small, large = build_needs.bytes_needed(1000, 1, 1), build_needs.bytes_needed(10**7, 2, 3)
    assert set(small) == {"tree", "temporary", "modules"}
    assert small["tree"] < large["tree"]
    assert small["modules"] < large["modules"]
