# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceph: what is asked in which order, and who is not asked when another one is silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_ceph
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

CAPTURED = json.loads((Path(__file__).parents[1] / "captured/health_ceph.json").read_text(encoding="utf-8"))["16.2.15"]
SILENT = TwostepError("command_timeout", "'ceph pg stat -f json' did not finish within 7 s.", "Look.")
ABSENT = TwostepError("no_command", "The program 'ceph' is not installed on this host.", "Install it.")
HEALTHY = {"quorum_status": "quorum_status", "node ls": "nodels", "osd ok-to-stop 0 3": "stop03", "pg stat": "pg_ok"}


class Cluster:
    """Answers each command as captured under a name, or raises; records what was asked."""

    def __init__(self, **changed: object) -> None:
        self.answers = {**HEALTHY, **{words.replace("_", " ") if words != "quorum_status" else words: to for words, to in changed.items()}}
        self.asked: list[str] = []
        self.world = World(self.run, Paths(), lambda: "", lambda _seconds: None, 7.0, 0.5)

    def run(self, argv: list[str], timeout_s: float) -> Result:
        assert (argv[0], argv[-2:], timeout_s) == ("ceph", ["-f", "json"], 7.0)
        words = " ".join(argv[1:-2])
        self.asked.append(words)
        answer = self.answers[words]
        if isinstance(answer, TwostepError):
            raise answer
        return Result(**CAPTURED[answer])

    def verdicts(self, nodename: str = "h0") -> dict[str, str]:
        return {sample.subject: sample.finding.verdict for sample in health_ceph.sample(Question(1.0), self.world, lambda: nodename)}


@pytest.mark.parametrize(
    ("changed", "verdicts"),
    [
        ({}, ("ok", "ok", "ok")),
        ({"quorum_status": "quorum_lost_one"}, ("not_ok", "ok", "ok")),
        ({"quorum_status": "no_conf"}, ("unknown", "ok", "ok")),
        ({"pg_stat": "pg_degraded"}, ("ok", "ok", "not_ok")),
        ({"pg_stat": SILENT}, ("ok", "ok", "unknown")),
        ({"node_ls": "no_conf"}, ("ok", "unknown", "ok")),
    ],
)
def test_sample(changed: dict[str, object], verdicts: tuple[str, ...]) -> None:
    assert tuple(Cluster(**changed).verdicts().values()) == verdicts


def test_all_osds_of_the_host_are_asked_about_together() -> None:
    cluster = Cluster()
    assert list(cluster.verdicts("h0.example.com")) == ["monitors", "osds", "placement_groups"]
    assert cluster.asked == ["quorum_status", "node ls", "osd ok-to-stop 0 3", "pg stat"]
    cluster.answers["osd ok-to-stop 0 3"] = "stop03_degraded"
    assert cluster.verdicts()["osds"] == "not_ok"


def test_a_host_without_osds_is_asked_about_none() -> None:
    cluster = Cluster()
    assert cluster.verdicts("h3") == {"monitors": "ok", "osds": "ok", "placement_groups": "ok"}
    assert cluster.asked == ["quorum_status", "node ls", "pg stat"]


def test_a_host_that_ceph_does_not_know_is_unknown() -> None:
    assert Cluster().verdicts("h9") == {"monitors": "ok", "osds": "unknown", "placement_groups": "ok"}


def test_a_silent_manager_is_named() -> None:
    samples = health_ceph.sample(Question(1.0), Cluster(pg_stat=SILENT).world, lambda: "h0")
    assert (samples[2].finding.reason, samples[2].evidence) == (SILENT.message, {"error": "command_timeout"})


@pytest.mark.parametrize("error", [SILENT, ABSENT])
def test_monitors_that_do_not_answer_end_it(error: TwostepError) -> None:
    cluster = Cluster(quorum_status=error)
    with pytest.raises(TwostepError) as caught:
        cluster.verdicts()
    assert caught.value is error
    assert cluster.asked == ["quorum_status"]


def test_another_error_is_not_swallowed() -> None:
    with pytest.raises(TwostepError) as caught:
        Cluster(pg_stat=TwostepError("other", "Other.", "Look.")).verdicts()
    assert caught.value.code == "other"


def test_this_host_has_a_name() -> None:
    assert health_ceph._nodename()
