# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module speaks: options in, answers out, a refusal as one failure."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import OK, Answer
from ansible_collections.twostep.hotswap.plugins.modules import health_info


class ExitedError(Exception):
    """Carries what the module said when it ended."""


@pytest.fixture
def call(monkeypatch):
    """Return a function that runs the module with options and returns what it said."""

    def end(_module, **said):
        raise ExitedError(said)

    def run(options: dict) -> dict:
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", end)
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", end)
        with pytest.raises(ExitedError) as caught:
            health_info.main()
        return caught.value.args[0]

    return run


def test_answers_are_returned_and_nothing_is_changed(call, monkeypatch) -> None:
    asked = []

    def ask(sources, question, world):
        asked.append((sources, question.stall_seconds, world.timeout_s, world.sample_gap_s))
        return [Answer("md", "md0", OK, "Fine.", world.now(), {})]

    monkeypatch.setattr(health_info.health, "ask", ask)
    said = call({"sources": ["md"], "stall_seconds": 2.5, "timeout_s": 3, "sample_gap_s": 0})
    assert asked == [(["md"], 2.5, 3.0, 0.0)]
    assert said["changed"] is False
    assert [(answer["source"], answer["verdict"]) for answer in said["answers"]] == [("md", "ok")]


def test_defaults(call, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(health_info.health, "ask", lambda *arguments: asked.append(arguments) or [])
    call({})
    ((sources, question, world),) = asked
    assert not any(question.settings.values())
    assert (sources, question.stall_seconds, world.timeout_s, world.sample_gap_s) == (["corosync", "md"], 1.0, 10.0, 0.5)


def test_a_refusal_is_one_failure(call, monkeypatch) -> None:
    def ask(*_arguments):
        raise TwostepError("bad_source", "There is no such source.", "Use another one.")

    monkeypatch.setattr(health_info.health, "ask", ask)
    assert call({}) == {"msg": "There is no such source. Next: Use another one.", "code": "bad_source"}


def test_a_source_that_is_not_offered_is_refused_by_its_spec(call) -> None:
    assert "Got no match for: nagios" in call({"sources": ["nagios"]})["msg"]


def test_all_sources_are_offered() -> None:
    offered = yaml.safe_load(health_info.DOCUMENTATION)["options"]["sources"]["choices"]
    assert offered == list(health_info.health.SOURCES)


def test_the_stamp_is_the_one_that_the_gate_reads() -> None:
    assert len(health_info.utc_now()) == len("2026-01-01T00:00:00Z")
    assert health_info.utc_now().endswith("Z")
