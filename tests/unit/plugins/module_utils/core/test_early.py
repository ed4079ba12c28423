# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot, early

ROOT = boot.boot_slot("root", "remap", "lower=/dev/vda  colour=red", "1.10.0", queue_depth=64, early=True)
DATA = boot.boot_slot("data", "remap", "", "1.0.0", hw_queues=2, request_bytes=0, early=True)
LATE = boot.boot_slot("late", "remap", "lower=/dev/vdb", "1.0.0")


def test_a_line_for_each_slot_that_is_brought_up_early_in_order_of_names() -> None:
    assert early.wanted([ROOT, LATE, DATA]) == [DATA, ROOT]
    assert early.table([ROOT, LATE, DATA]) == (
        "data\tremap\t1.0.0\ttwostep_remap_1_0_0\t-\t2\t0\t\n"
        "root\tremap\t1.10.0\ttwostep_remap_1_10_0\t64\t-\t-\tlower=/dev/vda  colour=red\n"
    )


def test_without_such_slots_it_is_empty() -> None:
    assert early.table([LATE]) == ""
