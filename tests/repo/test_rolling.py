# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a fleet halt, with a report, is not left out of any play or task; see docs/decisions/halting-a-fleet.md."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

from ansible_collections.twostep.hotswap.plugins.module_utils.core import soak_run
from ansible_collections.twostep.hotswap.plugins.module_utils.core.soak import Bounds

ROOT = Path(__file__).resolve().parents[2]
ROLLING = ("rolling_upgrade", "rolling_reload", "preflight")
SWAP = "twostep.hotswap.swap"
GATE = "twostep.hotswap.gate"
FLEET_HEALTH, HEALTH_INFO = "twostep.hotswap.fleet_health", "twostep.hotswap.health_info"
SOAK, FLEET_EVIDENCE, EVIDENCE_INFO = "twostep.hotswap.soak", "twostep.hotswap.fleet_evidence", "twostep.hotswap.evidence_info"
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
    upgrade, back = [play for play in plays("rolling_upgrade") if "serial" in play]
    assert upgrade["roles"] == [{"role": "twostep.hotswap.upgrade"}]
    assert ".__twostep_plan.serial " in upgrade["serial"]
    assert back["serial"] == 1


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
        for path in ("before.yml", "swap.yml", "roll_back_hop.yml")
        for task in yaml.safe_load((role / path).read_text())
    ]
    assert [word for word in order if word] == ["gate", "swap", "gate", "swap"] * 2


def test_the_way_back_asks_what_the_way_there_asks_and_forces_nothing() -> None:
    there = [task[GATE] for name in ("before.yml", "swap.yml") for task in upgrade(name) if GATE in task]
    back = [task[GATE] for task in upgrade("roll_back_hop.yml") if GATE in task]
    assert back == there
    swaps = [task[SWAP] for task in upgrade("roll_back_hop.yml") if SWAP in task]
    assert [(swap["commit"], "one_way" in swap, "witness" in swap) for swap in swaps] == [(False, False, True), (True, False, False)]
    (there_swap,) = [task[SWAP] for task in upgrade("swap.yml") if "witness" in task.get(SWAP, {})]
    assert swaps[0]["witness"] == there_swap["witness"]


def test_a_failed_wave_is_judged_before_it_halts_and_whoever_has_vanished_is_counted() -> None:
    judged = [task for task in upgrade("failed.yml") if "twostep.hotswap.failure_budget" in task]
    assert [(task["register"], task["run_once"]) for task in judged] == [("__twostep_failures", True), ("__twostep_settled", True)]
    # Ansible takes a host that does not answer out of ansible_play_batch.
    assert "ansible_play" not in judged[0]["twostep.hotswap.failure_budget"]["touch"]
    (whole,) = yaml.safe_load((ROOT / "roles/upgrade/tasks/main.yml").read_text())
    last = {task["name"]: task.get("when") for task in whole["rescue"][-3:]}
    assert last == {
        "Go on with the next wave, or with the way back": "__twostep_failures.verdict != 'halt'",
        "End the waves": "__twostep_failures.verdict == 'roll_back'",
        "Halt": "__twostep_failures.verdict == 'halt'",
    }


def test_what_evidence_speaks_against_is_marked_before_anything_goes_back() -> None:
    (whole,) = yaml.safe_load((ROOT / "roles/upgrade/tasks/main.yml").read_text())
    assert included(whole["rescue"][0]) == "reject.yml"
    (mark,) = upgrade("reject.yml")
    assert (mark["delegate_to"], mark["ignore_errors"], mark["ignore_unreachable"]) == ("{{ item.host }}", True, True)


def upgrade(name: str) -> list[dict[str, Any]]:
    return list(tasks(yaml.safe_load((ROOT / "roles/upgrade/tasks" / name).read_text())))


def included(task: dict[str, Any]) -> str:
    return task.get("ansible.builtin.include_tasks") or task.get("ansible.builtin.import_tasks") or ""


def test_a_wave_opens_and_a_version_is_committed_only_after_the_evidence_is_judged() -> None:
    assert [included(task) for task in upgrade("hop.yml") if included(task)] == ["before.yml", "soak_before.yml", "swap.yml"]
    order = [included(task) or next((name for name in (SWAP, GATE) if name in task), "") for task in upgrade("swap.yml")]
    assert [word for word in order if word in (SWAP, GATE, "soak.yml")] == [SWAP, "soak.yml", GATE, SWAP]
    conditions = {included(task): task["when"] for name in ("hop.yml", "swap.yml") for task in upgrade(name) if "soak" in included(task)}
    assert conditions == {"soak_before.yml": "twostep_soak | bool and not ansible_check_mode", "soak.yml": "twostep_soak | bool"}


def test_every_judgement_comes_after_a_look_hears_all_of_it_and_has_the_bounds_of_the_user() -> None:
    found = []
    for name in ("soak_before.yml", "soak.yml", "soak_longer.yml"):
        order = [
            "soak" if SOAK in task else "look"
            for task in upgrade(name)
            if SOAK in task or task.get("ansible.builtin.import_role", {}).get("tasks_from") == "evidence"
        ]
        assert order == ["look", "soak"] * (len(order) // 2), name
        found += [task for task in upgrade(name) if SOAK in task]
    assert [(task[SOAK]["stage"], task["register"]) for task in found] == list(soak_run.REGISTERS.items())
    for task in found:
        assert task[SOAK]["evidence"] == ["__twostep_evidence", "__twostep_evidence_in_turn"] == list(soak_run.EARLY)
        assert (task.get("run_once"), task.get("ignore_errors")) == (True, None)
        assert {name: task[SOAK][name] for name in asdict(Bounds())} == {
            name: f"{{{{ twostep_soak_{name} }}}}" for name in asdict(Bounds())
        }


def test_the_look_after_a_swap_and_the_gate_before_its_commit_are_one_question() -> None:
    """A host has three round trips in its window: swap, look, commit. What is skipped would overwrite the look, so it is included."""
    looks = {
        name: task["vars"]["__twostep_with_health"]
        for name in ("soak.yml", "soak_longer.yml")
        for task in upgrade(name)
        if task.get("ansible.builtin.import_role", {}).get("tasks_from") == "evidence"
    }
    assert looks == {"soak.yml": "{{ twostep_soak_s | float <= 0 }}", "soak_longer.yml": True}
    (longer,) = [task for task in upgrade("soak.yml") if included(task)]
    assert (longer["ansible.builtin.include_tasks"], longer["when"]) == ("soak_longer.yml", "twostep_soak_s | float > 0")
    (ask,) = [task for task in upgrade("swap.yml") if task.get("ansible.builtin.import_role", {}).get("tasks_from") == "ask"]
    assert ask["vars"]["__twostep_heard"] == "{{ (twostep_soak | bool) | ternary('__twostep_evidence', '') }}"
    (before,) = [task for task in upgrade("before.yml") if task.get("ansible.builtin.import_role", {}).get("tasks_from") == "ask"]
    assert "vars" not in before


def test_what_is_asked_once_for_a_wave_is_no_task_of_each_host() -> None:
    imported = [
        (name, task)
        for name in ("before.yml", "swap.yml", "hop.yml")
        for task in upgrade(name)
        if "ansible.builtin.import_role" in task or "soak" in included(task)
    ]
    assert len(imported) == 6
    assert [(name, task["name"]) for name, task in imported if task.get("run_once") is not True] == []


def test_a_soak_of_half_a_second_is_no_error_and_needs_no_rights_on_the_controller() -> None:
    (wait,) = [task for task in upgrade("soak_longer.yml") if "ansible.builtin.wait_for" in task]
    assert wait["ansible.builtin.wait_for"] == {"timeout": "{{ twostep_soak_s | float | round(0, 'ceil') | int }}"}
    assert wait["become"] is False


def test_the_bounds_of_the_role_are_those_of_the_judgement() -> None:
    defaults = yaml.safe_load((ROOT / "roles/upgrade/defaults/main.yml").read_text())
    assert {name: defaults[f"twostep_soak_{name}"] for name in asdict(Bounds())} == asdict(Bounds())


def test_a_look_that_failed_is_left_to_the_judgement() -> None:
    looks = [(where, task) for where, task in all_tasks() if FLEET_EVIDENCE in task or EVIDENCE_INFO in task]
    assert [(where, task["register"]) for where, task in looks] == [("preflight/evidence.yml", name) for name in soak_run.EARLY]
    (_where, at_once), (_where, in_turn) = looks
    assert (at_once["ignore_errors"], in_turn["ignore_errors"], in_turn["ignore_unreachable"]) == (True, True, True)
    assert in_turn["loop"] == "{{ __twostep_evidence.left | default(__twostep_touch) }}"


def test_a_wave_goes_back_by_one_short_hold_if_its_soak_failed() -> None:
    (back,) = [task for task in upgrade("main.yml") if included(task) == "back.yml" and "soak" in str(task["when"])]
    for stage in ("swapped", "soaked"):
        assert f"({soak_run.REGISTERS[stage]} | default({{}})) is failed" in back["when"][0]
    assert back["when"][1:] == ["(__twostep_commit | default({})).results is not defined"]
    assert back["vars"] == {"back_modes": ["handover", "two_step"]}


def test_no_slot_is_taken_down_on_the_way_back_while_a_peer_is_not_well() -> None:
    plain, witnessed = [task for task in upgrade("main.yml") if included(task) == "back.yml" and "soak" not in str(task["when"])]
    assert (plain["when"][-1], "vars" in plain) == ("codes is not contains('witness')", False)
    assert (witnessed["when"][-1], witnessed["vars"]) == ("codes is contains('witness')", {"back_modes": ["handover", "two_step", "cold"]})


def test_hosts_of_a_wave_share_a_hop_only_if_all_their_hops_are_the_same() -> None:
    """Otherwise one with the hops 1.1.0, 1.2.0 beside one with 1.2.0 alone would go to 1.2.0 first, and end at 1.1.0."""
    (hops,) = [task for task in upgrade("main.yml") if included(task) == "hop.yml"]
    assert (hops["loop_control"]["loop_var"], hops["loop_control"]["extended"]) == ("__twostep_hop", True)


def test_holds_never_overlap() -> None:
    """Only a commit of what was swapped already has none, and is done on all hosts of a wave at once."""
    swaps = [(where, task["twostep.hotswap.swap"]["commit"], task.get("throttle")) for where, task in all_tasks() if SWAP in task]
    assert [one for one in swaps if one[2] != 1] == [("upgrade/roll_back_hop.yml", True, None), ("upgrade/swap.yml", True, None)]
    assert [one[:2] for one in swaps if one[2] == 1] == [
        ("upgrade/back.yml", True),
        ("upgrade/boot.yml", False),
        ("upgrade/roll_back.yml", False),
        ("upgrade/roll_back_hop.yml", False),
        ("upgrade/swap.yml", False),
    ]


def test_a_commit_swaps_nothing() -> None:
    """With the generation that was judged, a slot to which the old child has come back is refused, and not swapped once more."""
    (commit,) = [task for task in upgrade("swap.yml") if task.get("register") == "__twostep_commit"]
    assert commit[SWAP]["generation"] == "{{ (served | selectattr('item.slot', 'equalto', item.slot) | first).generation_after }}"
    assert "((item.mode == 'cold') | ternary(__twostep_boot | default({}), __twostep_swap)).results" in commit["vars"]["served"]
    assert commit[SWAP]["generation"].endswith(".generation_after }}")


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
