# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When multipathd is asked, how often, and what a host without maps answers."""

from __future__ import annotations

import json

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_dm_multipath
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.health_double import ABSENT, HANGS, HealthHost, put

ACTIVE, ASK = "systemctl show --property=ActiveState -- multipathd.service", "multipathd show maps json"
RUNS = [Result(0, "ActiveState=active\n", "")]
NONE = "This host has no multipath map. Take dm_multipath out of twostep_health_sources if it is not meant to have one."
DOWN = "multipathd does not run on this host, so nobody checks the paths of its maps."


def path(dev: str, checker: str = "ready") -> dict:
    return {"dev": dev, "dm_st": "active", "dev_st": "running", "chk_st": checker, "target_wwpn": "[undef]"}


def answer(*names: str, checker: str = "ready") -> Result:
    groups = [{"paths": [path("sda"), path("sdb", checker)]}]
    maps = [{"name": name, "dm_st": "active", "path_groups": groups} for name in names]
    return Result(0, json.dumps({"major_version": 0, "minor_version": 1, "maps": maps}) + "\n", "")


def kernel(*names: str) -> dict[str, str]:
    files = {"sys/block/vda/size": "1\n", "sys/block/dm-9/dm/name": "vg-lv\n", "sys/block/dm-9/dm/uuid": "LVM-a1\n"}
    for number, name in enumerate(names):
        files.update({f"sys/block/dm-{number}/dm/name": name + "\n", f"sys/block/dm-{number}/dm/uuid": f"mpath-3600{number}\n"})
    return files


def ask(host: HealthHost) -> list[tuple[str, str, str]]:
    samples = health_dm_multipath.sample(Question(1.0), host.world)
    return [(sample.subject, sample.finding.verdict, sample.finding.reason) for sample in samples]


@pytest.mark.parametrize("files", [{}, kernel()])
def test_a_host_without_maps_cannot_say_ok_and_is_not_asked(tmp_path, files: dict[str, str]) -> None:
    put(tmp_path, files)
    host = HealthHost(tmp_path)
    assert ask(host) == [("maps", "unknown", NONE)]
    assert host.calls == []


@pytest.mark.parametrize("state", ["ActiveState=inactive\n", "ActiveState=failed\n", "ActiveState=deactivating\n", ""])
def test_a_daemon_that_does_not_run_is_not_started(tmp_path, state: str) -> None:
    put(tmp_path, kernel("mpatha"))
    host = HealthHost(tmp_path, {ACTIVE: [Result(0, state, "")]})
    assert ask(host) == [("maps", "unknown", DOWN)]
    assert host.calls == [ACTIVE]


def test_every_map_answers_for_itself(tmp_path) -> None:
    put(tmp_path, kernel("mpatha", "mpathb"))
    host = HealthHost(tmp_path, {ACTIVE: RUNS, ASK: [answer("mpatha", "mpathb")]})
    assert [found[:2] for found in ask(host)] == [("mpatha", "ok"), ("mpathb", "ok")]
    assert host.calls == [ACTIVE, ASK]


def test_a_path_that_has_failed_is_named(tmp_path) -> None:
    put(tmp_path, kernel("mpatha"))
    ((subject, verdict, reason),) = ask(HealthHost(tmp_path, {ACTIVE: RUNS, ASK: [answer("mpatha", checker="faulty")]}))
    assert (subject, verdict) == ("mpatha", "not_ok")
    assert "Path sdb of mpatha is not in order" in reason


@pytest.mark.parametrize("names", [(), ("mpatha",)])
def test_a_map_that_the_daemon_leaves_out_is_unknown(tmp_path, names: tuple) -> None:
    put(tmp_path, kernel("mpatha", "mpathb"))
    found = ask(HealthHost(tmp_path, {ACTIVE: RUNS, ASK: [answer(*names)]}))
    assert found[-1] == ("mpathb", "unknown", "multipathd does not tell of mpathb, which the kernel has.")
    assert [verdict for _subject, verdict, _reason in found] == (["ok", "unknown"] if names else ["unknown", "unknown"])


def test_a_map_without_a_name_goes_by_its_number(tmp_path) -> None:
    put(tmp_path, {"sys/block/dm-4/dm/uuid": "mpath-3600\n"})
    assert ask(HealthHost(tmp_path, {ACTIVE: RUNS, ASK: [answer()]}))[0][0] == "dm-4"


def test_without_systemd_the_daemon_is_asked_at_once(tmp_path) -> None:
    put(tmp_path, kernel("mpatha"))
    assert [found[:2] for found in ask(HealthHost(tmp_path, {ACTIVE: [ABSENT], ASK: [answer("mpatha")]}))] == [("mpatha", "ok")]


CUT = Result(0, answer("mpatha").stdout[:57], "")
BAD = [
    CUT,
    Result(0, "", ""),
    Result(1, "", ""),  # captured: multipathd 0.9.4 without its daemon
    Result(1, "timeout\n", ""),
    Result(1, "error -104 receiving packet\n", ""),
    Result(1, answer("mpatha").stdout, ""),
    Result(0, "fail\n", ""),
]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_is_asked_for_once_more(tmp_path, bad: Result) -> None:
    put(tmp_path, kernel("mpatha"))
    host = HealthHost(tmp_path, {ACTIVE: RUNS, ASK: [bad, answer("mpatha")]})
    assert [found[:2] for found in ask(host)] == [("mpatha", "ok")]
    assert host.calls == [ACTIVE, ASK, ASK]


@pytest.mark.parametrize("bad", BAD)
def test_two_bad_answers_are_unreadable(tmp_path, bad: Result) -> None:
    put(tmp_path, kernel("mpatha"))
    host = HealthHost(tmp_path, {ACTIVE: RUNS, ASK: [bad]})
    with pytest.raises(TwostepError) as caught:
        ask(host)
    assert (caught.value.code, host.calls) == ("unreadable_answer", [ACTIVE, ASK, ASK])


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({ACTIVE: [HANGS]}, "command_timeout"),
        ({ACTIVE: RUNS, ASK: [HANGS]}, "command_timeout"),
        ({ACTIVE: RUNS, ASK: [ABSENT]}, "no_command"),
    ],
)
def test_a_tool_that_is_absent_or_hangs_passes_through(tmp_path, answers: dict, code: str) -> None:
    put(tmp_path, kernel("mpatha"))
    with pytest.raises(TwostepError) as caught:
        ask(HealthHost(tmp_path, answers))
    assert caught.value.code == code
