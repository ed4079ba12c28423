# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever touches a host in a run does so under the run's lease: taken before any work, renewed at each gate, told to each host."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLE = "twostep.hotswap.lease"
ACTS = ("twostep.hotswap.swap", "twostep.hotswap.reload")
FLEET_LEASE, LEASE = "twostep.hotswap.fleet_lease", "twostep.hotswap.lease"


def tasks(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield all tasks of a task list, those in blocks too."""
    for task in blocks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part, []))


def of_role(name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the tasks of a role, each with its file."""
    folder = ROOT / "roles" / name / "tasks"
    return [(path.name, task) for path in sorted(folder.glob("*.yml")) for task in tasks(yaml.safe_load(path.read_text()))]


def lease_step(task: dict[str, Any]) -> str | None:
    """Return which entry point of the role a task takes, None for none."""
    for word in ("ansible.builtin.import_role", "ansible.builtin.include_role"):
        if task.get(word, {}).get("name") == ROLE:
            return str(task[word].get("tasks_from", "main"))
    return None


def plays(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text())


def test_whatever_acts_in_a_run_tells_the_epoch() -> None:
    acting = [
        (where, task.get("register"), task[name].get("epoch"))
        for role in ("upgrade", "reload")
        for where, task in of_role(role)
        for name in ACTS
        if name in task
    ]
    assert len(acting) == 12
    silent = [
        register for _where, register, epoch in acting if epoch != "{{ hostvars['localhost']['__twostep_lease'].epoch | default(omit) }}"
    ]
    assert silent == ["__twostep_kept", "__twostep_look"]  # which replace nothing, and come before the lease


def test_a_host_is_asked_right_before_its_reboot() -> None:
    asked, reboot = [task for where, task in of_role("upgrade") if where == "reboot.yml"][:2]
    assert asked["twostep.hotswap.lease"] == {"state": "admitted", "epoch": "{{ hostvars['localhost']['__twostep_lease'].epoch }}"}
    assert "ansible.builtin.reboot" in reboot


def test_the_lease_is_renewed_between_the_question_and_every_gate() -> None:
    found = []
    for role in ("upgrade", "reload"):
        order = [
            "gate" if "twostep.hotswap.gate" in task else lease_step(task) or task.get("ansible.builtin.import_role", {}).get("tasks_from")
            for _where, task in of_role(role)
        ]
        found += [order[index - 2 : index + 1] for index, word in enumerate(order) if word == "gate"]
    assert found == [["ask", "renew", "gate"]] * 5


def test_the_lease_lives_longer_than_a_soak() -> None:
    lengths = [task[FLEET_LEASE]["longest_s"] for _where, task in of_role("lease") if "longest_s" in task.get(FLEET_LEASE, {})]
    assert lengths == ["{{ twostep_task_timeout_s + (twostep_soak_s | default(0) | float) }}"] * 2
    soak = [lease_step(task) or task["name"] for where, task in of_role("upgrade") if where == "soak_longer.yml"]
    assert soak[soak.index("Let time pass") - 1] == "renew"


def test_it_is_taken_before_any_work_and_given_back_after_the_report() -> None:
    names = [play["name"] for play in plays("rolling_upgrade")]
    (plan,) = [play for play in plays("rolling_upgrade") if play["name"] == "Plan the waves"]
    assert [lease_step(task) for task in plan["tasks"]] == [None, "main"]
    assert names.index("Plan the waves") < names.index("Build ahead")
    for name in ("rolling_upgrade", "rolling_reload"):
        last = plays(name)[-1]
        (whole,) = last["tasks"]
        assert [task["ansible.builtin.import_role"] for task in whole["block"]] == [{"name": "twostep.hotswap.report"}]
        assert [lease_step(task) for task in whole["always"]] == ["give_back"]  # also where the report cannot be written
    assert next(lease_step(task) for where, task in of_role("reload") if where == "replace.yml") == "hold"


def test_a_run_without_work_takes_nothing_and_neither_does_check_mode() -> None:
    ((_where, whole),) = [(where, task) for where, task in of_role("lease") if where == "main.yml" and "rescue" in task]
    assert whole["when"] == "hostvars['localhost']['__twostep_plan'].order | length > 0 or twostep_lease_takeover | length > 0"
    for name in ("hold.yml", "renew.yml"):
        block = next(task for where, task in of_role("lease") if where == name)
        assert "not ansible_check_mode" in block["when"]
        assert "twostep_lease_provider != 'none'" in block["when"]


def test_a_refusal_ends_in_a_report_and_gives_back_what_was_granted() -> None:
    ((_where, whole),) = [(where, task) for where, task in of_role("lease") if where == "main.yml" and "rescue" in task]
    assert whole["rescue"][-1]["ansible.builtin.include_role"] == {"name": "twostep.hotswap.report", "tasks_from": "halted"}
    hold = next(task for where, task in of_role("lease") if where == "hold.yml")
    assert "rescue" not in hold  # the refusal stays the failure
    (back,) = hold["always"]
    assert (back["ansible.builtin.include_tasks"], back["vars"]["__twostep_lease_state"]) == ("give.yml", "released")
    assert "(__twostep_lease_judged | default({'failed': true})) is failed" in back["when"]


def test_a_halt_keeps_the_lease_and_says_so_before_the_report() -> None:
    order = [
        lease_step(task) or ("report" if "twostep.hotswap.report" in task else None)
        for where, task in of_role("report")
        if where == "halted.yml"
    ]
    assert order[-2:] == ["halt", "report"]
    (halt,) = [task for where, task in of_role("lease") if where == "halt.yml"]
    assert (halt["vars"]["__twostep_lease_state"], halt["ansible.builtin.include_tasks"]) == ("halted", "give.yml")


def test_only_a_count_makes_a_lease() -> None:
    """What a host answers is judged by the count that comes next; saying that it is over never keeps a run from its end."""
    for where, task in of_role("lease"):
        if LEASE in task:
            assert (task.get("ignore_errors"), task.get("ignore_unreachable"), task.get("run_once")) == (True, True, True), where
            assert task["delegate_to"] == "{{ item }}"
            # Without a default a task that is skipped, as in check mode, would fail for want of an item.
            assert task["loop"].endswith(".left | default([]) }}"), where
        if FLEET_LEASE in task:
            is_word = task[FLEET_LEASE]["state"] not in ("read", "held", "renewed", "judged", "shown")
            assert (task.get("ignore_errors", False), task.get("run_once")) == (is_word, True), where
    for where, task in of_role("lease"):
        if "ansible.builtin.set_fact" in task:
            assert task["ansible.builtin.set_fact"] == {"__twostep_lease": "{{ __twostep_lease_judged.lease }}"}, where
            assert (task["delegate_to"], task["delegate_facts"]) == ("localhost", True)
    for name in ("hold", "renew"):
        order = [
            task[FLEET_LEASE]["state"] if FLEET_LEASE in task else "keep" if "ansible.builtin.set_fact" in task else "in turn"
            for where, task in of_role("lease")
            if where == f"{name}.yml" and (FLEET_LEASE in task or LEASE in task or "ansible.builtin.set_fact" in task)
        ]
        assert order == [{"hold": "held", "renew": "renewed"}[name], "in turn", "judged", "keep"]
