# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as an action: files, stats, check mode, and the failure that halts."""

from __future__ import annotations

import json
import os
from unittest.mock import MagicMock

import pytest

from ansible_collections.twostep.hotswap.plugins.action import report as action

RUN = {"run_id": "20260101t120000z-abcdef", "started": "2026-01-01T12:00:00Z", "family": "remap", "version": "1.1.0"}
SLOT = {"slot": "vol0", "act": "none", "from": "1.1.0", "verdict": "current", "mode": None, "reason": "already serves 1.1.0"}
PLAN = {"order": [], "digest": "0" * 64, "hosts": {"n1": {"to": "1.1.0", "wave": None, "slots": [SLOT]}}}


class HostVars(dict):
    def raw_get(self, host: str) -> object:
        return self[host]


@pytest.fixture(autouse=True)
def display(monkeypatch) -> MagicMock:
    shown = MagicMock()
    monkeypatch.setattr(action, "display", shown)
    return shown


def run(folder: object, controller: dict, check_mode: bool = False, **options: object) -> dict:
    task = MagicMock(args={"dest": str(folder), "fleet": "storage", **options}, async_val=0, check_mode=check_mode, diff=False)
    plugin = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return plugin.run(task_vars={"groups": {"storage": ["n1"]}, "hostvars": HostVars(n1={}, localhost=controller)})


GOOD = {"__twostep_run": RUN, "__twostep_plan": PLAN}


def test_both_files_are_written(tmp_path, display: MagicMock) -> None:
    result = run(tmp_path / "out", GOOD, io={"errors": 0})
    assert (result["changed"], result["result"], result["run_id"]) == (True, "nothing_to_do", RUN["run_id"])
    written = json.loads((tmp_path / "out/report.json").read_text())
    assert (written["result"], written["io"]["errors"]) == ("nothing_to_do", 0)
    assert "nothing_to_do" in (tmp_path / "out/report.html").read_text()
    assert sorted(os.listdir(tmp_path / "out")) == ["report.html", "report.json"]
    display.display.assert_called_once_with("nothing_to_do: 0 of 1 slots of family remap went to 1.1.0 in this run")


def test_stats_are_small_and_prefixed(tmp_path) -> None:
    result = run(tmp_path, GOOD)
    assert result["ansible_stats"] == {
        "data": {"twostep_run_id": RUN["run_id"], "twostep_result": "nothing_to_do", "twostep_report": str(tmp_path / "report.json")},
        "per_host": False,
        "aggregate": False,
    }


def test_check_mode_writes_nothing(tmp_path) -> None:
    result = run(tmp_path / "out", GOOD, check_mode=True)
    assert (result["changed"], result["result"]) == (False, "checked")
    assert os.listdir(tmp_path) == []


def test_an_empty_destination_writes_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("", GOOD)
    assert (result["changed"], result["result"]) == (False, "nothing_to_do")
    assert os.listdir(tmp_path) == []


def test_a_halted_run_is_written_and_then_fails(tmp_path) -> None:
    refused = {"failed": True, "msg": "The plan is refused. Next: Mend it.", "code": "plan_refused"}
    result = run(tmp_path, {"__twostep_run": RUN, "__twostep_plan": refused}, halted=True)
    assert (result["failed"], result["changed"], result["code"], result["result"]) == (True, False, "halted", "halted")
    assert result["msg"] == (
        f"The run is halted, later waves are untouched: The plan is refused. Next: Mend it. The report is {tmp_path}/report.json."
    )
    assert json.loads((tmp_path / "report.json").read_text())["reason"]["code"] == "plan_refused"


def test_a_halt_in_check_mode_fails_too_and_writes_nothing(tmp_path) -> None:
    result = run(tmp_path, {"__twostep_run": RUN}, check_mode=True, halted=True)
    assert (result["failed"], result["code"]) == (True, "halted")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_fails_the_task(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    result = run(tmp_path / "file", GOOD)
    assert (result["failed"], result["changed"], result["code"]) == (True, False, "report_not_written")


def test_without_a_run_the_task_fails(tmp_path) -> None:
    result = run(tmp_path, {})
    assert (result["failed"], result["code"]) == (True, "no_run")
