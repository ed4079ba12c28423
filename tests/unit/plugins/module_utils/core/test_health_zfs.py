# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ZFS: which health and which end of zpool wait count as a healthy pool."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_zfs
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health_zfs import Pool, Wait

QUIET = Wait(0, 2.0)


@pytest.mark.parametrize(
    ("health", "wait", "verdict", "reason"),
    [
        ("ONLINE", QUIET, OK, "tank is ONLINE. tank is not being resilvered or replaced."),
        ("ONLINE", Wait(None, 2.0), NOT_OK, "tank is being resilvered or replaced: zpool wait did not end within 2 s."),
        (
            "ONLINE",
            Wait(2, 2.0),
            UNKNOWN,
            "Whether tank is being rebuilt is not known: zpool wait, which OpenZFS has since 2.0, ended with exit status 2.",
        ),
        ("ONLINE", Wait(1, 2.0), UNKNOWN, None),
        ("ONLINE", Wait(-9, 2.0), UNKNOWN, None),
        ("ONLINE", None, UNKNOWN, "Whether tank is being rebuilt is not known, because its name cannot be handed to zpool wait."),
        ("DEGRADED", None, NOT_OK, "tank is DEGRADED."),
        ("FAULTED", None, NOT_OK, "tank is FAULTED."),
        ("SUSPENDED", None, NOT_OK, "tank is SUSPENDED."),
        ("UNAVAIL", None, NOT_OK, "tank is UNAVAIL."),
        ("OFFLINE", None, NOT_OK, "tank is OFFLINE."),
        ("REMOVED", None, NOT_OK, "tank is REMOVED."),
        ("DEGRADED", QUIET, NOT_OK, "tank is DEGRADED."),
        ("UNKNOWN", None, UNKNOWN, "tank is UNKNOWN, which is not understood."),
        ("SPLIT", QUIET, UNKNOWN, "tank is SPLIT, which is not understood."),
        ("online", QUIET, UNKNOWN, None),
    ],
)
def test_judge(health: str, wait: Wait | None, verdict: str, reason: str | None) -> None:
    finding = health_zfs.judge(Pool("tank", health), wait)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


def test_parse() -> None:
    assert health_zfs.parse("rpool\tONLINE\nmy pool\tDEGRADED\n") == [Pool("rpool", "ONLINE"), Pool("my pool", "DEGRADED")]
    assert health_zfs.parse("") == []


@pytest.mark.parametrize(
    "stdout", ["no pools available\n", "tank ONLINE\n", "tank\t\n", "\tONLINE\n", "tank\tONLINE\t-\n", "\n", "tank\t-\n"]
)
def test_an_answer_of_another_form_is_refused(stdout: str) -> None:
    with pytest.raises(TwostepError) as caught:
        health_zfs.parse("rpool\tONLINE\n" + stdout)
    assert (caught.value.code, caught.value.message) == ("unreadable_answer", "The answer of zpool list could not be read.")


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (Pool("tank", "ONLINE"), True),
        (Pool("Tank-1_a.b:c", "ONLINE"), True),
        (Pool("tank", "SUSPENDED"), False),
        (Pool("my pool", "ONLINE"), False),
        (Pool("-T", "ONLINE"), False),
        (Pool("1", "ONLINE"), False),
        (Pool("tank/..", "ONLINE"), False),
        (Pool("tank\x0b", "ONLINE"), False),
        (Pool("t" * 257, "ONLINE"), False),
    ],
)
def test_only_a_plain_name_of_a_pool_that_is_online_is_handed_on(pool: Pool, expected: bool) -> None:
    assert health_zfs.can_be_asked(pool) is expected


def test_evidence_has_the_health_and_how_the_wait_ended() -> None:
    assert health_zfs.evidence(Pool("tank", "DEGRADED"), None) == {"health": "DEGRADED"}
    assert health_zfs.evidence(Pool("tank", "ONLINE"), QUIET) == {"health": "ONLINE", "wait_rc": 0}
