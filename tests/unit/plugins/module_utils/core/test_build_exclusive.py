# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import build_exclusive
from ansible_collections.twostep.hotswap.plugins.module_utils.core.build_exclusive import Exclusive
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

K = "6.1.0-56-cloud-amd64"
CONFIG = "CONFIG_SMP=y\nCONFIG_MD=m\n# CONFIG_PREEMPT_RT is not set\nCONFIG_HZ=250\n"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (None, ""),
        ({"kernel": "^6\\."}, ""),
        ({"kernel": "^5\\."}, "BUILD_EXCLUSIVE_KERNEL is ^5\\."),
        ({"arch": "x86_64"}, ""),
        ({"arch": "^aarch64$"}, "BUILD_EXCLUSIVE_ARCH is ^aarch64$, the host is x86_64"),
        ({"config": ["CONFIG_SMP", "CONFIG_MD", "!CONFIG_PREEMPT_RT"]}, ""),
        ({"config": ["CONFIG_NUMA"]}, "BUILD_EXCLUSIVE_CONFIG asks for CONFIG_NUMA"),
        ({"config": ["!CONFIG_MD"]}, "BUILD_EXCLUSIVE_CONFIG asks for !CONFIG_MD"),
        ({"config": ["CONFIG_HZ"]}, "BUILD_EXCLUSIVE_CONFIG asks for CONFIG_HZ"),
        ({"kernel": None, "arch": None, "config": None}, ""),
    ],
)
def test_which_kernels_are_meant(values: dict | None, reason: str) -> None:
    assert build_exclusive.reason(build_exclusive.exclusive(values), K, "x86_64", CONFIG) == reason


def test_an_unknown_configuration_excludes_nothing() -> None:
    assert build_exclusive.reason(Exclusive(configs=("CONFIG_NUMA",)), K, "x86_64", "") == ""


@pytest.mark.parametrize("name", ["NUMA", "CONFIG_a", "CONFIG_A=y", "CONFIG_A;id", "CONFIG_A\n", 5])
def test_a_bad_option(name: object) -> None:
    with pytest.raises(TwostepError) as caught:
        build_exclusive.exclusive({"config": [name]})
    assert caught.value.code == "bad_config"
    assert caught.value.message.endswith("is not the name of a kernel option.")


def test_a_shell_gets_back_what_went_in_even_when_it_looks_twice() -> None:
    values = {"kernel": "^(5|6)\\.[0-9]+(-cloud)?.*$", "arch": "x86_64|aarch64", "config": ["CONFIG_SMP", "!CONFIG_PREEMPT_RT"]}
    lines = "\n".join(build_exclusive.render(build_exclusive.exclusive(values)))
    script = (
        lines
        + '\neval "again=\\"$BUILD_EXCLUSIVE_KERNEL\\""\nprintf "%s\\n" "$BUILD_EXCLUSIVE_KERNEL" "$again" "$BUILD_EXCLUSIVE_CONFIG"\n'
    )
    done = subprocess.run(["bash", "-eu"], input=script, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [values["kernel"], values["kernel"], "CONFIG_SMP !CONFIG_PREEMPT_RT"]
