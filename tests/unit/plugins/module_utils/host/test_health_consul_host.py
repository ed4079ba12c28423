# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consul: what is asked, and with which token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_consul
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

CAPTURED = json.loads((Path(__file__).parents[1] / "captured/health_consul.json").read_text(encoding="utf-8"))["1.8.7"]
HEALTH = "/v1/operator/autopilot/health"


def world(root: str = "") -> World:
    def no_run(*_argv: object, **_options: object) -> None:
        raise AssertionError("no command is needed")

    return World(no_run, Paths(root), lambda: "", lambda _seconds: None, 7.0, 0.5)


class Consul:
    """Answers as captured, or not at all; records what was asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[tuple] = []

    def fetch(self, *question: object) -> tuple[int, str]:
        self.asked.append(question)
        if isinstance(self.answer, TwostepError):
            raise self.answer
        return CAPTURED[self.answer]["status"], CAPTURED[self.answer]["body"]


@pytest.mark.parametrize(("name", "verdict"), [("three", "ok"), ("killed", "not_ok"), ("killed_later", "not_ok"), ("denied", "unknown")])
def test_sample(name: str, verdict: str) -> None:
    consul = Consul(name)
    (sample,) = health_consul.sample(Question(1.0), world(), consul.fetch)
    assert (sample.subject, sample.finding.verdict, sample.evidence["status"]) == ("quorum", verdict, CAPTURED[name]["status"])
    assert consul.asked == [("http://127.0.0.1:8500" + HEALTH, {}, 7.0, None)]


def test_settings(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("6f4d\n", encoding="utf-8")
    consul = Consul("three")
    settings = {"address": "https://consul.example:8501/", "token_file": "/token", "cacert": "/ca.pem"}
    health_consul.sample(Question(1.0, {"consul": settings}), world(str(tmp_path)), consul.fetch)
    assert consul.asked == [("https://consul.example:8501" + HEALTH, {"X-Consul-Token": "6f4d"}, 7.0, "/ca.pem")]


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_without_its_token_nothing_is_asked(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "token").write_text(text, encoding="utf-8")
    consul = Consul("three")
    with pytest.raises(TwostepError) as caught:
        health_consul.sample(Question(1.0, {"consul": {"token_file": "/token"}}), world(str(tmp_path)), consul.fetch)
    assert (caught.value.code, caught.value.message) == ("unreadable_answer", f"There is no token in {tmp_path}/token.")
    assert consul.asked == []


@pytest.mark.parametrize("code", ["unreadable_answer", "command_timeout"])
def test_no_answer_is_left_to_the_one_who_asks(code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        health_consul.sample(Question(1.0), world(), Consul(TwostepError(code, "No.", "Look.")).fetch)
    assert caught.value.code == code
