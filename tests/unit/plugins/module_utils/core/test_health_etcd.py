# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""etcd: what the four answers of etcdctl are taken for. The captured ones are from clusters of 3.4.23 and 3.5.16."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_etcd
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

CAPTURED = json.loads((Path(__file__).parents[1] / "captured/health_etcd.json").read_text(encoding="utf-8"))
LOST = "If this host stalled for 1 s, {} healthy voters would be left and {} are needed: quorum would be lost."


def captured(version: str, name: str) -> health_etcd.Snapshot:
    return health_etcd.Snapshot(**CAPTURED[version][name])


def made(voters: int, **changed: str) -> health_etcd.Snapshot:
    """Return a healthy cluster in the form of 3.6, after its source: a status has more fields there, nothing else differs."""
    names = range(1, voters + 1)
    header = {"cluster_id": 2**64 - 1, "member_id": 2**64 - 2, "raft_term": 2}
    member = [{"ID": 2**63 + n, "name": f"n{n}", "peerURLs": [f"http://n{n}:2380"], "clientURLs": [f"http://n{n}:2379"]} for n in names]
    health = [{"endpoint": f"http://n{n}:2379", "health": True, "took": "2ms"} for n in names]
    status = [
        {
            "Endpoint": f"http://n{n}:2379",
            "Status": {
                "header": {**header, "member_id": 2**63 + n},
                "version": "3.6.4",
                "leader": 2**63 + 1,
                "storageVersion": "3.6.0",
                "dbSizeQuota": 2147483648,
                "downgradeInfo": {},
            },
        }
        for n in names
    ]
    whole = health_etcd.Snapshot(
        json.dumps({"header": header, "members": member}), json.dumps(health), json.dumps(status), json.dumps({"header": header})
    )
    return replace(whole, **changed)


THREE = made(3)
WELL = "All 3 voters are healthy. All follow {}. No alarm is set. Without one of them 2 are left and 2 are needed."


@pytest.mark.parametrize(
    ("version", "name", "verdict", "reason"),
    [
        ("3.4.23", "healthy", OK, WELL.format("n2")),
        ("3.5.16", "healthy", OK, WELL.format("n1")),
        # a learner is called unhealthy, and before it has started it has no name and no address
        ("3.4.23", "learner", OK, WELL.format("n2")),
        ("3.5.16", "learner", OK, WELL.format("n1")),
        ("3.4.23", "learner_absent", OK, WELL.format("n2")),
        ("3.5.16", "learner_absent", OK, WELL.format("n1")),
        ("3.4.23", "killed", NOT_OK, "n3 is not healthy: context deadline exceeded. " + LOST.format(1, 2)),
        ("3.5.16", "killed", NOT_OK, "n3 is not healthy: context deadline exceeded. " + LOST.format(1, 2)),
        ("3.4.23", "alarm", NOT_OK, None),  # each member is called healthy
        ("3.5.16", "alarm", NOT_OK, None),
        ("3.4.23", "no_quorum", NOT_OK, None),
        ("3.5.16", "no_quorum", UNKNOWN, "The answer of etcdctl member list could not be read."),
        ("3.4.23", "all_down", UNKNOWN, "The answer of etcdctl member list could not be read."),
        (
            "3.5.16",
            "auth",
            UNKNOWN,
            " ".join(f"n{n} refuses the question: etcdserver: user name is empty." for n in (2, 1, 3)),
        ),
    ],
)
def test_captured(version: str, name: str, verdict: str, reason: str | None) -> None:
    finding = health_etcd.judge(captured(version, name), 1.0)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


@pytest.mark.parametrize("version", ["3.4.23", "3.5.16"])
def test_an_alarm_is_named(version: str) -> None:
    assert "There is an alarm: NOSPACE." in health_etcd.judge(captured(version, "alarm"), 1.0).reason


def test_no_leader_is_named() -> None:
    assert "A voter knows no leader." in health_etcd.judge(captured("3.4.23", "no_quorum"), 1.0).reason


@pytest.mark.parametrize(
    ("voters", "verdict", "reason"),
    [(1, NOT_OK, LOST.format(0, 1)), (2, NOT_OK, LOST.format(1, 2)), (3, OK, None), (4, OK, None), (5, OK, None)],
)
def test_the_number_of_voters_decides(voters: int, verdict: str, reason: str | None) -> None:
    finding = health_etcd.judge(made(voters), 1.0)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


def test_one_of_five_voters_down_is_not_healthy_though_quorum_would_stay() -> None:
    five = made(5)
    finding = health_etcd.judge(replace(five, health=five.health.replace("true", "false", 1)), 1.0)
    assert (finding.verdict, finding.reason) == (NOT_OK, "n1 is not healthy: no reason was given.")


@pytest.mark.parametrize(
    ("field", "old", "new", "verdict", "reason"),
    [
        ("members", '"name": "n3", ', "", OK, None),
        ("members", ', "clientURLs": ["http://n3:2379"]', "", NOT_OK, "n3 has a vote and has not started. " + LOST.format(1, 2)),
        ("members", "http://n3:2379", "http://n3.example:2379", UNKNOWN, "etcdctl does not tell whether n3 is healthy. n3 does not tell "),
        (
            "members",
            '"ID": 9223372036854775809',
            '"ID": "8000000000000001"',
            UNKNOWN,
            "The answer of etcdctl member list could not be read",
        ),
        ("members", '"clientURLs": ["', '"clientURLs": [3, "', UNKNOWN, "The answer of etcdctl member list could not be read."),
        ("members", '"members": [', '"members": ["n4", ', UNKNOWN, "The answer of etcdctl member list could not be read."),
        ("members", '"name": "n1"', '"name": "n1", "isLearner": "no"', UNKNOWN, "The answer of etcdctl member list could not be read."),
        ("health", "[{", '[{"endpoint": "http://n1:2379", "health": false, "error": "x."}, {', NOT_OK, "n1 is not healthy: x. "),
        ("health", "true", '"true"', UNKNOWN, "The answer of etcdctl endpoint health could not be read."),
        ("health", "[", '["garbage", ', UNKNOWN, "The answer of etcdctl endpoint health could not be read."),
        ("health", "[", "", UNKNOWN, "The answer of etcdctl endpoint health could not be read."),
        # all members give the address of the local host, and the one there speaks for all
        (
            "status",
            '"member_id": 9223372036854775810',
            '"member_id": 9223372036854775809',
            UNKNOWN,
            "Another member answers at an address ",
        ),
        ("status", '"Endpoint": "http://n2', '"Endpoint": "http://n9', UNKNOWN, "n2 does not tell its status."),
        ("status", '"leader": 9223372036854775809', '"leader": 9223372036854775810', NOT_OK, "The voters do not agree on a leader."),
        ("status", '"leader": 9223372036854775809, ', "", NOT_OK, "A voter knows no leader."),
        ("status", '"leader": 9223372036854775809', '"leader": 9223372036854775809, "errors": ["x"]', NOT_OK, "n1 reports: x. "),
        ("status", '"leader": 9223372036854775809', '"leader": 9223372036854775809, "errors": "x"', UNKNOWN, None),
        ("status", "[", "", UNKNOWN, None),
        ("alarms", "}}", '}, "alarms": [{"memberID": 1, "alarm": 2}]}', NOT_OK, "There is an alarm: CORRUPT."),
        ("alarms", "}}", '}, "alarms": [{"memberID": 1, "alarm": 3}]}', NOT_OK, "There is an alarm: of another kind."),
        ("alarms", "}}", '}, "alarms": [{"memberID": "1", "alarm": "NOSPACE"}]}', NOT_OK, "There is an alarm: of another kind."),
        ("alarms", "}}", '}, "alarms": {}}', UNKNOWN, "The answer of etcdctl alarm list could not be read."),
        ("alarms", "{", "", UNKNOWN, "The answer of etcdctl alarm list could not be read."),
        ("alarms", "{", "[{", UNKNOWN, "The answer of etcdctl alarm list could not be read."),
    ],
)
def test_one_thing_is_different(field: str, old: str, new: str, verdict: str, reason: str | None) -> None:
    before = getattr(THREE, field)
    after = before.replace(old, new, 1)
    assert after != before
    finding = health_etcd.judge(replace(THREE, **{field: after}), 1.0)
    assert finding.verdict == verdict
    assert reason is None or finding.reason.startswith(reason)


def test_all_follow_a_leader_that_is_no_voter() -> None:
    finding = health_etcd.judge(replace(THREE, status=THREE.status.replace('"leader": 9223372036854775809', '"leader": 7')), 1.0)
    assert (finding.verdict, finding.reason) == (UNKNOWN, "The leader is none of the voters.")


@pytest.mark.parametrize("garbage", ["", "\x00", "null", "[]", "{}", "3", "http://n1:2379 is healthy: successfully committed proposal"])
def test_garbage_everywhere_is_unknown(garbage: str) -> None:
    assert health_etcd.judge(health_etcd.Snapshot(garbage, garbage, garbage, garbage), 1.0).verdict == UNKNOWN


def test_evidence() -> None:
    assert health_etcd.evidence(captured("3.4.23", "learner")) == {
        "voters": ["n1", "n3", "n2"],
        "learners": ["n4"],
        "unhealthy": ["http://127.0.0.1:23104"],
    }
    assert health_etcd.evidence(health_etcd.Snapshot("", "", "", "")) == {"voters": [], "learners": [], "unhealthy": []}
