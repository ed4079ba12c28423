# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the whole fleet: who is asked, who is left, and what their words become. The sessions themselves are tested on a real server."""

from __future__ import annotations

import json
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from ansible.playbook.play_context import PlayContext

from ansible_collections.twostep.hotswap.plugins.action import fleet_health as action
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts, controller, sessions
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import no_session

FINE = {"answers": [{"source": "md", "subject": "md0", "verdict": "ok", "reason": "Fine."}]}
OPTIONS = {"fleet": "storage", "sources": ["md"]}


def said(answer: object, rc: int = 0, stderr: str = "") -> sessions.Reply:
    return sessions.Reply(rc, json.dumps(answer), stderr)


@pytest.fixture
def run(monkeypatch):
    asked: dict = {}

    def go(hosts: dict, replies: dict, seen: object = None, **options: object) -> dict:
        asked.update(hosts=[])

        def ask_all(targets, program, timeout_s):
            asked.update(hosts=[target.host for target in targets], question=json.loads(program.stdin), timeout_s=timeout_s)
            return {target.host: replies[target.host] for target in targets}

        monkeypatch.setattr(all_hosts.sessions, "ask_all", ask_all)
        monkeypatch.setattr(all_hosts.reach.ssh_config, "lookup", lambda _path, _host: {})
        task = MagicMock(args={**OPTIONS, **options}, async_val=0, check_mode=False, diff=False)
        task.dump_attrs = dict
        plugin = action.ActionModule(task, MagicMock(), PlayContext(), MagicMock(), MagicMock(), None)
        result = plugin.run(task_vars={"groups": {"storage": list(hosts)}, "hostvars": hosts, "seen": seen})
        return {**result, "asked": SimpleNamespace(**asked)}

    return go


def test_all_are_asked_one_question(run) -> None:
    result = run({"n1": {}, "n2": {}}, {"n1": said(FINE), "n2": said(FINE)}, settings={"etcd": {}}, host_timeout_s=7)
    assert result["results"] == [{**FINE, "item": "n1"}, {**FINE, "item": "n2"}]
    assert (result["left"], result["all_ok"], result["changed"]) == ([], True, False)
    assert result["asked"].question == {
        "sources": ["md"], "settings": {"etcd": {}}, "stall_seconds": 1.0, "timeout_s": 10.0, "sample_gap_s": 0.5,
    }  # fmt: skip
    assert result["asked"].timeout_s == 7


def test_who_cannot_be_asked_so_is_left(run) -> None:
    result = run({"n1": {}, "n2": {"ansible_connection": "local"}, "n3": {}}, {"n1": said(FINE), "n3": no_session("n3", "refused")})
    assert ([one["item"] for one in result["results"]], result["left"], result["all_ok"]) == (["n1"], ["n2", "n3"], False)
    assert result["asked"].hosts == ["n1", "n3"]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (said(FINE, rc=1, stderr="Traceback\nImportError: x\n"), "the question ended with exit status 1: ImportError: x"),
        (sessions.Reply(127, "", ""), "the question ended with exit status 127: nothing"),
        (sessions.Reply(0, "nonsense", ""), "the question ended with exit status 0: nothing"),
        (said(["x"]), "the question ended with exit status 0: nothing"),
        (TwostepError("host_late", "n1 did not answer within 7 s.", "Look."), "n1 did not answer within 7 s. Next: Look."),
        (said({"failed": True, "msg": "There is no such source."}), "There is no such source."),
    ],
)
def test_whatever_else_a_host_says_is_a_failure(run, reply: object, told: str) -> None:
    result = run({"n1": {}}, {"n1": reply})
    assert (result["results"][0]["failed"], result["results"][0]["msg"], result["all_ok"]) == (True, told, False)


def test_no_host_speaks_for_another(run) -> None:
    result = run({"n1": {}, "n2": {}}, {"n1": said({**FINE, "item": "n2"}), "n2": said({"failed": True, "msg": "It is not well."})})
    assert [one["item"] for one in result["results"]] == ["n1", "n2"]


@pytest.mark.parametrize("answers", [[], [{"verdict": "not_ok"}], [*FINE["answers"], {"verdict": "unknown"}], "ok", [5], None])
def test_only_ok_is_ok(run, answers: object) -> None:
    assert run({"n1": {}}, {"n1": said({"answers": answers})})["all_ok"] is False


BAD = {"answers": [{"source": "md", "subject": "md0", "verdict": "not_ok", "reason": "Degraded."}]}
HOSTS: dict = {"n1": {}, "n2": {}}
REPLIES = {"n1": said(FINE), "n2": said(FINE)}


def heard(*records: dict, age_s: float = 1.0) -> dict:
    return {"health": list(records), "asked_at_s": controller.boottime_s() - age_s}


def test_who_was_heard_just_now_is_not_asked_once_more(run) -> None:
    mine = {"answers": [{**FINE["answers"][0], "reason": "Heard."}], "item": "n1"}
    result = run(HOSTS, REPLIES, heard(mine), heard="seen")
    assert (result["asked"].hosts, result["results"], result["all_ok"]) == (["n2"], [mine, {**FINE, "item": "n2"}], True)
    result = run(HOSTS, {}, heard(mine, {**FINE, "item": "n2"}), heard="seen")
    assert (result["asked"].hosts, result["left"], result["all_ok"]) == ([], [], True)


@pytest.mark.parametrize(
    "seen",
    [
        heard({**FINE, "item": "n1"}, age_s=3600),
        heard({**FINE, "item": "n1"}, age_s=-3600),
        heard({**BAD, "item": "n1"}),
        heard({"failed": True, "item": "n1"}),
        heard({**FINE, "item": "n9"}),
        heard({**FINE, "item": ["n1"]}),
        heard(FINE),
        {"health": [{**FINE, "item": "n1"}]},
        {"skipped": True},
        "nonsense",
        None,
    ],
)
def test_what_is_old_not_well_or_no_answer_is_asked_anew(run, seen: object) -> None:
    assert run(HOSTS, REPLIES, seen, heard="seen")["asked"].hosts == ["n1", "n2"]


def test_nothing_is_heard_where_nobody_says_so_and_without_a_question(run) -> None:
    seen = heard({**FINE, "item": "n1"}, {**FINE, "item": "n2"})
    assert run(HOSTS, REPLIES, seen)["asked"].hosts == ["n1", "n2"]
    assert run(HOSTS, {}, seen, heard="seen", sources=[])["results"] == []


def test_no_question_and_no_fleet(run) -> None:
    assert run({"n1": {}}, {}, sources=[])["results"] == []
    assert run({}, {})["code"] == "empty_fleet"
