# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``failure_budget``: hands what the hosts of a failed wave have registered to core, and tells what it decides."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import failure_budget
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller

display = Display()

ARGUMENT_SPEC = {
    "fleet": {"type": "str", "default": "twostep"},
    "touch": {"type": "list", "elements": "str", "required": True},
    "max_failures": {"type": "int", "default": 0},
    "on_failure": {"type": "str", "choices": list(failure_budget.ON_FAILURE), "default": failure_budget.HALT},
    "intent": {"type": "str", "choices": ["upgrade", "rollback"], "default": "upgrade"},
    "settled": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """``failure_budget`` runs on the controller and needs no connection."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        _unused, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        result["changed"] = False
        known = task_vars or {}
        touch = [str(host) for host in options["touch"]]
        fleet = list(dict.fromkeys([*controller.group_hosts(known, options["fleet"]), *touch]))
        hosts = {host: controller.raw_vars(known, host) for host in [*fleet, "localhost"]}
        # A rollback has been asked for to get away from what was served before it.
        roll_back = options["on_failure"] == failure_budget.ROLL_BACK and options["intent"] == "upgrade" and not self._task.check_mode
        try:
            most = failure_budget.check(options["max_failures"])
        except TwostepError as error:
            return controller.failed(result, error)
        decision = failure_budget.judge(touch, fleet, hosts, most, options["settled"], roll_back)
        if decision.reason:
            display.display(decision.reason)
        result.update(decision.as_dict())
        return result
