# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a host: samples, timeouts and trees, all injected."""

from __future__ import annotations

import ast
import importlib
import os
import pathlib
import shutil

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

QUORATE = """\
Quorum information
------------------
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   3
Total votes:      3
Quorum:           2
Flags:            Quorate

Membership information
----------------------
    Nodeid      Votes Name
         1          1 n1 (local)
         2          1 n2
         3          1 n3
"""


class Host:
    """A host whose commands answer from a list and whose clock never moves; records what was asked."""

    def __init__(self, root: str, answers: list) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[list[str], float]] = []
        self.slept: list[float] = []
        self.on_sleep = lambda: None
        self.world = World(
            run=self.run, paths=Paths(root), now=lambda: "2026-01-01T00:00:00Z", sleep=self.sleep, timeout_s=7.0, sample_gap_s=0.25
        )

    def run(self, argv: list[str], timeout_s: float) -> Result:
        self.calls.append((argv, timeout_s))
        answer = self.answers.pop(0)
        if isinstance(answer, TwostepError):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on_sleep()


def put(root: str, files: dict[str, str]) -> None:
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as stream:
            stream.write(text)


def raid1(name: str, **changed: str) -> dict[str, str]:
    files = {
        "level": "raid1",
        "array_state": "clean",
        "degraded": "0",
        "raid_disks": "2",
        "sync_action": "idle",
        "rd0/state": "in_sync",
        "rd1/state": "in_sync",
        **changed,
    }
    return {f"sys/block/{name}/md/{key}": value + "\n" for key, value in files.items()}


def test_corosync_is_sampled_twice_before_a_yes(tmp_path) -> None:
    host = Host(str(tmp_path), [Result(0, QUORATE, ""), Result(0, QUORATE, "")])
    (answer,) = health.ask(["corosync"], Question(1.0), host.world)
    assert (answer.source, answer.subject, answer.verdict, answer.sampled_at) == ("corosync", "quorum", "ok", "2026-01-01T00:00:00Z")
    assert host.calls == [(["corosync-quorumtool", "-s"], 7.0)] * 2
    assert host.slept == [0.25]


def test_a_no_of_the_second_sample_counts(tmp_path) -> None:
    host = Host(str(tmp_path), [Result(0, QUORATE, ""), Result(2, "", "")])
    (answer,) = health.ask(["corosync"], Question(1.0), host.world)
    assert (answer.verdict, answer.reason) == ("not_ok", "The cluster is not quorate.")


def test_a_no_is_believed_at_once(tmp_path) -> None:
    host = Host(str(tmp_path), [Result(2, "", "")])
    (answer,) = health.ask(["corosync"], Question(1.0), host.world)
    assert answer.verdict == "not_ok"
    assert host.slept == []


@pytest.mark.parametrize(
    "error",
    [
        TwostepError("no_command", "The program 'corosync-quorumtool' is not installed on this host.", "Install it."),
        TwostepError("command_timeout", "'corosync-quorumtool -s' did not finish within 7 s.", "Look."),
    ],
)
def test_a_tool_that_is_absent_or_hangs_is_unknown(tmp_path, error: TwostepError) -> None:
    host = Host(str(tmp_path), [error])
    (answer,) = health.ask(["corosync"], Question(1.0), host.world)
    assert (answer.verdict, answer.reason, answer.evidence) == ("unknown", error.message, {"error": error.code})


def test_a_tool_that_talks_nonsense_is_unknown(tmp_path) -> None:
    host = Host(str(tmp_path), [Result(0, "\x00\xffnonsense", "")])
    (answer,) = health.ask(["corosync"], Question(1.0), host.world)
    assert (answer.verdict, answer.reason) == ("unknown", "The answer of corosync-quorumtool could not be read.")


def test_another_error_of_the_runner_is_not_swallowed(tmp_path) -> None:
    host = Host(str(tmp_path), [TwostepError("other", "Other.", "Look.")])
    with pytest.raises(TwostepError) as caught:
        health.ask(["corosync"], Question(1.0), host.world)
    assert caught.value.code == "other"


def test_every_array_answers_for_itself(tmp_path) -> None:
    put(str(tmp_path), {**raid1("md0"), **raid1("md127", degraded="1"), "sys/block/vda/size": "1"})
    host = Host(str(tmp_path), [])
    answers = health.ask(["md"], Question(1.0), host.world)
    assert [(answer.subject, answer.verdict) for answer in answers] == [("md0", "ok"), ("md127", "not_ok")]
    assert host.slept == [0.25]


def test_an_array_that_degrades_between_the_samples_is_not_ok(tmp_path) -> None:
    put(str(tmp_path), raid1("md0"))
    host = Host(str(tmp_path), [])
    host.on_sleep = lambda: put(str(tmp_path), raid1("md0", degraded="1"))
    (answer,) = health.ask(["md"], Question(1.0), host.world)
    assert (answer.verdict, answer.reason) == ("not_ok", "md0 is degraded: 1 of 2 members are missing.")


def test_a_source_that_does_not_exist_is_refused(tmp_path) -> None:
    with pytest.raises(TwostepError) as caught:
        health.ask(["nagios"], Question(1.0), Host(str(tmp_path), []).world)
    assert caught.value.code == "bad_source"
    assert str(caught.value) == f"There is no health source 'nagios'. Next: Use one of: {', '.join(health.SOURCES)}."


def test_all_sources_wait_once_for_their_second_look(tmp_path) -> None:
    put(str(tmp_path), {**raid1("md0"), **raid1("md1")})
    host = Host(str(tmp_path), [Result(0, QUORATE, "")] * 2)
    answers = health.ask(["corosync", "md"], Question(1.0), host.world)
    assert [answer.verdict for answer in answers] == ["ok", "ok", "ok"]
    assert host.slept == [0.25]


def test_a_subject_that_is_there_at_one_look_only_is_unknown(tmp_path) -> None:
    put(str(tmp_path), {**raid1("md0"), **raid1("md1")})
    host = Host(str(tmp_path), [])

    def change() -> None:
        shutil.rmtree(tmp_path / "sys/block/md0")
        put(str(tmp_path), {**raid1("md2"), **raid1("md3", degraded="1")})

    host.on_sleep = change
    answers = {answer.subject: answer for answer in health.ask(["md"], Question(1.0), host.world)}
    assert {name: answer.verdict for name, answer in answers.items()} == {"md0": "unknown", "md1": "ok", "md2": "unknown", "md3": "not_ok"}
    assert answers["md0"].reason == "md0 was gone at the second look, so what it says of itself cannot be relied on."
    assert answers["md2"].reason == "md2 was new at the second look, so what it says of itself cannot be relied on."


@pytest.mark.parametrize("source", health.SOURCES)
def test_every_source_is_shipped_and_names_what_it_speaks_of(source: str) -> None:
    """Ansible ships what import statements name, so each source is named in one, though it is loaded by its name."""
    shipped = {name for node in ast.walk(ast.parse(pathlib.Path(health.__file__).read_text())) if isinstance(node, ast.ImportFrom)
               for name in (alias.name for alias in node.names)}  # fmt: skip
    assert f"health_{source}" in shipped
    asked = importlib.import_module(f"{health.__package__}.health_{source}")
    assert asked.SUBJECT
    assert callable(asked.sample)
