# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``soak``: hands what hosts look like now, and looked like before, to core, and fails the task if they are worse."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import plan, soak_run
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import OK
from ansible_collections.twostep.hotswap.plugins.module_utils.core.soak import Bounds
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller

display = Display()

_BOUNDS = {
    "max_errors": {"type": "int", "default": 0},
    "max_reports": {"type": "int", "default": 0},
    "latency_factor": {"type": "float", "default": 5.0},
    "latency_floor_ms": {"type": "float", "default": 5.0},
    "min_requests": {"type": "int", "default": 100},
    "stall_s": {"type": "float", "default": 5.0},
    "strict": {"type": "bool", "default": False},
}
ARGUMENT_SPEC = {
    "stage": {"type": "str", "choices": list(soak_run.STAGES), "required": True},
    "fleet": {"type": "str", "default": "twostep"},
    "touch": {"type": "list", "elements": "str", "required": True},
    "evidence": {"type": "list", "elements": "str", "required": True},
    **_BOUNDS,
}


class ActionModule(ActionBase):
    """``soak`` runs on the controller and needs no connection."""

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
        fleet = controller.group_hosts(known, options["fleet"])
        if not fleet:
            return controller.failed(result, plan.empty_fleet(options["fleet"]))
        try:
            bounds = Bounds(**{name: options[name] for name in _BOUNDS}).check()
        except TwostepError as error:
            return controller.failed(result, error)
        hosts = {host: controller.raw_vars(known, host) for host in [*fleet, *touch, "localhost"]}
        looks = [known.get(name) for name in options["evidence"]]
        judged = soak_run.judge(options["stage"], touch, fleet, looks, hosts, bounds)
        verdict = soak_run.verdict(judged, bounds.strict)
        if verdict != OK:
            result = controller.failed(result, soak_run.failed(judged, touch, bounds.strict))
        against = soak_run.rejections(judged, touch, hosts) if verdict != OK else []
        result.update(verdict=verdict, rejections=against, **judged.as_dict())
        unknown = sum(one["verdict"] != "not_ok" for one in result["findings"])
        if judged.findings:
            display.display(f"soak {verdict}: {len(judged.findings)} hosts judged, {unknown} questions without evidence")
        return result
