# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel would refuse is found out before anybody is stopped for a reload; and what a boot has to prove."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload
from ansible_collections.twostep.hotswap.plugins.module_utils.core.compat_facts import Kernel
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import ModuleFacts
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.core.test_reload import (
    BOTH,
    KERNEL,
    LOWER,
    NEW,
    OLD,
    SAME,
    UPPER,
    refused,
)

FILE = "The installed file of lower, /m/lower.ko,"
MAGIC = "6.1.0 SMP preempt mod_unload modversions "
SIGN = "Sign it with a key that the kernel trusts."


@pytest.mark.parametrize(
    ("kernel", "change", "code", "message", "next_step"),
    [
        (
            {"vermagic": MAGIC.strip()}, {"vermagic": "6.1.0 UP mod_unload modversions"}, "wrong_kernel",
            f"{FILE} is built for '6.1.0 UP mod_unload modversions'; the kernel wants '6.1.0 SMP preempt mod_unload modversions'.",
            "Build it for the running kernel.",
        ),
        (
            {"vermagic": "6.1.0 SMP mod_unload"}, {"vermagic": "6.1.9 SMP mod_unload"}, "wrong_kernel",
            f"{FILE} is built for '6.1.9 SMP mod_unload'; the kernel wants '6.1.0 SMP mod_unload'.",
            "Build it for the running kernel.",
        ),
        (
            {"sig_enforce": True}, {}, "unsigned",
            f"{FILE} is not signed, and module.sig_enforce is set.", SIGN,
        ),
        (
            {"lockdown": "integrity"}, {}, "unsigned",
            f"{FILE} is not signed, and the kernel is locked down (integrity).", SIGN,
        ),
        (
            {"modules_disabled": True}, {}, "modules_disabled",
            "kernel.modules_disabled is 1: no module can be unloaded or loaded until the next boot.",
            "Take the cold way: it installs, and boots the host.",
        ),
    ],
)  # fmt: skip
def test_what_the_kernel_would_refuse_is_found_out_before(kernel: dict, change: dict, code: str, message: str, next_step: str) -> None:
    error = refused(reload.plan, BOTH, [replace(LOWER, **change), UPPER], Kernel("6.1.0", **kernel))
    assert (error.code, error.message, error.next_step) == (code, message, next_step)
    # What is not replaced is not asked about.
    assert reload.plan(BOTH, [SAME, replace(UPPER, file=OLD)], Kernel("6.1.0", **kernel)) == ()


@pytest.mark.parametrize(
    ("kernel", "change"),
    [
        ({"vermagic": MAGIC.strip()}, {"vermagic": MAGIC.replace("6.1.0", "6.1.9").strip()}),
        ({"vermagic": None}, {"vermagic": "6.1.9 UP"}),
        ({"vermagic": MAGIC.strip()}, {}),
        ({"sig_enforce": True}, {"signed": True}),
    ],
)
def test_what_the_kernel_would_take(kernel: dict, change: dict) -> None:
    found = [replace(LOWER, **change), replace(UPPER, **change)]
    assert len(reload.plan(BOTH, found, Kernel("6.1.0", **kernel))) == 2


def test_the_cold_way_asks_nobody_to_let_go_and_for_no_copy() -> None:
    cold = replace(BOTH, cold=True)
    found = [replace(LOWER, kept=None, holders=("stranger",)), replace(UPPER, kept=None)]
    assert [part.name for part in reload.plan(cold, found, Kernel("6.1.0", modules_disabled=True))] == ["lower", "upper"]
    assert refused(reload.plan, cold, found, Kernel("6.1.0", sig_enforce=True)).code == "unsigned"


def test_a_boot_has_loaded_what_is_installed() -> None:
    reload.check_booted(replace(BOTH, cold=True), [SAME, replace(UPPER, loaded=NEW)], KERNEL)


@pytest.mark.parametrize(
    ("found", "missing"),
    [([SAME, ModuleFacts("upper", path="/m/upper.ko", file=NEW)], ["upper"]), ([LOWER, UPPER], ["lower", "upper"])],
)
def test_a_boot_has_not(found: list, missing: list) -> None:
    error = refused(reload.check_booted, replace(BOTH, cold=True), found, KERNEL)
    assert (error.code, error.data) == ("not_booted", {"modules": missing})
    assert error.message == f"The kernel has not the installed {', '.join(missing)}."
    assert error.next_step == "Boot the host; after a boot, see in its kernel log why they were not loaded."
