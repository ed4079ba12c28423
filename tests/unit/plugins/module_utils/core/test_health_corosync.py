# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""corosync-quorumtool -s: what its page and its exit status are taken for."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_corosync
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

PAGE = """\
Quorum information
------------------
Date:             Mon Nov 23 21:12:40 2026
Quorum provider:  corosync_votequorum
Nodes:            {nodes}
Node ID:          1
Ring ID:          1.21
Quorate:          {quorate}

Votequorum information
----------------------
Expected votes:   {expected}
Highest expected: {expected}
Total votes:      {total}
Quorum:           {quorum}
Flags:            {flags}

Membership information
----------------------
{members}
"""
MEMBERS_3 = """\
    Nodeid      Votes Name
         1          1 n1 (local)
         2          1 n2
         3          1 n3"""
MEMBERS_2 = """\
    Nodeid      Votes Name
         1          1 10.0.0.1 (local)
         2          1 10.0.0.2"""
MEMBERS_QDEVICE = """\
    Nodeid      Votes    Qdevice Name
         1          1    A,V,NMW 10.0.0.1 (local)
         2          1    A,V,NMW 10.0.0.2
         0          1            Qdevice"""
HEAVY = """\
    Nodeid      Votes Name
         1          3 n1 (local)
         2          1 n2
         3          1 n3"""


def page(total: int, quorum: str, members: str, expected: int = 3, flags: str = "Quorate ", quorate: str = "Yes") -> str:
    return PAGE.format(nodes=3, quorate=quorate, expected=expected, total=total, quorum=quorum, flags=flags, members=members)


THREE = page(3, "2  ", MEMBERS_3)
THREE_ONE_LOST = page(2, "2  ", MEMBERS_3)
TWO_PLAIN = page(2, "2  ", MEMBERS_2, expected=2)
TWO_NODE_FLAG = page(2, "1  ", MEMBERS_2, expected=2, flags="2Node Quorate WaitForAll ")
QDEVICE = page(3, "2  ", MEMBERS_QDEVICE, flags="Quorate Qdevice ")
HEAVY_NODE = page(5, "3  ", HEAVY, expected=5)
LOST = page(1, "2 Activity blocked", MEMBERS_2, expected=3, flags="", quorate="No")

SURVIVES_3 = "The cluster is quorate. Without this node 2 votes are left and 2 are needed."


@pytest.mark.parametrize(
    ("rc", "stdout", "verdict", "reason"),
    [
        (0, THREE, OK, SURVIVES_3),
        (0, THREE_ONE_LOST, NOT_OK, "If this node stalled for 1 s, 1 votes would be left and 2 are needed: quorum would be lost."),
        (0, TWO_PLAIN, NOT_OK, "If this node stalled for 1 s, 1 votes would be left and 2 are needed: quorum would be lost."),
        (0, TWO_NODE_FLAG, OK, "The cluster is quorate. Without this node 1 votes are left and 1 are needed."),
        (0, QDEVICE, OK, SURVIVES_3),
        (0, HEAVY_NODE, NOT_OK, "If this node stalled for 1 s, 2 votes would be left and 3 are needed: quorum would be lost."),
        (2, LOST, NOT_OK, "The cluster is not quorate."),
        (2, THREE, NOT_OK, "The cluster is not quorate."),
        (2, "", NOT_OK, "The cluster is not quorate."),
        (1, THREE, UNKNOWN, "corosync-quorumtool ended with exit status 1, so corosync did not answer."),
        (127, "", UNKNOWN, "corosync-quorumtool ended with exit status 127, so corosync did not answer."),
        (0, "", UNKNOWN, "The answer of corosync-quorumtool could not be read."),
        (0, "Quorate: Yes\n", UNKNOWN, "The answer of corosync-quorumtool could not be read."),
        (0, THREE.replace(" (local)", ""), UNKNOWN, "The answer of corosync-quorumtool could not be read."),
        (
            0,
            THREE.replace("Total votes:      3", "Total votes:      many"),
            UNKNOWN,
            "The answer of corosync-quorumtool could not be read.",
        ),
        (0, THREE[: THREE.index("Flags:")], UNKNOWN, "The answer of corosync-quorumtool could not be read."),
    ],
)
def test_judge(rc: int, stdout: str, verdict: str, reason: str) -> None:
    finding = health_corosync.judge(rc, stdout, 1.0)
    assert (finding.verdict, finding.reason) == (verdict, reason)


def test_the_stall_asked_about_is_in_the_reason() -> None:
    assert "stalled for 0.5 s" in health_corosync.judge(0, TWO_PLAIN, 0.5).reason


def test_evidence_has_the_figures_or_only_the_exit_status() -> None:
    assert health_corosync.evidence(0, QDEVICE) == {
        "rc": 0,
        "total_votes": 3,
        "expected_votes": 3,
        "quorum": 2,
        "node_votes": 1,
        "flags": ["Quorate", "Qdevice"],
    }
    assert health_corosync.evidence(1, "garbage") == {"rc": 1}
