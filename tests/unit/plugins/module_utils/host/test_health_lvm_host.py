# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking lvs: the command, and what its ways to fail are taken for."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_lvm
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import UNANSWERED, Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

COMMAND = [
    *("lvs", "-a", "-o"),
    "vg_name,lv_name,segtype,lv_attr,lv_parent,lv_health_status,raid_sync_action,sync_percent,stripes",
    *("--reportformat", "json", "--config", "report/compact_output=0"),
]
# Printed by lvs 2.03.16, here with a linear volume alone, a device of whose group was away.
LINEAR = """\
  {
      "report": [
          {
              "lv": [
                  {"vg_name":"vg0", "lv_name":"plain", "segtype":"linear", "lv_attr":"-wi-XX----", "lv_parent":"", \
"lv_health_status":"", "raid_sync_action":"", "sync_percent":"", "stripes":"1"}
              ]
          }
      ]
  }
"""
MISSING = "  WARNING: VG vg0 is missing PV 3D7dsk-S4xJ-TgcH-fbZ3-a89O-Vi72-XgcRWA (last written to /dev/loop2).\n"
NOTHING = """\
  {
      "report": [
          {
              "lv": [
              ]
          }
      ]
  }
"""
# The form is the one above, the words follow the source.
RAID = LINEAR.replace(
    '"lv": [\n',
    '"lv": [\n'
    '                  {"vg_name":"vg0", "lv_name":"data", "segtype":"raid1", "lv_attr":"rwi-aor---", "lv_parent":"", '
    '"lv_health_status":"", "raid_sync_action":"idle", "sync_percent":"100.00", "stripes":"2"},\n'
    '                  {"vg_name":"vg0", "lv_name":"[data_rimage_0]", "segtype":"linear", "lv_attr":"iwi-aor---", "lv_parent":"data", '
    '"lv_health_status":"", "raid_sync_action":"", "sync_percent":"", "stripes":"1"},\n'
    '                  {"vg_name":"vg0", "lv_name":"[data_rimage_1]", "segtype":"linear", "lv_attr":"iwi-aor---", "lv_parent":"data", '
    '"lv_health_status":"", "raid_sync_action":"", "sync_percent":"", "stripes":"1"},\n',
)
PARTIAL = RAID.replace('"lv_health_status":"", "raid_sync_action":"idle"', '"lv_health_status":"partial", "raid_sync_action":"idle"')


def look(answer: Result | TwostepError) -> list:
    def run(argv: list[str], timeout_s: float) -> Result:
        assert (argv, timeout_s) == (COMMAND, 7.0)
        if isinstance(answer, TwostepError):
            raise answer
        return answer

    return health_lvm.sample(Question(1.0), World(run, Paths("/nowhere"), lambda: "", lambda seconds: None, 7.0, 0.0))


@pytest.mark.parametrize(
    ("result", "subject", "verdict", "reason"),
    [
        (Result(0, RAID, ""), "vg0/data", "ok", None),
        (Result(0, PARTIAL, MISSING), "vg0/data", "not_ok", "vg0/data is not whole: lvs reports 'partial'."),
        (
            Result(0, LINEAR, MISSING),
            "volumes",
            "unknown",
            "This host has no LVM raid or mirror volume. Take lvm out of twostep_health_sources if it is not meant to have one.",
        ),
        (Result(0, NOTHING, ""), "volumes", "unknown", None),
        (Result(5, RAID, "  Failed."), "volumes", "unknown", "lvs ended with exit status 5, so what it printed may lack volumes."),
        # An lvs before 2.02.158, and one that was not run by root.
        (Result(3, "", "lvs: unrecognized option '--reportformat'\n"), "volumes", "unknown", None),
        (
            Result(5, "", "  WARNING: Running as a non-root user. Functionality may be unavailable.\n"),
            "volumes",
            "unknown",
            "lvs ended with exit status 5, so what it printed may lack volumes.",
        ),
    ],
)
def test_sample(result: Result, subject: str, verdict: str, reason: str | None) -> None:
    (sample,) = look(result)
    assert (sample.subject, sample.finding.verdict) == (subject, verdict)
    assert reason is None or sample.finding.reason == reason


def test_what_lvs_complains_of_is_in_the_evidence() -> None:
    assert look(Result(5, "", "  Failed to find\n  physical volume.\n"))[0].evidence == {
        "rc": 5,
        "stderr": "Failed to find physical volume.",
    }


@pytest.mark.parametrize(
    "answer",
    [
        TwostepError("no_command", "The program 'lvs' is not installed on this host.", "Install it."),
        TwostepError("command_timeout", "'lvs' did not finish within 7 s.", "Look."),
        Result(0, RAID[:400], ""),
        Result(0, "\x00nonsense", ""),
    ],
)
def test_an_lvs_that_does_not_answer_is_passed_on(answer: Result | TwostepError) -> None:
    with pytest.raises(TwostepError) as caught:
        look(answer)
    assert caught.value.code in UNANSWERED
