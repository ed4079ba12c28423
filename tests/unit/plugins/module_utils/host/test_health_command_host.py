# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the commands of a site, each a subject of its own."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_command
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, Sample, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result


def sample(settings: dict, answers: dict) -> list[Sample]:
    def run(argv: list[str], timeout_s: float) -> Result:
        assert timeout_s == 7.0
        answer = answers[argv[0]]
        if isinstance(answer, TwostepError):
            raise answer
        return answer

    world = World(run, Paths("/nonexistent"), lambda: "2026-01-01T00:00:00Z", lambda _s: None, 7.0, 0.0)
    return health_command.sample(Question(1.0, settings), world)


def test_each_command_answers_for_itself() -> None:
    commands = [{"name": name, "argv": [name, "-w", "1"]} for name in ("good", "bad", "absent", "hanging")]
    found = sample(
        {"command": commands},
        {
            "good": Result(0, "OK\n", ""),
            "bad": Result(2, "No\n", ""),
            "absent": TwostepError("no_command", "The program 'absent' is not installed on this host.", "Install it."),
            "hanging": TwostepError("command_timeout", "'hanging' did not finish within 7 s.", "Look."),
        },
    )
    assert [(one.subject, one.finding.verdict) for one in found] == [
        ("good", "ok"),
        ("bad", "not_ok"),
        ("absent", "unknown"),
        ("hanging", "unknown"),
    ]
    assert found[1].evidence == {"rc": 2}
    assert found[3].evidence == {"error": "command_timeout"}


@pytest.mark.parametrize("settings", [{}, {"command": None}, {"command": []}])
def test_no_command_is_unknown(settings: dict) -> None:
    (found,) = sample(settings, {})
    assert (found.subject, found.finding.verdict) == ("commands", "unknown")


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(TwostepError) as caught:
        sample({"command": [{"name": "mine", "argv": []}]}, {})
    assert caught.value.code == "bad_setting"


def test_another_error_is_not_swallowed() -> None:
    with pytest.raises(TwostepError):
        sample({"command": [{"name": "mine", "argv": ["mine"]}]}, {"mine": TwostepError("other", "Other.", "Look.")})
