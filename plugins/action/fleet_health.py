# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``fleet_health``: one question to all hosts at the same moment, over sessions of the controller's own."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import plan
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
        ways = Options(self._task, self._play_context, task_vars["hostvars"])
        question = health_program if options["sources"] else None
        asked = all_hosts.ask(hosts, ways, question, _question(options), options["host_timeout_s"])
        for reason in asked.left.values():
            display.vv(reason)
        all_ok = not asked.left and all(map(_is_ok, asked.results))
        result.update(results=asked.results, left=sorted(asked.left), all_ok=all_ok)
        return result


def _question(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("sources", "settings", "stall_seconds", "timeout_s", "sample_gap_s")}


def _is_ok(result: Mapping[str, Any]) -> bool:
    answers = result.get("answers")
    return isinstance(answers, list) and bool(answers) and all(isinstance(one, dict) and one.get("verdict") == OK for one in answers)
