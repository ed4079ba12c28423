# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceph: what its answers are taken for.

The captured ones are from a cluster of 16.2.15: monitors a, b, c; OSDs 0 and 3 on host h0, 1 on h1, 2 on h2; a manager on another host,
whose name was made h3. States of placement groups
that it did not show follow the documentation of Ceph.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_ceph
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

CAPTURED = json.loads((Path(__file__).parents[1] / "captured/health_ceph.json").read_text(encoding="utf-8"))["16.2.15"]
LOST = "If this host stalled for 1 s, {} of {} monitors would be left and {} are needed: quorum would be lost."
HERE = health_ceph.Host(True, (0, 3), ("a",))


def captured(name: str) -> health_ceph.Answer:
    return health_ceph.Answer(**CAPTURED[name])


def changed(name: str, old: str, new: str, rc: int = 0) -> health_ceph.Answer:
    before = captured(name).stdout
    assert old in before
    return health_ceph.Answer(rc, before.replace(old, new, 1))


def quorum(in_quorum: int, monitors: int) -> health_ceph.Answer:
    document = {"quorum": list(range(in_quorum)), "monmap": {"mons": [{"rank": rank, "name": f"m{rank}"} for rank in range(monitors)]}}
    return health_ceph.Answer(0, json.dumps(document))


def pgs(**states: int) -> health_ceph.Answer:
    entries = [{"name": name.replace("_and_", "+"), "num": number} for name, number in states.items()]
    return health_ceph.Answer(
        0, json.dumps({"pg_ready": True, "pg_summary": {"num_pg_by_state": entries, "num_pgs": sum(states.values())}})
    )


@pytest.mark.parametrize(
    ("nodename", "host"),
    [
        ("h0", health_ceph.Host(True, (0, 3), ("a",))),
        ("h0.example.com", health_ceph.Host(True, (0, 3), ("a",))),
        ("h2", health_ceph.Host(True, (2,), ("c",))),
        ("h3", health_ceph.Host(True)),  # a manager only
        ("h", health_ceph.Host(False)),
        ("h00", health_ceph.Host(False)),
    ],
)
def test_find_host(nodename: str, host: health_ceph.Host) -> None:
    assert health_ceph.find_host(captured("nodels"), nodename) == host


def test_names_that_differ_in_their_domain_are_all_taken() -> None:
    answer = health_ceph.Answer(0, '{"mon": {}, "osd": {"h0.a": [1], "h0.b": [0, 1], "h1": [2]}}')
    assert health_ceph.find_host(answer, "h0") == health_ceph.Host(True, (0, 1))


@pytest.mark.parametrize(
    "answer",
    [
        captured("no_conf"),
        changed("nodels", '{"mon"', '{"mon"', rc=13),
        changed("nodels", "[0,3]", '[0,"3"]'),
        changed("nodels", "[0,3]", "3"),
        changed("nodels", '["a"]', '"a"'),
        changed("nodels", '"osd":', '"osds":'),
        health_ceph.Answer(0, '{"mon": [], "osd": {}}'),
        health_ceph.Answer(0, "[]"),
        health_ceph.Answer(0, "\x00"),
    ],
)
def test_hosts_that_cannot_be_read(answer: health_ceph.Answer) -> None:
    assert health_ceph.find_host(answer, "h0") is None


@pytest.mark.parametrize(
    ("answer", "host", "verdict", "reason"),
    [
        (captured("quorum_status"), HERE, OK, "3 of 3 monitors are in quorum, and without this host 2 are left."),
        (captured("quorum_status"), None, OK, None),
        (captured("quorum_status"), health_ceph.Host(True), OK, None),
        (captured("quorum_status"), health_ceph.Host(True, (), ("a", "b")), NOT_OK, LOST.format(1, 3, 2)),
        (captured("quorum_lost_one"), HERE, NOT_OK, LOST.format(1, 3, 2)),
        (quorum(1, 1), HERE, NOT_OK, LOST.format(0, 1, 1)),
        (quorum(2, 2), HERE, NOT_OK, LOST.format(1, 2, 2)),
        (quorum(4, 5), HERE, OK, "4 of 5 monitors are in quorum, and without this host 3 are left."),
        (quorum(3, 5), HERE, NOT_OK, LOST.format(2, 5, 3)),
        (quorum(1, 3), HERE, NOT_OK, "The monitors have no quorum: 1 of 3 are in it."),
        (quorum(0, 3), HERE, UNKNOWN, "ceph quorum_status gave no answer that could be read, exit status 0."),
        (quorum(4, 3), HERE, UNKNOWN, None),
        (changed("quorum_status", '"quorum":[0,1,2]', '"quorum":["0"]'), HERE, UNKNOWN, None),
        (changed("quorum_status", '"mons":', '"others":'), HERE, UNKNOWN, None),
        (changed("quorum_status", "{", "{", rc=1), HERE, UNKNOWN, None),
        (
            captured("no_conf"),
            None,
            UNKNOWN,
            (
                "ceph quorum_status gave no answer that could be read, exit status 1: Error initializing cluster client: "
                "ObjectNotFound('RADOS object not found (error calling conf_read_file)')."
            ),
        ),
        (
            health_ceph.Answer(13, "", "Error EACCES: access denied\n\n"),
            None,
            UNKNOWN,
            "ceph quorum_status gave no answer that could be read, exit status 13: Error EACCES: access denied.",
        ),
    ],
)
def test_monitors(answer: health_ceph.Answer, host: health_ceph.Host | None, verdict: str, reason: str | None) -> None:
    finding = health_ceph.monitors(answer, host, 1.0)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


@pytest.mark.parametrize(
    ("answer", "asked", "verdict", "reason"),
    [
        (captured("stop03"), (0, 3), OK, "OSDs 0, 3 could stop together."),
        (captured("stop01"), (0, 1), NOT_OK, "If OSDs 0, 1 stalled together, placement groups would be without I/O: 2."),
        (captured("stop03_degraded"), (0, 3), NOT_OK, "If OSDs 0, 3 stalled together, placement groups would be without I/O: 6."),
        (captured("stop1_down"), (1,), OK, None),  # it serves nothing, so nothing is lost
        (captured("stop_none"), (0,), UNKNOWN, None),  # a yes about an OSD that does not exist
        (captured("stop0"), (0, 3), UNKNOWN, None),
        (changed("stop03", "{", "{", rc=16), (0, 3), UNKNOWN, "Ceph cannot tell whether OSDs 0, 3 could stop together."),
        (changed("stop03", '"num_not_ok_pgs":0', '"num_not_ok_pgs":1'), (0, 3), UNKNOWN, None),
        (changed("stop03", '"ok_to_stop":true', '"ok_to_stop":false,"unknown_pgs":["1.0"]', rc=16), (0, 3), UNKNOWN, None),
        (changed("stop03", '"ok_to_stop":true', '"ok_to_stop":"true"'), (0, 3), UNKNOWN, None),
        (changed("stop03", '"num_not_ok_pgs":0', '"num_not_ok_pgs":"0"'), (0, 3), UNKNOWN, None),
        (changed("stop03", "{", "{", rc=1), (0, 3), UNKNOWN, None),
        # before Pacific there is no JSON
        (
            health_ceph.Answer(
                16, "", "Error EBUSY: 2 PGs are already too degraded, would become too degraded or might become unavailable"
            ),
            (0, 3),
            UNKNOWN,
            (
                "ceph osd ok-to-stop gave no answer that could be read, exit status 16: Error EBUSY: 2 PGs are already too degraded, would "
                "become too degraded or might become unavailable."
            ),
        ),
        (health_ceph.Answer(0, "", "OSD(s) 0 are ok to stop without reducing availability"), (0,), UNKNOWN, None),
    ],
)
def test_osds(answer: health_ceph.Answer, asked: tuple[int, ...], verdict: str, reason: str | None) -> None:
    finding = health_ceph.osds(answer, asked)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (captured("pg_ok"), OK, "All 9 placement groups are active+clean."),
        (
            captured("pg_degraded"),
            NOT_OK,
            "Placement groups that are stale+active+clean: 2. Placement groups that are active+undersized+degraded: 6.",
        ),
        (captured("pg_all_stale"), NOT_OK, None),
        (captured("pg_some_stale"), NOT_OK, None),
        (pgs(active_and_clean=7, active_and_clean_and_scrubbing=1, active_and_clean_and_scrubbing_and_deep=1), OK, None),
        (pgs(active_and_clean_and_snaptrim=7, active_and_clean_and_snaptrim_wait=1), OK, None),
        (pgs(active_and_clean=7, active_and_clean_and_snaptrim_error=1), NOT_OK, None),
        (pgs(active_and_clean_and_scrubbing_and_deep_and_repair=1), NOT_OK, None),
        (pgs(active_and_clean_and_inconsistent=1), NOT_OK, None),
        (pgs(active_and_clean_and_laggy=1), NOT_OK, None),
        (pgs(active_and_clean_and_wait=1), NOT_OK, None),
        (pgs(active_and_remapped_and_backfilling=1), NOT_OK, None),
        (pgs(active_and_recovery_wait_and_degraded=1), NOT_OK, None),
        (pgs(active=1), NOT_OK, "Placement groups that are active: 1."),
        (pgs(clean=1), NOT_OK, None),
        (pgs(peering=1, unknown=1), NOT_OK, None),
        (pgs(), UNKNOWN, "The manager does not tell the state of every placement group."),
        (changed("pg_ok", '"num_pgs":9', '"num_pgs":10'), UNKNOWN, "The manager does not tell the state of every placement group."),
        (changed("pg_ok", '"pg_ready":true', '"pg_ready":false'), UNKNOWN, "The manager does not know all placement groups yet."),
        (changed("pg_ok", '"num":9', '"num":"9"'), UNKNOWN, "ceph pg stat gave no answer that could be read, exit status 0."),
        (changed("pg_ok", '"num_pg_by_state"', '"states"'), UNKNOWN, None),
        (changed("pg_ok", "{", "{", rc=1), UNKNOWN, None),
        (health_ceph.Answer(0, "9 pgs: 9 active+clean; 0 B data"), UNKNOWN, None),
        (health_ceph.Answer(0, "[]"), UNKNOWN, None),
    ],
)
def test_placement_groups(answer: health_ceph.Answer, verdict: str, reason: str | None) -> None:
    finding = health_ceph.placement_groups(answer)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


def test_a_host_that_ceph_does_not_know() -> None:
    assert health_ceph.nobody("h9").reason == (
        "Ceph knows no daemon on a host named h9. Take ceph out of twostep_health_sources if it is not meant to have one."
    )


def test_evidence() -> None:
    assert health_ceph.evidence_monitors(captured("quorum_lost_one")) == {"rc": 0, "in_quorum": ["a", "b"], "monitors": 3}
    assert health_ceph.evidence_monitors(captured("no_conf")) == {"rc": 1, "in_quorum": None, "monitors": None}
    assert health_ceph.evidence_osds(captured("stop01"), (0, 1)) == {"rc": 16, "osds": [0, 1], "not_ok_pgs": 2}
    assert health_ceph.evidence_placement_groups(captured("pg_ok")) == {"rc": 0, "states": {"active+clean": 9}}
