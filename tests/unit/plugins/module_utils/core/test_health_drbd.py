# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""drbdsetup of DRBD 9: which resources count as healthy, and which would stay so without this host.

The documents have the form of user/v9/drbdsetup.c of drbd-utils 9.22, which Debian 12 and 13 have; an older and a newer one are tried, too.
"""

from __future__ import annotations

import json

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_drbd
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health_drbd import Policy

OFF, MAJORITY = Policy("off", "off"), Policy("majority", "off")
STALL = "If this host stalled for 1.5 s, "


def peer(name: str, disk: str = "UpToDate", **changed: object) -> dict:
    part = {
        "volume": 0,
        "replication-state": "Established",
        "peer-disk-state": disk,
        "peer-client": disk == "Diskless",
        "resync-suspended": "no",
        "received": 0,
        "sent": 534390,
        "out-of-sync": 0,
        "pending": 0,
        "unacked": 0,
        "has-sync-details": False,
        "has-online-verify-details": False,
        "percent-in-sync": 100.0,
        **changed,
    }
    return {
        "peer-node-id": 1,
        "name": name,
        "connection-state": "Connected",
        "congested": False,
        "peer-role": "Secondary",
        "ap-in-flight": 0,
        "rs-in-flight": 0,
        "peer_devices": [part],
    }


def resource(*peers: dict, **changed: object) -> dict:
    return {
        "name": "r0",
        "node-id": 0,
        "role": "Primary",
        "suspended": False,
        "suspended-user": False,
        "suspended-no-data": False,
        "suspended-fencing": False,
        "suspended-quorum": False,
        "force-io-failures": False,
        "write-ordering": "flush",
        "devices": [device()],
        "connections": list(peers),
        **changed,
    }


def device(**changed: object) -> dict:
    return {"volume": 0, "minor": 1000, "disk-state": "UpToDate", "client": False, "quorum": True, "size": 409600, **changed}


def judge(said: dict, policy: Policy | None = OFF):
    (found,) = health_drbd.parse(json.dumps([said]))
    return health_drbd.judge(found, policy, 1.5)


PAIR = resource(peer("n2"))
TRIO = resource(peer("n2"), peer("n3"))
WITNESSED = resource(peer("n2"), peer("n3", "Diskless"))
CLIENT = resource(peer("n2"), devices=[device(**{"disk-state": "Diskless", "client": True})])
# As of 2019, in ClusterLabs/ha_cluster_exporter#25: one word for all that suspends.
OLD = {key: value for key, value in PAIR.items() if not key.startswith(("suspended-", "force"))}
NEW = resource(
    {**peer("n2"), "tls": False, "paths": [{"this_host": {}, "remote_host": {}, "established": True}]}, devices=[device(open=True)]
)
FINE = (
    "r0 is not suspended. r0 is connected to 1 peers. All disks of r0 are UpToDate and in sync. r0 has quorum. "
    "Without this host a whole copy of r0 is left. Without this host the votes that r0 asks for are left."
)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (PAIR, FINE),
        (OLD, FINE),
        (NEW, FINE),
        (CLIENT, FINE),
        (TRIO, FINE.replace("1 peers", "2 peers")),
        (WITNESSED, FINE.replace("1 peers", "2 peers")),
        (resource(peer("n2", **{"replication-state": "VerifyS"})), FINE),
        (resource(peer("n2", **{"replication-state": "VerifyT"})), FINE),
    ],
)
def test_a_healthy_resource_is_ok(said: dict, reason: str) -> None:
    finding = judge(said)
    assert (finding.verdict, finding.reason) == (OK, reason)


GONE = {**peer("n2", "DUnknown", **{"replication-state": "Off"}), "connection-state": "Connecting"}
ON_N2 = "Volume 0 of r0 on n2"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            resource(GONE),
            (
                f"The connection of r0 to n2 is Connecting, not Connected. {ON_N2} is DUnknown, not UpToDate. "
                f"{STALL}no whole copy of volume 0 of r0 would be left."
            ),
        ),
        (resource(GONE, peer("n3")), f"The connection of r0 to n2 is Connecting, not Connected. {ON_N2} is DUnknown, not UpToDate."),
        (
            resource(peer("n2", "Inconsistent", **{"replication-state": "SyncSource", "out-of-sync": 819200}), peer("n3")),
            (
                f"The replication of volume 0 of r0 with n2 is SyncSource, not Established. {ON_N2} is Inconsistent, not UpToDate. "
                f"{ON_N2} is out of sync by 819200 KiB."
            ),
        ),
        # A resync that waits for another one.
        (
            resource(peer("n2", "Inconsistent", **{"replication-state": "PausedSyncS", "resync-suspended": "dependency"}), peer("n3")),
            (
                "The replication of volume 0 of r0 with n2 is PausedSyncS, not Established. "
                f"The resync of volume 0 of r0 with n2 is suspended: dependency. {ON_N2} is Inconsistent, not UpToDate."
            ),
        ),
        (resource(peer("n2", **{"replication-state": "Ahead"})), "The replication of volume 0 of r0 with n2 is Ahead, not Established."),
        (resource(peer("n2", **{"out-of-sync": 4})), f"{ON_N2} is out of sync by 4 KiB."),
        (
            resource(peer("n2"), devices=[device(**{"disk-state": "Failed"})]),
            "Volume 0 of r0 on this host is Failed, not UpToDate.",
        ),
        # A disk that is absent without intent.
        (
            resource(peer("n2"), devices=[device(**{"disk-state": "Diskless"})]),
            "Volume 0 of r0 on this host is Diskless, not UpToDate.",
        ),
        (resource(peer("n2"), peer("n3", "Diskless", **{"peer-client": False})), "Volume 0 of r0 on n3 is Diskless, not UpToDate."),
        (resource(peer("n2"), devices=[device(quorum=False)]), "Volume 0 of r0 has no quorum."),
        (
            resource(peer("n2"), **{"suspended": True, "suspended-quorum": True}),
            "r0 does not let I/O pass: suspended, suspended-quorum.",
        ),
        ({**OLD, "suspended": True}, "r0 does not let I/O pass: suspended."),
        (resource(peer("n2"), **{"force-io-failures": True}), "r0 does not let I/O pass: force-io-failures."),
        (resource(), f"{STALL}no whole copy of volume 0 of r0 would be left."),
        (resource(peer("n2", "Diskless")), f"{STALL}no whole copy of volume 0 of r0 would be left."),
    ],
)
def test_an_unhealthy_resource_is_named_with_what_is_wrong(said: dict, reason: str) -> None:
    finding = judge(said)
    assert (finding.verdict, finding.reason) == (NOT_OK, reason)


LOST = STALL + "{} votes of volume 0 of r0 would be left and {} are needed: quorum would be lost."


@pytest.mark.parametrize(
    ("said", "policy", "verdict", "reason"),
    [
        (PAIR, MAJORITY, NOT_OK, LOST.format(1, 2)),
        (TRIO, MAJORITY, OK, None),
        (WITNESSED, MAJORITY, OK, None),
        (CLIENT, MAJORITY, OK, None),
        (TRIO, Policy("all", "off"), NOT_OK, LOST.format(2, 3)),
        (CLIENT, Policy("all", "off"), OK, None),
        (TRIO, Policy("2", "off"), OK, None),
        (TRIO, Policy("3", "off"), NOT_OK, LOST.format(2, 3)),
        (WITNESSED, Policy("majority", "2"), NOT_OK, LOST.format(1, 2)),
        (TRIO, Policy("majority", "majority"), OK, None),
        (PAIR, Policy("most", "off"), UNKNOWN, "r0 asks for most votes and off copies, which is not known here."),
        (PAIR, Policy("off", "\u00b2"), UNKNOWN, None),
        (PAIR, None, UNKNOWN, "drbdsetup does not tell how many votes r0 asks for."),
    ],
)
def test_quorum_is_counted_without_this_host(said: dict, policy: Policy | None, verdict: str, reason: str | None) -> None:
    finding = judge(said, policy)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (resource(peer("n2"), suspended="no"), "r0 does not tell whether it is suspended."),
        (resource(peer("n2"), **{"suspended-user": None}), "r0 does not tell whether it is suspended-user."),
        (resource({**peer("n2"), "connection-state": 9}), "r0 does not tell the state of its connection to n2."),
        (
            resource(peer("n2", **{"replication-state": None})),
            "The state of the replication of volume 0 of r0 with n2 is not told.",
        ),
        (
            resource(peer("n2", **{"resync-suspended": False})),
            "It is not told whether the resync of volume 0 of r0 with n2 is suspended.",
        ),
        (resource(peer("n2", **{"out-of-sync": "0"})), f"{ON_N2} does not tell how much of it is out of sync."),
        (
            resource(peer("n2"), peer("n3", "Diskless", **{"peer-client": None})),
            "Volume 0 of r0 on n3 does not tell the state of its disk.",
        ),
        (resource(peer("n2"), devices=[device(quorum="yes")]), "Volume 0 of r0 does not tell whether it has quorum."),
        (
            resource(peer("n2"), devices=[device(**{"disk-state": None})]),
            "Volume 0 of r0 on this host does not tell the state of its disk.",
        ),
        (resource(peer("n2"), {**peer("n3"), "peer_devices": []}), "Volume 0 of r0 on n3 is not told of."),
        (resource(peer("n2"), devices=[]), "r0 has no volume."),
    ],
)
def test_what_is_not_told_is_unknown(said: dict, reason: str) -> None:
    finding = judge(said)
    assert (finding.verdict, finding.reason) == (UNKNOWN, reason)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        json.dumps([PAIR])[:-9],
        "{}",
        "[1]",
        "[{}]",
        json.dumps([{**PAIR, "name": 1}]),
        json.dumps([{**PAIR, "devices": None}]),
        json.dumps([{**PAIR, "devices": [device(volume=None)]}]),
        json.dumps([{**PAIR, "connections": {}}]),
        json.dumps([resource({**peer("n2"), "peer_devices": ["x"]})]),
        "[" * 100_000,
    ],
)
def test_another_form_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(TwostepError) as caught:
        health_drbd.parse(text)
    assert (caught.value.code, caught.value.message) == ("unreadable_answer", "The answer of drbdsetup could not be read.")


def test_policies_are_told_by_show_with_its_defaults() -> None:
    said = [
        {"resource": "r0", "options": {"auto-promote": True, "quorum": "majority", "quorum-minimum-redundancy": "2"}, "connections": []},
        {"resource": "r1", "options": {"quorum": 2}},
        {"resource": "r2", "options": {"on-no-quorum": "suspend-io"}},
        {"resource": "r3"},
    ]
    assert health_drbd.parse_policies(json.dumps(said)) == {"r0": Policy("majority", "2"), "r1": Policy("2", "off")}


def test_evidence_has_the_states() -> None:
    (found,) = health_drbd.parse(json.dumps([WITNESSED]))
    assert health_drbd.evidence(found, MAJORITY) == {
        "quorum_policy": "majority",
        "stops": [],
        "volumes": [[0, "UpToDate", True]],
        "peers": [
            ["n2", "Connected", [[0, "Established", "UpToDate", 0]]],
            ["n3", "Connected", [[0, "Established", "Diskless", 0]]],
        ],
    }
    assert health_drbd.evidence(found, None)["quorum_policy"] is None
