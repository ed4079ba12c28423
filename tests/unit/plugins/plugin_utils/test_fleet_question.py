# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to many hosts: who is asked, who is left, and what their words become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import fleet_question, sessions

PROGRAM = sessions.Program(b"zip", (), b"{}")
FINE = {"answers": []}


class Options:
    def of(self, host: str) -> Any:
        return host


@pytest.fixture
def ask(monkeypatch):
    def of_host(host: str, _options: object, _lookup: object) -> Any:
        if host == "n9":
            raise TwostepError("no_session", "n9 has no ssh.", "Ask it in turn.")
        return host

    def go(replies: dict) -> tuple:
        monkeypatch.setattr(fleet_question.ssh_target, "of_host", of_host)
        monkeypatch.setattr(fleet_question.sessions, "ask_all", lambda targets, _program, _limit: {host: replies[host] for host in targets})
        return fleet_question.ask([*replies, "n9"], Options(), PROGRAM, 5.0)  # type: ignore[arg-type]

    return go


def said(answer: object, rc: int = 0, stderr: str = "") -> sessions.Reply:
    return sessions.Reply(rc, json.dumps(answer), stderr)


def test_everybody_is_asked_or_left_with_the_reason(ask) -> None:
    results, left = ask({"n1": said(FINE), "n2": TwostepError("no_session", "n2 refused.", "Look.")})
    assert results == [{**FINE, "item": "n1"}]
    assert left == {"n9": "n9 has no ssh.", "n2": "n2 refused."}


def test_no_host_speaks_for_another(ask) -> None:
    assert ask({"n1": said({**FINE, "item": "n2"})})[0] == [{**FINE, "item": "n1"}]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (said(FINE, rc=1, stderr="Traceback\nImportError: x\n"), "the question ended with exit status 1: ImportError: x"),
        (sessions.Reply(0, "nonsense", ""), "the question ended with exit status 0: nothing"),
        (sessions.Reply(0, "[" * 100_000, ""), "the question ended with exit status 0: nothing"),
        (said(["x"]), "the question ended with exit status 0: nothing"),
        (TwostepError("host_late", "n1 did not answer within 7 s.", "Look."), "n1 did not answer within 7 s. Next: Look."),
    ],
)
def test_whatever_else_a_host_says_is_a_failure(ask, reply: object, told: str) -> None:
    ((result,), _left) = ask({"n1": reply})
    assert (result["failed"], result["msg"]) == (True, told)
