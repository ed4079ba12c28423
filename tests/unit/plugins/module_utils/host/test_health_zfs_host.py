# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking zpool: which pools are waited for and how long, and what its ways to fail are taken for.

The texts follow cmd/zpool/zpool_main.c of OpenZFS 2.1.11.
"""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_zfs
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import UNANSWERED, Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

LIST = ["zpool", "list", "-H", "-o", "name,health"]
WAIT = ["zpool", "wait", "-t", "resilver,replace,remove"]
QUIET = Result(0, "", "")
HUNG = TwostepError("command_timeout", "'zpool' did not finish.", "Look.")
ABSENT = TwostepError("no_command", "The program 'zpool' is not installed on this host.", "Install it.")
OLD = Result(2, "", "unrecognized command 'wait'\nusage: zpool command args ...\n")
NO_MODULE = Result(1, "", "The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.\n")
NOT_ROOT = Result(1, "", "Permission denied the ZFS utilities must be run as root.\n")


class Host:
    def __init__(self, *answers: Result | TwostepError, timeout_s: float = 7.0) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[list[str], float]] = []
        self.world = World(self.run, Paths("/nowhere"), lambda: "", lambda seconds: None, timeout_s, 0.0)

    def run(self, argv: list[str], timeout_s: float) -> Result:
        self.calls.append((argv, timeout_s))
        answer = self.answers.pop(0)
        if isinstance(answer, TwostepError):
            raise answer
        return answer

    def look(self) -> list:
        return health_zfs.sample(Question(1.0), self.world)


@pytest.mark.parametrize(
    ("answers", "subject", "verdict", "reason"),
    [
        ([Result(0, "tank\tONLINE\n", ""), QUIET], "tank", "ok", None),
        ([Result(0, "tank\tONLINE\n", ""), HUNG], "tank", "not_ok", None),
        ([Result(0, "tank\tONLINE\n", ""), OLD], "tank", "unknown", None),
        ([Result(0, "tank\tONLINE\n", ""), Result(1, "", "cannot open 'tank': no such pool\n")], "tank", "unknown", None),
        ([Result(0, "tank\tDEGRADED\n", "")], "tank", "not_ok", "tank is DEGRADED."),
        ([Result(0, "tank\tSUSPENDED\n", "")], "tank", "not_ok", "tank is SUSPENDED."),
        ([Result(0, "my pool\tONLINE\n", "")], "my pool", "unknown", None),
        ([Result(0, "my pool\tFAULTED\n", "")], "my pool", "not_ok", None),
        (
            [Result(0, "", "")],
            "pools",
            "unknown",
            "This host has no ZFS pool. Take zfs out of twostep_health_sources if it is not meant to have one.",
        ),
        ([Result(0, "", "no pools available\n")], "pools", "unknown", None),
        ([NO_MODULE], "pools", "unknown", "zpool list ended with exit status 1, so what it printed may lack pools."),
        ([NOT_ROOT], "pools", "unknown", None),
        ([Result(1, "tank\tONLINE\n", "cannot open 'data': out of memory\n")], "pools", "unknown", None),
    ],
)
def test_sample(answers: list, subject: str, verdict: str, reason: str | None) -> None:
    host = Host(*answers)
    (sample,) = host.look()
    assert (sample.subject, sample.finding.verdict) == (subject, verdict)
    assert reason is None or sample.finding.reason == reason
    assert host.answers == []


def test_each_pool_that_is_online_is_waited_for_shortly() -> None:
    host = Host(Result(0, "rpool\tONLINE\nbad\tUNAVAIL\ntank\tONLINE\n", ""), QUIET, HUNG)
    assert [(sample.subject, sample.finding.verdict) for sample in host.look()] == [("rpool", "ok"), ("bad", "not_ok"), ("tank", "not_ok")]
    assert host.calls == [(LIST, 7.0), ([*WAIT, "rpool"], 2.0), ([*WAIT, "tank"], 2.0)]


def test_a_shorter_timeout_holds_for_the_wait_too() -> None:
    host = Host(Result(0, "tank\tONLINE\n", ""), HUNG, timeout_s=0.5)
    (sample,) = host.look()
    assert sample.finding.reason == "tank is being resilvered or replaced: zpool wait did not end within 0.5 s."
    assert sample.evidence == {"health": "ONLINE", "wait_rc": None}
    assert host.calls[1] == ([*WAIT, "tank"], 0.5)


def test_what_zpool_complains_of_is_in_the_evidence() -> None:
    assert Host(NOT_ROOT).look()[0].evidence == {"rc": 1, "stderr": "Permission denied the ZFS utilities must be run as root."}


@pytest.mark.parametrize(
    "answers",
    [[ABSENT], [HUNG], [Result(0, "tank\tONLINE\n", ""), ABSENT], [Result(0, "\x00nonsense", "")], [Result(0, "NAME HEALTH\n", "")]],
)
def test_a_zpool_that_does_not_answer_is_passed_on(answers: list) -> None:
    with pytest.raises(TwostepError) as caught:
        Host(*answers).look()
    assert caught.value.code in UNANSWERED
