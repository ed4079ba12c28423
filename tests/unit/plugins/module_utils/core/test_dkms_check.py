# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_check
from ansible_collections.twostep.hotswap.plugins.module_utils.core.dkms_facts import FileFacts, KernelFacts
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

K = "6.1.0-56-cloud-amd64"
FILE = FileFacts("m", "/m.ko", "aa", "1.1.0", f"{K} SMP ", "F4")
GOOD = KernelFacts(K, "installed", built=(FILE,), installed=(FILE,))


def test_what_is_right_passes() -> None:
    dkms_check.check_built(GOOD, "1.1.0", ("m",))
    dkms_check.check_installed(GOOD, "1.1.0", ("m",))


@pytest.mark.parametrize(
    ("kernel", "code"),
    [
        (replace(GOOD, built=()), "not_built"),
        (replace(GOOD, installed=()), "not_installed"),
        (replace(GOOD, installed=(replace(FILE, problem="Broken."),)), "not_a_module"),
        (replace(GOOD, built=(replace(FILE, problem="Broken."),)), "not_a_module"),
        (replace(GOOD, installed=(replace(FILE, sha256="bb"),)), "installed_differs"),
        (replace(GOOD, built=(replace(FILE, version="1.0.0"),)), "wrong_version"),
        (replace(GOOD, built=(replace(FILE, version=""),)), "wrong_version"),
        (replace(GOOD, built=(replace(FILE, vermagic="6.1.0-55-cloud-amd64 SMP "),)), "wrong_kernel"),
        (replace(GOOD, built=(replace(FILE, vermagic=K + "x SMP "),)), "wrong_kernel"),
    ],
)
def test_what_is_wrong_is_named(kernel: KernelFacts, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        dkms_check.check_installed(kernel, "1.1.0", ("m",))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("kernel", "modules", "expected"),
    [
        (GOOD, ("m",), "installed"),
        (GOOD, (), "installed"),
        (replace(GOOD, status="built"), ("m",), "installed"),
        (replace(GOOD, installed=()), ("m",), "built"),
        (replace(GOOD, installed=(replace(FILE, problem="Broken."),)), ("m",), "built"),
        (KernelFacts(K, "added"), ("m",), "added"),
        (KernelFacts(K), (), "absent"),
    ],
)
def test_status_word(kernel: KernelFacts, modules: tuple[str, ...], expected: str) -> None:
    assert dkms_check.status_word(kernel, modules) == expected
