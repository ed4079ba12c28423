# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.compat_facts import LEVELS, Kernel, Reason, Verdict


@pytest.mark.parametrize(
    ("kernel", "demand"),
    [
        (Kernel("6.1.0"), None),
        (Kernel("6.1.0", sig_enforce=True), "module.sig_enforce is set"),
        (Kernel("6.1.0", lockdown="integrity"), "the kernel is locked down (integrity)"),
    ],
)
def test_what_demands_a_signature(kernel: Kernel, demand: str | None) -> None:
    assert kernel.wants_signature == demand


@pytest.mark.parametrize("level", LEVELS)
def test_what_rules_a_swap_out(level: str) -> None:
    verdict = Verdict("x", None, (Reason("slot", "a", "info", "A.", "B."), Reason("slot", "b", level, "A.", "B.")))
    assert (verdict.blocking is not None) == (level in ("warm", "cold", "refuse"))
