# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The campaign of faults itself: its places exist in a run, its controller stops there, and its oracles can be red."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos import __main__ as campaign
from chaos import faults, oracles, place
from chaos.controller import Controller

from ansible_collections.twostep.hotswap.plugins.module_utils.core import ledger

ROOT = Path(__file__).resolve().parents[2]


def task_names() -> list[str]:
    """Return the names of all tasks of the roles, those in blocks too."""
    found: list[str] = []

    def walk(tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            found.append(task.get("name", ""))
            for part in ("block", "rescue", "always"):
                walk(task.get(part, []))

    for path in (ROOT / "roles").glob("*/tasks/*.yml"):
        walk(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("name", place.TASKS.values())
def test_a_phase_is_a_task_of_a_run(name: str) -> None:
    assert name in task_names()


def test_the_waves_are_a_play_of_the_run() -> None:
    plays = yaml.safe_load((ROOT / "playbooks/rolling_upgrade.yml").read_text(encoding="utf-8"))
    assert [play["name"] for play in plays if "__twostep_plan.serial" in str(play.get("serial"))] == [place.WAVES]


def test_every_phase_of_a_run_is_one_in_which_the_controller_is_killed() -> None:
    (kill,) = [fault for fault in faults.FAULTS if fault.name == "controller killed"]
    assert set(kill.phases) == set(place.PHASES)
    assert len(place.PHASES) == 14


def test_the_short_form_has_ten_faults_that_there_are() -> None:
    found = [step for job in campaign.short() for step in job]
    assert len(found) == 10
    assert [where for fault, where in found if where.phase not in fault.phases] == []


def test_a_seed_chooses_the_same_faults_again_and_each_of_them_in_turn() -> None:
    first, again, other = ([step for job in campaign.chosen(50, seed) for step in job] for seed in (1, 1, 2))
    assert [(fault.name, where) for fault, where in first] == [(fault.name, where) for fault, where in again]
    assert [(fault.name, where) for fault, where in first] != [(fault.name, where) for fault, where in other]
    assert {fault.name for fault, _where in first} == {fault.name for fault in faults.FAULTS}


RUN = [("Ask the fleet", "Read the slots"), (place.WAVES, "Swap"), (place.WAVES, "Swap"), ("Report", "Write the report")]


@pytest.mark.parametrize(
    ("where", "at"),
    [
        (place.Place("preflight"), ["task 0"]),
        (place.Place("before the swap", 1), ["task 1"]),
        (place.Place("before the swap", 2), ["task 2"]),
        (place.Place(place.HOLD, 2), ["task 2"]),
        (place.Place(place.BETWEEN, 1), ["play 2"]),
        (place.Place("before the swap", 3), []),
    ],
)
def test_a_place_is_reached_once(where: place.Place, at: list[str]) -> None:
    found = []
    for number, (play, task) in enumerate(RUN):
        if where.reached(play, None):
            found.append(f"play {number}")
        if where.reached(None, task):
            found.append(f"task {number}")
    assert found == at


PLAYBOOK = """
- name: Three tasks
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: First
      ansible.builtin.debug: {msg: one}
    - name: Swap
      ansible.builtin.debug: {msg: two}
    - name: Third
      ansible.builtin.debug: {msg: three}
"""


@pytest.fixture
def controller(tmp_path: Path) -> Any:
    (tmp_path / "play.yml").write_text(PLAYBOOK.replace("Three tasks", place.WAVES), encoding="utf-8")
    (tmp_path / "hosts").write_text("localhost\n", encoding="ascii")
    made = Controller(tmp_path / "hosts", tmp_path / "log", {}, str(tmp_path / "play.yml"))
    yield made
    made.close()


def test_a_controller_is_killed_at_its_place(controller: Controller) -> None:
    controller.go(place.Place("before the swap"), controller.kill)
    assert controller.reached
    assert controller.status == -9
    assert "one" in controller.text()
    assert "two" not in controller.text()


def test_a_controller_waits_while_something_is_done(controller: Controller) -> None:
    seen: list[bool] = []
    controller.go(place.Place("before the swap"), lambda: seen.append("two" in controller.text()))
    assert (seen, controller.status) == ([False], 0)
    assert "three" in controller.text()


def test_a_controller_that_sleeps_goes_on_when_it_is_woken(controller: Controller) -> None:
    controller.go(place.Place("before the swap"), controller.stop)
    assert controller.status is None
    assert "two" not in controller.text()
    controller.wake()
    assert controller.status == 0
    assert "three" in controller.text()


def lines(*told: tuple[str, str, str, str]) -> str:
    made = [
        ledger.encode(ledger.Entry(number, at, "run", swap, "data", phase, event)).decode()
        for number, (at, swap, phase, event) in enumerate(told, start=1)
    ]
    return "".join(made).strip()


def instant(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def swap(begin: int, end: int) -> str:
    return lines((instant(begin), "s", "swap", "begin"), (instant(end), "s", "swap", "end"))


def look(**changes: Any) -> dict[str, Any]:
    slot = {"state": "serving", "version": "1.1.0", "parked": "", "generation": "2", "probation": "none", "inflight": "0 0"}
    whole = {
        "slots": {"data": {**slot, **changes.pop("slot", {})}},
        "boot": {"data": "1.1.0"},
        "ledger": swap(10, 12),
        "lease": "",
        "degraded": "0",
        "sync": "idle",
        "votes": 3,
        "workload": "active",
        "boot_id": "a",
        "log": ["[1.0] fine"],
    }
    return {**whole, **changes}


def test_a_fleet_that_is_well_has_no_complaints() -> None:
    looks = {"n1": look(), "n2": look(ledger=swap(12, 15))}
    assert oracles.safe(looks, ("1.0.0", "1.1.0")) == []
    assert oracles.finished(looks, "1.1.0", 3) == []
    assert oracles.alarms(looks, looks, re.compile("BUG:")) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workload": "failed"}, "n1: the workload is 'failed'"),
        ({"slot": {"state": "held"}}, "n1 data: 'held' instead of serving"),
        ({"slot": {"version": "9.9.9"}}, "version '9.9.9', which nobody has asked for"),
        ({"boot": {"data": "9.9.9"}}, "a boot would bring up '9.9.9'"),
        ({"ledger": "rubbish\n" + swap(1, 2)}, "Line 1 of the ledger"),
        ({"ledger": swap(13, 15)}, "n2 and n1 swapped at the same moment"),
    ],
)
def test_what_is_lost_is_told(changes: dict[str, Any], said: str) -> None:
    (told,) = oracles.safe({"n1": look(**changes), "n2": look(ledger=swap(12, 14))}, ("1.0.0", "1.1.0"))
    assert said in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slot": {"version": "1.0.0"}}, "serves '1.0.0'"),
        ({"slot": {"parked": "1.0.0"}}, "parked '1.0.0'"),
        ({"boot": {"data": "1.0.0"}}, "boots '1.0.0'"),
        ({"degraded": "1"}, "md0 lacks 1 copies"),
        ({"sync": "recover"}, "is recover"),
        ({"votes": 2}, "sees 2 votes of 3"),
        ({"lease": '{"lease": {"run_id": "r"}}'}, "the lease was not given back"),
        ({"ledger": lines((instant(1), "s", "swap", "begin"))}, "s (swap): begun and never ended"),
    ],
)
def test_what_was_not_finished_is_told(changes: dict[str, Any], said: str) -> None:
    (told,) = oracles.finished({"n1": look(**changes)}, "1.1.0", 3)
    assert said in told


def test_a_node_is_pending_until_it_has_committed() -> None:
    looks = {"n1": look(), "n2": look(slot={"parked": "1.0.0"}), "n3": look(slot={"version": "1.0.0"})}
    assert oracles.pending(looks, "1.1.0") == ["n2", "n3"]


def test_only_new_reports_count_and_not_those_that_were_meant() -> None:
    before = {"n1": look(log=["[1.0] BUG: old"])}
    after = {"n1": look(log=["[1.0] BUG: old", "[2.0] BUG: new", "[3.0] I/O error, dev nvme0n1"])}
    patterns = re.compile("BUG:|I/O error, dev")
    assert len(oracles.alarms(before, after, patterns)) == 2
    assert oracles.alarms(before, after, patterns, "I/O error") == ["n1: the kernel says '[2.0] BUG: new'"]
    rebooted = {"n1": look(log=["[1.0] BUG: old"], boot_id="b")}
    assert len(oracles.alarms(before, rebooted, patterns)) == 1
