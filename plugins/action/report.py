# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``report``: collects what the hosts registered, and writes report.json and report.html. Touches no host."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import names, report
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller, private_files, report_html

display = Display()

ARGUMENT_SPEC = {
    "dest": {"type": "str", "default": "./twostep-report"},
    "fleet": {"type": "str", "default": "twostep"},
    "run": {"type": "dict", "required": True},
    "plan": {"type": "dict"},
    "intent": {"type": "str", "choices": ["upgrade", "rollback"], "default": "upgrade"},
    "halted": {"type": "bool", "default": False},
    "io": {"type": "dict"},
}


class ActionModule(ActionBase):
    """``report`` runs on the controller and needs no connection."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        _unused, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        result["changed"] = False
        try:
            made = self._build(options, task_vars or {})
            result.update(result=made["result"], run_id=made["run_id"], reason=made["reason"], nodes=made["nodes"])
            if not self._task.check_mode:
                result.update(self._write(options["dest"], made))
                result["changed"] = True
        except TwostepError as error:
            return controller.failed(result, error)
        display.display(report.headline(made))
        data = {"twostep_run_id": made["run_id"], "twostep_result": made["result"], "twostep_report": result.get("json_path")}
        result["ansible_stats"] = {"data": data, "per_host": False, "aggregate": False}
        return result

    @staticmethod
    def _build(options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        given = options["run"]
        hosts = controller.group_hosts(task_vars, options["fleet"])
        run = {
            "run_id": names.identifier(given.get("run_id")),
            "started": str(given.get("started")),
            "family": names.family(given.get("family")),
            "version": names.version(given.get("version")),
            "intent": options["intent"],
            "fleet": hosts,
        }
        registers = {
            host: {name: controller.registered(task_vars, host, name) for _phase, name in report.REGISTERS}
            for host in [*hosts, report.CONTROLLER]
        }
        made_plan = options["plan"] if (options["plan"] or {}).get("order") is not None else None
        finished = controller.stamp(controller.utc_now())
        return report.build(run, made_plan, registers, options["halted"], finished, options["io"])

    @staticmethod
    def _write(dest: str, made: dict[str, Any]) -> dict[str, str]:
        folder = os.path.abspath(os.path.expanduser(dest))
        page = report_html.render(made)
        return {
            "json_path": private_files.write(folder, "report.json", json.dumps(made, indent=2, sort_keys=True) + "\n"),
            "html_path": private_files.write(folder, "report.html", page),
        }
