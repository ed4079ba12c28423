# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a fleet halt, with a report, is not left out of any play or task; see docs/decisions/halting-a-fleet.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLLING = ("rolling_upgrade", "rolling_reload", "preflight")
SWAP = "twostep.hotswap.swap"
GATE = "twostep.hotswap.gate"
FLEET_HEALTH, HEALTH_INFO = "twostep.hotswap.fleet_health", "twostep.hotswap.health_info"
HALTING_ROLES = ("preflight", "plan", "build", "rehearse", "upgrade", "reload")


def plays(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text())


def tasks(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield all tasks of a task list, those in blocks too."""
    for task in blocks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part, []))


def role_files() -> list[Path]:
    return sorted((ROOT / "roles").glob("*/tasks/*.yml"))


def all_tasks() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{path.parent.parent.name}/{path.name}", task) for path in role_files() for task in tasks(yaml.safe_load(path.read_text()))]


@pytest.mark.parametrize("name", ROLLING)
def test_every_play_stops_at_the_first_failure_and_gathers_nothing(name: str) -> None:
    found = [play for play in plays(name) if "import_playbook" not in play]
    assert found
    assert [play["name"] for play in found if play.get("any_errors_fatal") is not True or play.get("gather_facts") is not False] == []


@pytest.mark.parametrize("name", ROLLING)
def test_a_host_that_vanishes_stays_in_its_play_so_that_the_report_is_written(name: str) -> None:
    found = [play for play in plays(name) if play["hosts"] != "localhost"]
    assert found
    assert [play["name"] for play in found if play.get("ignore_unreachable") is not True] == []


def test_the_waves_come_from_the_plan() -> None:
    (upgrade,) = [play for play in plays("rolling_upgrade") if "serial" in play]
    assert upgrade["roles"] == [{"role": "twostep.hotswap.upgrade"}]
    assert ".__twostep_plan.serial " in upgrade["serial"]


def test_a_rehearsal_comes_after_the_verdicts_and_before_the_first_wave_on_all_hosts_at_once() -> None:
    order = [play["name"] for play in plays("rolling_upgrade")]
    assert order[order.index("Check the verdicts") :][:3] == ["Check the verdicts", "Rehearse", "Upgrade wave by wave"]
    (rehearsal,) = [play for play in plays("rolling_upgrade") if play["name"] == "Rehearse"]
    assert "serial" not in rehearsal
    (task,) = [task for _where, task in all_tasks() if "twostep.hotswap.rehearse" in task]
    assert "throttle" not in task
    assert "not ansible_check_mode" in task["when"]


def test_a_rollback_is_the_same_path() -> None:
    (play,) = plays("rollback")
    assert play["ansible.builtin.import_playbook"] == "rolling_upgrade.yml"
    assert play["vars"] == {"twostep_intent": "rollback"}


@pytest.mark.parametrize("role", HALTING_ROLES)
def test_a_failure_in_a_role_of_a_run_ends_in_its_report(role: str) -> None:
    rescues = [
        task["rescue"][-1]
        for path in sorted((ROOT / "roles" / role / "tasks").glob("*.yml"))
        for task in yaml.safe_load(path.read_text())
        if "rescue" in task
    ]
    assert rescues
    for last in rescues:
        assert last["ansible.builtin.include_role"] == {"name": "twostep.hotswap.report", "tasks_from": "halted"}


def test_health_is_left_to_the_gate_to_judge() -> None:
    asked = {name: [(where, task) for where, task in all_tasks() if name in task] for name in (FLEET_HEALTH, HEALTH_INFO)}
    ((where, at_once),) = asked[FLEET_HEALTH]
    assert (where, at_once.get("ignore_errors"), at_once.get("run_once")) == ("preflight/ask.yml", True, True)
    assert at_once[FLEET_HEALTH]["fleet"] == "{{ twostep_fleet }}"
    ((where, in_turn),) = asked[HEALTH_INFO]
    assert (where, in_turn.get("ignore_errors"), in_turn.get("ignore_unreachable")) == ("preflight/ask.yml", True, True)
    assert (in_turn.get("run_once"), in_turn["delegate_to"]) == (True, "{{ item }}")
    assert in_turn["loop"] == f"{{{{ {at_once['register']}.left | default(groups[twostep_fleet]) }}}}"
    assert in_turn[HEALTH_INFO]["sources"] == at_once[FLEET_HEALTH]["sources"] == "{{ twostep_health_sources }}"


def test_every_gate_comes_after_a_question_and_hears_both_answers() -> None:
    for path in role_files():
        order = [
            "gate" if GATE in task else "ask"
            for task in tasks(yaml.safe_load(path.read_text()))
            if GATE in task
            or task.get("ansible.builtin.import_tasks") == "ask.yml"
            or task.get("ansible.builtin.import_role", {}).get("tasks_from") == "ask"
        ]
        assert order == ["ask", "gate"] * (len(order) // 2), path
    for where, task in all_tasks():
        if GATE in task:
            assert task[GATE]["health"] == ["__twostep_asked", "__twostep_health"], where


def test_every_swap_and_every_commit_comes_after_a_gate_of_its_own() -> None:
    role = ROOT / "roles/upgrade/tasks"
    order = [
        next((name for name in ("gate", "swap") if f"twostep.hotswap.{name}" in task), None)
        for path in ("before.yml", "swap.yml")
        for task in yaml.safe_load((role / path).read_text())
    ]
    assert [word for word in order if word] == ["gate", "swap", "gate", "swap"]


def test_holds_never_overlap() -> None:
    """Only a commit of what was swapped already has none, and is done on all hosts of a wave at once."""
    swaps = [(where, task["twostep.hotswap.swap"]["commit"], task.get("throttle")) for where, task in all_tasks() if SWAP in task]
    first, rest = swaps[:-1], swaps[-1]
    assert first == [("upgrade/back.yml", True, 1), ("upgrade/boot.yml", False, 1), ("upgrade/swap.yml", False, 1)]
    assert rest == ("upgrade/swap.yml", True, None)


def test_modules_are_replaced_on_one_host_at_a_time_between_two_gates() -> None:
    (play,) = [play for play in plays("rolling_reload") if play["hosts"] != "localhost"]
    assert play["serial"] == 1
    order = [
        "before" if task.get("ansible.builtin.include_role", {}).get("tasks_from") == "before" else name
        for task in yaml.safe_load((ROOT / "roles/reload/tasks/replace.yml").read_text())
        for name in ("twostep.hotswap.gate", "twostep.hotswap.reload", "ansible.builtin.include_role")
        if name in task
    ]
    assert order == ["before", "twostep.hotswap.reload", "twostep.hotswap.gate"]


def test_nothing_prompts() -> None:
    assert [path.name for path in (ROOT / "playbooks").glob("*.yml") if "vars_prompt" in path.read_text()] == []
    assert [where for where, task in all_tasks() if "ansible.builtin.pause" in task] == []
