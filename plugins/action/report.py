# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``report``: collects what the hosts registered, and writes report.json and report.html. Touches no host."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import report
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller, private_files, report_html

display = Display()

ARGUMENT_SPEC = {
    "dest": {"type": "str", "default": "./twostep-report"},
    "fleet": {"type": "str", "default": "twostep"},
    "intent": {"type": "str", "choices": ["upgrade", "rollback"], "default": "upgrade"},
    "halted": {"type": "bool", "default": False},
    "io": {"type": "dict"},
}

_REPORT = ("report", "Point twostep_report_dir to a folder on the controller that can be written.")


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
            if options["dest"] and not self._task.check_mode:
                result.update(self._write(options["dest"], made))
                result["changed"] = True
        except TwostepError as error:
            return controller.failed(result, error)
        if self._task.check_mode and not options["halted"]:
            result.update(result="checked", run_id=made["run_id"])
            display.display(report.checked(made))
            return result
        display.display(report.headline(made))
        result.update(result=made["result"], run_id=made["run_id"])
        data = {"twostep_run_id": made["run_id"], "twostep_result": made["result"], "twostep_report": result.get("json_path")}
        result["ansible_stats"] = {"data": data, "per_host": False, "aggregate": False}
        failure = report.failure(made, result.get("json_path"))
        return controller.failed(result, failure) if failure else result

    @staticmethod
    def _build(options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        hosts = controller.group_hosts(task_vars, options["fleet"])
        known = {host: controller.raw_vars(task_vars, host) for host in [*hosts, report.CONTROLLER]}
        finished = controller.stamp(controller.utc_now())
        return report.build(hosts, known, options["intent"], options["halted"], finished, options["io"])

    @staticmethod
    def _write(dest: str, made: dict[str, Any]) -> dict[str, str]:
        folder = os.path.abspath(os.path.expanduser(dest))
        page = report_html.render(made)
        return {
            "json_path": private_files.write(folder, "report.json", json.dumps(made, indent=2, sort_keys=True) + "\n", *_REPORT),
            "html_path": private_files.write(folder, "report.html", page, *_REPORT),
        }
