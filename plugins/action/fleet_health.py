# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``fleet_health``: one question to all hosts at the same moment, over sessions of the controller's own."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import gate, plan, untrusted
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import OK
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_program
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts, controller
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options

display = Display()

ARGUMENT_SPEC = {
    "fleet": {"type": "str", "default": "twostep"},
    "sources": {"type": "list", "elements": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    "stall_seconds": {"type": "float", "default": 1.0},
    "timeout_s": {"type": "float", "default": 10.0},
    "sample_gap_s": {"type": "float", "default": 0.5},
    "host_timeout_s": {"type": "float", "default": 120.0},
    "heard": {"type": "str", "default": ""},
    "heard_s": {"type": "float", "default": 30.0},
}


class ActionModule(ActionBase):
    """``fleet_health`` runs on the controller and uses no connection of Ansible's."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        _unused, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        result["changed"] = False
        hosts = controller.group_hosts(task_vars or {}, options["fleet"])
        if not hosts:
            return controller.failed(result, plan.empty_fleet(options["fleet"]))
        heard = _heard((task_vars or {}).get(options["heard"]), hosts, options["heard_s"]) if options["sources"] else {}
        asked = all_hosts.Asked([], {})
        if len(heard) < len(hosts):
            ways = Options(self._task, self._play_context, task_vars["hostvars"])
            program = health_program if options["sources"] else None
            rest = [host for host in hosts if host not in heard]
            asked = all_hosts.ask(rest, ways, program, question(options), options["host_timeout_s"])
        for reason in asked.left.values():
            display.vv(reason)
        results = [*heard.values(), *asked.results]
        result.update(results=results, left=sorted(asked.left), all_ok=not asked.left and all(map(_is_ok, results)))
        return result


def question(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what hosts are asked, from the options of the task."""
    return {name: options[name] for name in ("sources", "settings", "stall_seconds", "timeout_s", "sample_gap_s")}


def _heard(look: object, hosts: Sequence[str], most_s: float) -> dict[str, dict[str, Any]]:
    """Return by host what a look has just heard of its health. What is not well, or not from just now, is asked anew."""
    told = untrusted.mapping(look)
    asked_at_s = untrusted.number(told.get("asked_at_s"))
    if asked_at_s is None or not 0 <= controller.boottime_s() - asked_at_s <= most_s:
        return {}
    answers = gate.answers_by_host({"results": told.get("health")})
    return {host: dict(answers[host]) for host in hosts if host in answers and _is_ok(answers[host])}


def _is_ok(result: Mapping[str, Any]) -> bool:
    answers = result.get("answers")
    return isinstance(answers, list) and bool(answers) and all(isinstance(one, dict) and one.get("verdict") == OK for one in answers)
