# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate as an action: open, closed, and never open for want of a question."""

from __future__ import annotations

from datetime import datetime, timezone
from unittest.mock import MagicMock

import pytest

from ansible_collections.twostep.hotswap.plugins.action import gate as action

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=timezone.utc)
GOOD = {"source": "md", "subject": "md0", "verdict": "ok", "reason": "Fine.", "sampled_at": "2026-01-01T12:00:00Z"}
OPTIONS = {"fleet": "storage", "touch": ["n1"], "sources": ["md"], "health": "told"}


@pytest.fixture(autouse=True)
def controller(monkeypatch) -> MagicMock:
    monkeypatch.setattr(action.controller, "utc_now", lambda: NOW)
    display = MagicMock()
    monkeypatch.setattr(action, "display", display)
    return display


def run(told: object, hosts: tuple = ("n1", "n2"), **changed: object) -> dict:
    task = MagicMock(args={**OPTIONS, **changed}, async_val=0, check_mode=False, diff=False)
    plugin = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return plugin.run(task_vars={"groups": {"storage": list(hosts)}, "told": told})


def answers(**by_host: dict) -> dict:
    return {"results": [{"item": host, "answers": [answer]} for host, answer in by_host.items()]}


def test_all_well(controller: MagicMock) -> None:
    result = run(answers(n1=GOOD, n2=GOOD))
    assert (result["verdict"], result["changed"], result.get("failed")) == ("open", False, None)
    assert len(result["gates"]) == 2
    controller.display.assert_called_once_with("gate open for n1: 2 of 2 answers are ok")


def test_one_host_not_well_closes_the_gate_for_another() -> None:
    result = run(answers(n1=GOOD, n2={**GOOD, "verdict": "not_ok", "reason": "md0 is degraded."}))
    assert (result["failed"], result["changed"], result["code"], result["verdict"]) == (True, False, "gate_closed", "closed")
    assert result["msg"] == (
        "n1 must not be touched now: n2 md md0: not_ok, md0 is degraded. "
        "Next: Bring the hosts named back to health, or correct twostep_health_sources, and run again; finished hosts are left alone."
    )


@pytest.mark.parametrize("told", [None, {}, {"results": []}, answers(n1=GOOD), {"failed": True, "msg": "broken"}])
def test_a_host_that_did_not_answer_closes_the_gate(told: object) -> None:
    assert run(told)["code"] == "gate_closed"


def test_a_host_to_be_touched_that_is_not_in_the_fleet_must_answer_too() -> None:
    assert run(answers(n1=GOOD, n2=GOOD), touch=["n9"])["code"] == "gate_closed"


def test_an_empty_fleet_is_not_a_healthy_one() -> None:
    assert run(answers(n1=GOOD), hosts=())["code"] == "empty_fleet"


def test_no_required_source_opens_with_a_warning(controller: MagicMock) -> None:
    assert run(None, sources=[])["verdict"] == "open"
    controller.warning.assert_called_once_with("No health source is required, so the gate is open without a question.")


def test_the_shelf_life_is_an_option() -> None:
    old = {**GOOD, "sampled_at": "2026-01-01T11:59:00Z"}
    assert run(answers(n1=old, n2=old), shelf_life_s=59)["code"] == "gate_closed"
    assert run(answers(n1=old, n2=old), shelf_life_s=60)["verdict"] == "open"


def test_a_pause_file_closes_it_whatever_the_health(tmp_path) -> None:
    asked = answers(n1=GOOD, n2=GOOD)
    assert run(asked, pause_file=str(tmp_path / "pause"))["verdict"] == "open"
    (tmp_path / "pause").symlink_to("nowhere")
    result = run(asked, pause_file=str(tmp_path / "pause"))
    assert (result["failed"], result["code"]) == (True, "paused")
    assert result["msg"] == (
        f"The run is paused: {tmp_path}/pause exists. Next: Remove the file and run again; finished hosts are left alone."
    )


@pytest.mark.parametrize(
    ("begin", "zone", "code"),
    [("12:00", "UTC", None), ("12:01", "UTC", "outside_window"), ("13:00", "Europe/Vienna", None), ("12:00", "Europe/Vienna", None),
     ("13:01", "Europe/Vienna", "outside_window"), ("12:00", "Mars/Olympus", "bad_time_zone")],
)  # fmt: skip
def test_windows_are_of_a_time_zone(begin: str, zone: str, code: str | None) -> None:
    result = run(answers(n1=GOOD, n2=GOOD), windows=[{"from": begin, "to": "14:00"}], time_zone=zone)
    assert result.get("code") == code
