# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.core import rehearsal_result
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rehearsal_result import Done, Findings, Hold

HOLDS = [
    Hold("swap", "nbd", "1.0.0", "1.1.0", 3.0, 4, True),
    Hold("return", "nbd", "1.1.0", "1.0.0", 90.0, 0, False),
    Hold("swap", "nbd", "1.0.0", "1.1.0", 1.0, 2, True),
    Hold("swap", "nbd", "1.1.0", "1.0.0", 50.0, 0, False),
    Hold("swap", "loop", "1.0.0", "1.1.0", 2.0, 0, False),
]


def test_what_the_real_swap_costs_is_told_by_swaps_to_the_candidate() -> None:
    assert rehearsal_result.expected(HOLDS, "1.1.0") == {"median": 2.0, "max": 3.0, "samples": 3}
    assert rehearsal_result.expected([], "1.1.0") is None


def test_all_is_well() -> None:
    found = Findings(done=[Done("swap", "nbd", "1.1.0", 1.5)], holds=HOLDS[:1], exercised={"fua", "flush"}, operations=3)
    told = rehearsal_result.as_dict(found, "1.1.0")
    assert told["passed"] is True
    assert told["cleaned_up"] is True
    assert told["exercised"] == ["flush", "fua"]
    assert told["performed"] == [{"action": "swap", "device": "nbd", "version": "1.1.0", "duration_ms": 1.5, "code": ""}]
    assert told["holds"] == [
        {"action": "swap", "device": "nbd", "from": "1.0.0", "to": "1.1.0", "hold_ms": 3.0, "held_requests": 4, "busy": True}
    ]
    assert rehearsal_result.failure(found) is None


def test_a_reason_fails() -> None:
    found = Findings(reasons=[TwostepError("corrupt_read", "Bad.", "Stop.", {"block": 3})], left_behind=["slot x"])
    told = rehearsal_result.as_dict(found, "1.1.0")
    assert told["passed"] is False
    assert told["reasons"] == [{"code": "corrupt_read", "message": "Bad.", "next_step": "Stop.", "evidence": {"block": 3}}]
    failure = rehearsal_result.failure(found)
    assert failure is not None
    assert failure.code == "corrupt_read"


def test_what_is_left_behind_fails_too() -> None:
    found = Findings(left_behind=["slot rehearse-1 (slot_in_use)"])
    assert rehearsal_result.as_dict(found, "1.1.0")["passed"] is False
    failure = rehearsal_result.failure(found)
    assert str(failure) == (
        "The rehearsal could not remove slot rehearse-1 (slot_in_use). Next: Look at the kernel log; the next rehearsal tries again."
    )
