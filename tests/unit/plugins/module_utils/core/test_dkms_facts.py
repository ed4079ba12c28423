# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.dkms_facts import FileFacts, Found, KernelFacts

ONE, TWO = FileFacts("one", "/one.ko"), FileFacts("two", "/two.ko")


def test_files_are_found_by_name() -> None:
    kernel = KernelFacts("6.1.0", built=(ONE,), installed=(ONE, TWO))
    assert kernel.built_file("one") is ONE
    assert kernel.built_file("two") is None
    assert kernel.installed_file("two") is TWO
    assert kernel.installed_file("three") is None


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (KernelFacts("6.1.0", "added"), False),
        (KernelFacts("6.1.0", "added", installed=(ONE,)), False),
        (KernelFacts("6.1.0", "built"), True),
        (KernelFacts("6.1.0", "installed"), True),
        (KernelFacts("6.1.0", "absent", built=(ONE,)), True),
    ],
)
def test_has_builds(kernel: KernelFacts, expected: bool) -> None:
    assert Found("a", "1.0.0", kernels=(KernelFacts("6.0.0"), kernel)).has_builds is expected
