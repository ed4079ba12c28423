# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""etcd: what etcdctl is asked, and what becomes of a host where it is absent or hangs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_etcd
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

CAPTURED = json.loads((Path(__file__).parents[1] / "captured/health_etcd.json").read_text(encoding="utf-8"))
WORDS = {"members": "member list", "health": "endpoint health --cluster", "status": "endpoint status --cluster", "alarms": "alarm list"}


class Host:
    """A host whose etcdctl answers as captured, with an exit status that tells nothing."""

    def __init__(self, answers: dict[str, str], error: TwostepError | None = None) -> None:
        self.answers = {WORDS[field]: text for field, text in answers.items()}
        self.error = error
        self.calls: list[list[str]] = []
        self.world = World(self.run, Paths(), lambda: "", lambda _seconds: None, 10.0, 0.5)

    def run(self, argv: list[str], timeout_s: float) -> Result:
        assert timeout_s == 10.0
        self.calls.append(argv)
        if self.error:
            raise self.error
        return Result(1, next(text for words, text in self.answers.items() if " ".join(argv).endswith(words)), "Error: unhealthy cluster")


@pytest.mark.parametrize(("name", "verdict"), [("healthy", "ok"), ("learner", "ok"), ("killed", "not_ok"), ("auth", "unknown")])
def test_sample(name: str, verdict: str) -> None:
    host = Host(CAPTURED["3.5.16"][name])
    (sample,) = health_etcd.sample(Question(1.0), host.world)
    assert (sample.subject, sample.finding.verdict) == ("quorum", verdict)
    assert sorted(sample.evidence["voters"]) == ["n1", "n2", "n3"]
    assert host.calls == [["etcdctl", "--write-out=json", "--command-timeout=2500ms", *words.split()] for words in WORDS.values()]


def test_settings_become_options() -> None:
    host = Host(CAPTURED["3.4.23"]["healthy"])
    settings = {"endpoints": ["https://n1:2379", "https://n2:2379"], "cacert": "/ca", "cert": "/cert", "key": "/key"}
    health_etcd.sample(Question(1.0, {"etcd": settings}), host.world)
    assert host.calls[0][3:] == [
        "--endpoints=https://n1:2379,https://n2:2379",
        "--cacert=/ca",
        "--cert=/cert",
        "--key=/key",
        "member",
        "list",
    ]


def test_settings_that_are_not_given_become_nothing() -> None:
    host = Host(CAPTURED["3.4.23"]["healthy"])
    health_etcd.sample(Question(1.0, {"etcd": {"endpoints": [], "cacert": None, "cert": None, "key": None}}), host.world)
    assert host.calls[0][3:] == ["member", "list"]


@pytest.mark.parametrize("code", ["no_command", "command_timeout"])
def test_a_tool_that_is_absent_or_hangs_is_left_to_the_one_who_asks(code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        health_etcd.sample(Question(1.0), Host({}, TwostepError(code, "No.", "Look.")).world)
    assert caught.value.code == code
