# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""md: which snapshots of an array count as healthy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_md
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

RAID1 = health_md.Array("md0", "raid1", "clean", "0", "2", "idle", ("in_sync", "in_sync"))
RAID0 = health_md.Array("md1", "raid0", "clean", None, "2", None, ("in_sync", "in_sync"))


@pytest.mark.parametrize(
    ("array", "verdict", "reason"),
    [
        (RAID1, OK, "md0 runs. md0 is not degraded. md0 is not being rebuilt. All 2 members of md0 are in_sync."),
        (replace(RAID1, array_state="active", sync_action="check"), OK, None),
        (replace(RAID1, members=("in_sync,write_mostly", "in_sync")), OK, None),
        (replace(RAID1, degraded="1"), NOT_OK, "md0 is degraded: 1 of 2 members are missing."),
        (replace(RAID1, degraded=None), UNKNOWN, "md0 does not tell how many copies are missing."),
        (replace(RAID1, degraded="none"), UNKNOWN, "md0 does not tell how many copies are missing."),
        (replace(RAID1, sync_action="recover"), NOT_OK, "md0 is busy with recover."),
        (replace(RAID1, sync_action="resync"), NOT_OK, "md0 is busy with resync."),
        (replace(RAID1, sync_action="repair"), NOT_OK, "md0 is busy with repair."),
        (replace(RAID1, sync_action="reshape"), NOT_OK, "md0 is busy with reshape."),
        (replace(RAID1, sync_action="frozen"), NOT_OK, "md0 is busy with frozen."),
        (replace(RAID1, sync_action=None), UNKNOWN, "md0 does not tell whether it is being rebuilt."),
        (replace(RAID1, members=("in_sync", "spare")), NOT_OK, "Member 1 of md0 is spare, not in_sync."),
        (replace(RAID1, members=("faulty", "in_sync")), NOT_OK, "Member 0 of md0 is faulty, not in_sync."),
        (replace(RAID1, members=("in_sync", None)), UNKNOWN, "Member 1 of md0 does not tell its state."),
        (replace(RAID1, members=("in_sync",)), NOT_OK, "md0 has 1 of 2 members."),
        (replace(RAID1, raid_disks=None), UNKNOWN, "md0 does not tell how many members it has."),
        (replace(RAID1, array_state="inactive"), NOT_OK, "md0 is inactive."),
        (replace(RAID1, array_state="broken"), NOT_OK, "md0 is broken."),
        (replace(RAID1, array_state="suspended"), NOT_OK, "md0 is suspended."),
        (replace(RAID1, array_state=None), UNKNOWN, "md0 does not tell its state."),
        (replace(RAID1, level=None), UNKNOWN, "md0 does not tell its level."),
        (RAID0, OK, "md1 runs. md1 is raid0 and keeps no copies that could be lost."),
        (replace(RAID0, level="linear"), OK, None),
        (replace(RAID0, array_state="broken"), NOT_OK, "md1 is broken."),
        (replace(RAID0, degraded="0"), UNKNOWN, "md1 is raid0 and yet tells of missing copies."),
        (replace(RAID1, level="raid10", degraded=None, sync_action=None), UNKNOWN, None),
    ],
)
def test_judge(array: health_md.Array, verdict: str, reason: str | None) -> None:
    finding = health_md.judge(array)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


def test_every_trouble_is_named() -> None:
    finding = health_md.judge(replace(RAID1, degraded="1", sync_action="recover", members=("in_sync", "spare")))
    assert finding.reason == (
        "md0 is degraded: 1 of 2 members are missing. md0 is busy with recover. Member 1 of md0 is spare, not in_sync."
    )


def test_evidence_is_the_snapshot() -> None:
    assert health_md.evidence(RAID1) == {
        "level": "raid1",
        "array_state": "clean",
        "degraded": "0",
        "raid_disks": "2",
        "sync_action": "idle",
        "members": ["in_sync", "in_sync"],
    }
