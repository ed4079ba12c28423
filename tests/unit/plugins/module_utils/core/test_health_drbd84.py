# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/drbd of 8.4: which devices count as healthy. The pages have the form of drbd_proc.c, Linux 6.1, with 8.4.11."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_drbd84
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

HEAD = "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 96ED19D4C144624490A9AB1 \n"
COUNTERS = "    ns:49152 nr:0 dw:16384 dr:51272 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0\n"
HEALTHY = " 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n" + COUNTERS
VERIFIES = (
    HEALTHY.replace("cs:Connected", "cs:VerifyS")
    + "\t[=====>..............] verified: 33.5% (32704/49152)K\n\tfinish: 0:00:02 speed: 16,384 (16,384) want: 102,400 K/sec\n"
)
RESYNCS = (
    " 0: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----\n"
    + COUNTERS.replace("oos:0", "oos:32704")
    + "\t[=====>..............] sync'ed: 33.5% (32704/49152)K\n\tfinish: 0:00:02 speed: 16,384 (16,384) want: 102,400 K/sec\n"
)
ALONE = " 0: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----\n" + COUNTERS.replace("oos:0", "oos:4")
# Without a configured connection there is no protocol, and a blank in its place.
STANDALONE = " 0: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r----s\n" + COUNTERS

FINE = (
    "drbd0 is connected. Both disks of drbd0 are UpToDate: without this host a whole copy is left. "
    "drbd0 is not suspended. Nothing of drbd0 is out of sync."
)
DIFFER = "The disks of drbd0 are {} here and {} at the peer, not both UpToDate."


@pytest.mark.parametrize(
    ("page", "verdict", "reason"),
    [
        (HEALTHY, OK, FINE),
        (HEALTHY.replace("C r-----", "A r---b-"), OK, FINE),
        (HEALTHY.replace(" 0:", "12:"), OK, FINE.replace("drbd0", "drbd12")),
        (HEALTHY.replace(" 0:", "1000:"), OK, FINE.replace("drbd0", "drbd1000")),
        (VERIFIES, OK, FINE),
        (VERIFIES.replace("VerifyS", "VerifyT"), OK, FINE),
        (VERIFIES.replace("oos:0", "oos:4"), NOT_OK, "4 KiB of drbd0 are out of sync."),
        (
            RESYNCS,
            NOT_OK,
            f"drbd0 is SyncTarget, not Connected. {DIFFER.format('Inconsistent', 'UpToDate')} 32704 KiB of drbd0 are out of sync.",
        ),
        # A resync that waits for another one.
        (
            RESYNCS.replace("SyncTarget", "PausedSyncT").replace("r-----", "ra----").replace("oos:32704", "oos:0"),
            NOT_OK,
            (
                f"drbd0 is PausedSyncT, not Connected. {DIFFER.format('Inconsistent', 'UpToDate')} "
                "The resync of drbd0 is suspended (flags ra----)."
            ),
        ),
        (
            ALONE,
            NOT_OK,
            f"drbd0 is WFConnection, not Connected. {DIFFER.format('UpToDate', 'DUnknown')} 4 KiB of drbd0 are out of sync.",
        ),
        (
            STANDALONE,
            NOT_OK,
            f"drbd0 is StandAlone, not Connected. {DIFFER.format('UpToDate', 'DUnknown')} The activity log of drbd0 is suspended.",
        ),
        (HEALTHY.replace("ds:UpToDate", "ds:Diskless"), NOT_OK, DIFFER.format("Diskless", "UpToDate")),
        (HEALTHY.replace("/UpToDate", "/Consistent"), NOT_OK, DIFFER.format("UpToDate", "Consistent")),
        (HEALTHY.replace("r-----", "s-----"), NOT_OK, "The I/O of drbd0 is suspended."),
        (HEALTHY.replace("r-----", "r--u--"), NOT_OK, "The resync of drbd0 is suspended (flags r--u--)."),
        (" 0: cs:Unconfigured\n", NOT_OK, "drbd0 is Unconfigured, not Connected."),
        (HEALTHY.replace("oos:0", "oos:"), UNKNOWN, "drbd0 does not tell how much is out of sync."),
        (HEALTHY.replace(COUNTERS, ""), UNKNOWN, "drbd0 does not tell how much is out of sync."),
        # Of 8.3 and older: fewer flags, other names. Nothing of it is guessed.
        (HEALTHY.replace("r-----", "r---"), UNKNOWN, None),
        (HEALTHY.replace("ro:", "st:"), UNKNOWN, None),
        (HEALTHY[:40], UNKNOWN, None),
        (" 0: nonsense\n" + COUNTERS, UNKNOWN, None),
        (" 0: cs:Connected\n" + COUNTERS, UNKNOWN, None),
    ],
)
def test_judge(page: str, verdict: str, reason: str | None) -> None:
    (device,) = health_drbd84.parse(HEAD + page)
    finding = health_drbd84.judge(device)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


def test_every_device_answers_for_itself_past_a_gap_in_the_numbers() -> None:
    devices = health_drbd84.parse(HEAD + HEALTHY + "\n" + ALONE.replace(" 0:", " 2:") + HEALTHY.replace(" 0:", " 3:"))
    assert [(device.name, health_drbd84.judge(device).verdict) for device in devices] == [
        ("drbd0", OK),
        ("drbd2", NOT_OK),
        ("drbd3", OK),
    ]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (HEAD, (8, 4)),
        ("version: 9.1.7 (api:2/proto:110-121)\nGIT-hash: bfd2450739\nTransports (api:17): tcp (9.1.7)\n", (9, 1)),
        ("version: 10.0.0\n", (10, 0)),
        ("", None),
        ("nonsense 8.4", None),
    ],
)
def test_version(text: str, version: tuple | None) -> None:
    assert health_drbd84.version(text) == version


def test_evidence_is_what_the_lines_say() -> None:
    (device,) = health_drbd84.parse(HEAD + HEALTHY)
    assert health_drbd84.evidence(device) == {
        "connection": "Connected",
        "role": "Primary",
        "disk": "UpToDate",
        "peer_disk": "UpToDate",
        "flags": "r-----",
        "out_of_sync_kib": 0,
    }
