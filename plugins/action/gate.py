# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``gate``: hands the health answers of the whole fleet to core and fails the task unless it says open."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import gate, plan
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller

display = Display()

ARGUMENT_SPEC = {
    "fleet": {"type": "str", "default": "twostep"},
    "touch": {"type": "list", "elements": "str", "required": True},
    "sources": {"type": "list", "elements": "str", "required": True},
    "health": {"type": "str", "required": True},
    "shelf_life_s": {"type": "float", "default": 60.0},
}


class ActionModule(ActionBase):
    """``gate`` runs on the controller and needs no connection."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        _unused, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        result["changed"] = False
        touch = [str(host) for host in options["touch"]]
        hosts = controller.group_hosts(task_vars or {}, options["fleet"])
        if not hosts:
            return controller.failed(result, plan.empty_fleet(options["fleet"]))
        answers = gate.answers_by_host((task_vars or {}).get(options["health"]))
        gates = gate.judge([*hosts, *touch], options["sources"], answers, controller.utc_now(), options["shelf_life_s"])
        verdict = gate.verdict(gates)
        if verdict == gate.CLOSED:
            result = controller.failed(result, gate.closed(gates, touch))
        result.update(verdict=verdict, gates=[item.as_dict() for item in gates])
        if not gates:
            display.warning("No health source is required, so the gate is open without a question.")
        display.display(
            f"gate {verdict} for {', '.join(touch)}: {sum(item.verdict == 'ok' for item in gates)} of {len(gates)} answers are ok"
        )
        return result
