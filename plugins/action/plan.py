# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``plan``: hands the hosts' registered results to core and shows what it decides. Touches no host."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import (
    failure_budget,
    fleet,
    names,
    plan,
    reload,
    roll_back,
    table,
    waves,
    window,
)
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller

display = Display()

ARGUMENT_SPEC = {
    "stage": {"type": "str", "choices": ["inputs", "reload", "status", "plan", "check", "back"], "default": "plan"},
    "fleet": {"type": "str", "default": "twostep"},
    "family": {"type": "str"},
    "version": {"type": "raw"},
    "modules": {"type": "list", "elements": "str"},
    "canary": {"type": "int", "default": 1},
    "wave_size": {"type": "int", "default": 1},
    "warm": {"type": "bool", "default": False},
    "cold": {"type": "bool", "default": False},
    "accept_rejected": {"type": "bool", "default": False},
    "max_failures": {"type": "int", "default": 0},
    "windows": {"type": "list", "elements": "raw", "default": []},
    "time_zone": {"type": "str", "default": "UTC"},
}


class ActionModule(ActionBase):
    """``plan`` runs on the controller and needs no connection."""

    TRANSFERS_FILES = False
    BYPASS_HOST_LOOP = True
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        _unused, options = self.validate_argument_spec(
            argument_spec=ARGUMENT_SPEC,
            required_if=[
                *[("stage", stage, ("family", "version")) for stage in ("inputs", "plan", "check")],
                ("stage", "reload", ("modules",)),
                ("stage", "back", ("family",)),
            ],
        )
        result["changed"] = False
        try:
            result.update(self._stage(options, task_vars or {}))
        except TwostepError as error:
            return controller.failed(result, error)
        return result

    def _stage(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        hosts = controller.group_hosts(task_vars, options["fleet"])
        if options["stage"] == "status":
            return self._status(options["fleet"], hosts, task_vars)
        if options["stage"] == "back":
            return self._way_back(options["family"], options["warm"], task_vars)
        failure_budget.check(options["max_failures"])
        window.parse(options["windows"])
        controller.local_now(options["time_zone"])
        if options["stage"] == "reload":
            wanted = reload.wish(options["modules"])
            if not hosts:
                raise plan.empty_fleet(options["fleet"])
            return {**_run(options["fleet"]), "modules": list(wanted.modules)}
        asked = [options[name] for name in ("family", "version", "canary", "wave_size", "warm", "cold")]
        policy = replace(plan.check_inputs(options["fleet"], hosts, *asked), accept_rejected=options["accept_rejected"])
        if options["stage"] == "inputs":
            return {**_run(options["fleet"]), "family": policy.family, "version": policy.version}
        return self._plan(options["stage"], hosts, policy, task_vars)

    def _plan(self, stage: str, hosts: list[str], policy: plan.Policy, task_vars: dict[str, Any]) -> dict[str, Any]:
        known = {host: controller.raw_vars(task_vars, host) for host in hosts}
        facts = {host: fleet.facts(known[host].get("__twostep_slots"), policy.family) for host in hosts}
        compat = {host: fleet.compat(known[host].get("__twostep_compat")) for host in hosts}
        places = {host: waves.place(known[host].get("__twostep_place"), host) for host in hosts}
        built = stage == "check"
        made = plan.make(hosts, facts, compat, policy, built, places)
        drifts = [] if built else [*plan.drifts(facts), *plan.rejections(facts)]
        if not built or made.waves:
            lines = table.render(["WAVE", "HOST", "SLOT", "FROM", "TO", "VERDICT", "REASON"], plan.rows(made))
            _show([*lines, f"{len(made.waves)} waves, digest {made.digest[:12]}" if made.waves else "Nothing to do.", *drifts])
        else:
            lines = []
        return {**plan.as_dict(made), "summary": lines, "drift": drifts, "accepted": plan.accepted(made, facts)}

    def _way_back(self, family: str, warm: bool, task_vars: dict[str, Any]) -> dict[str, Any]:
        host = str(task_vars["inventory_hostname"])
        known = {name: controller.raw_vars(task_vars, name) for name in (host, "localhost")}
        facts = fleet.facts(known[host].get("__twostep_slots_back"), names.family(family))
        compat = fleet.compat(known[host].get("__twostep_compat_back"))
        slots = roll_back.warm_slots(host, known) if warm else []
        return {"hops": roll_back.ways(host, family, roll_back.goals(host, known["localhost"]), facts, compat, slots)}

    def _status(self, name: str, hosts: list[str], task_vars: dict[str, Any]) -> dict[str, Any]:
        if not hosts:
            raise plan.empty_fleet(name)
        rows: list[list[object]] = []
        marks: dict[str, fleet.Facts] = {}
        for host in sorted(hosts, key=fleet.natural):
            known = marks[host] = fleet.facts(controller.raw_vars(task_vars, host).get("__twostep_slots"), None)
            rows += [
                [host, slot.slot, slot.family, slot.version, slot.state, slot.parked, slot.generation, _note(slot)] for slot in known.slots
            ]
            if not known.slots:
                rows.append([host, None, None, None, None, None, None, known.problem or "no slot"])
        lines = table.render(["HOST", "SLOT", "FAMILY", "VERSION", "STATE", "PARKED", "GENERATION", "NOTE"], rows)
        lines += plan.rejections(marks)
        _show(lines)
        return {"summary": lines}


def _run(fleet_name: str) -> dict[str, Any]:
    """Return the name of a new run, when it began, and of which fleet it is."""
    now = controller.utc_now()
    run_id = f"{now.strftime('%Y%m%dt%H%M%Sz')}-{secrets.token_hex(3)}"
    return {"run_id": run_id, "started": controller.stamp(now), "fleet": fleet_name}


def _note(slot: fleet.Slot) -> str | None:
    return f"drift: {', '.join(found.code for found in slot.drift)}" if slot.drift else None


def _show(lines: list[str]) -> None:
    for line in lines:
        display.display(line)
