# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import swap_request
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import Phase, SwapRequest, SwapResult

REQUEST = SwapRequest(
    "data-1-ab", "by-hand", "data", "remap", "1.0.0", "1.1.0", 3, "2026-01-31T23:59:58Z",
    path="/lib/modules/x/m.ko", module="twostep_remap_1_1_0", old_module="twostep_remap_1_0_0", depends=("twostep",), state_schema=2,
)  # fmt: skip
RESULT = SwapResult(
    "data-1-ab", "by-hand", "data", "1.0.0", "1.1.0", "handover", "committed", generation_before=3, generation_after=4, hold_ms=1.5,
    held_requests=2, phases=(Phase("swap", "end", "2026-01-31T23:59:58Z", 9),), kernel_phases={"hold_ns": 5}, notes=("A.",),
)  # fmt: skip


def test_a_request_survives_the_file() -> None:
    assert swap_request.parse_request(swap_request.render(REQUEST), "/r") == REQUEST
    warm = replace(REQUEST, mode="warm", units=("b.service", "a.timer"))
    assert swap_request.parse_request(swap_request.render(warm), "/r") == warm


def test_a_result_survives_the_file() -> None:
    text = swap_request.render(RESULT)
    assert swap_request.parse_result(text, "/r") == RESULT
    assert {"from", "to", "schema"} <= set(json.loads(text))


@pytest.mark.parametrize("outcome", swap_request.OUTCOMES)
def test_which_outcomes_are_good(outcome: str) -> None:
    result = SwapResult("a", "b", "data", "1.0.0", "1.1.0", "handover", outcome)
    assert result.is_good == (outcome in ("swapped", "committed", "already", "armed"))
    assert not result.has_moved


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', "{" * 100000])
def test_rubbish_is_refused(text: str) -> None:
    for parse in (swap_request.parse_request, swap_request.parse_result):
        with pytest.raises(TwostepError) as caught:
            parse(text, "/r")
        assert caught.value.code == "bad_swap_file"
        assert caught.value.message.startswith("/r is damaged: it")
        assert caught.value.next_step == "Remove its folder; what the slot serves is told by twostep.hotswap.slot_info."


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"deadline_ms": 0}, "bad_swap_file"),
        ({"deadline_ms": True}, "bad_swap_file"),
        ({"deadline_ms": "500"}, "bad_swap_file"),
        ({"generation": -1}, "bad_swap_file"),
        ({"mode": "now"}, "bad_swap_file"),
        ({"path": "m.ko"}, "bad_swap_file"),
        ({"commit": 1}, "bad_swap_file"),
        ({"state_schema": "2"}, "bad_swap_file"),
        ({"more": 1}, "bad_swap_file"),
        ({"slot": "../x"}, "bad_slot"),
        ({"swap_id": "a/b"}, "bad_id"),
        ({"to_version": "1.1"}, "bad_version"),
        ({"module": "-f"}, "bad_module"),
        ({"depends": ["-f"]}, "bad_module"),
        ({"units": "a.service"}, "bad_swap_file"),
        ({"units": None}, "bad_swap_file"),
        ({"units": ["a.target"]}, "bad_unit"),
    ],
)
def test_a_changed_request_is_refused(change: dict, code: str) -> None:
    data = json.loads(swap_request.render(REQUEST))
    data.update(change)
    with pytest.raises(TwostepError) as caught:
        swap_request.parse_request(json.dumps(data), "/r")
    assert caught.value.code == code


@pytest.mark.parametrize(
    "change", [{"outcome": "fine"}, {"generation_after": "4"}, {"phases": [{"phase": "x"}]}, {"more": 1}, {"message": None}]
)
def test_a_changed_result_is_refused(change: dict) -> None:
    data = json.loads(swap_request.render(RESULT))
    data.update(change)
    with pytest.raises(TwostepError, match="/r is damaged"):
        swap_request.parse_result(json.dumps(data), "/r")
