# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``gate``: hands the health answers of the whole fleet to core and fails the task unless it says open."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import gate, plan, window
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller

display = Display()

ARGUMENT_SPEC = {
    "fleet": {"type": "str", "default": "twostep"},
    "touch": {"type": "list", "elements": "str", "required": True},
    "sources": {"type": "list", "elements": "str", "required": True},
    "health": {"type": "list", "elements": "str", "required": True},
    "shelf_life_s": {"type": "float", "default": 60.0},
    "windows": {"type": "list", "elements": "raw", "default": []},
    "time_zone": {"type": "str", "default": "UTC"},
    "pause_file": {"type": "str", "default": ""},
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
        try:
            _may_go_on(options)
        except TwostepError as error:
            return controller.failed(result, error)
        answers: dict[str, Any] = {}
        for name in options["health"]:
            answers.update(gate.answers_by_host((task_vars or {}).get(name)))
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


def _may_go_on(options: dict[str, Any]) -> None:
    """Refuse if the operator has said that nothing more is begun now: by a file, or by the hour.

    :raises TwostepError: ``paused``, ``outside_window``, ``bad_window``, ``bad_time_zone``.
    """
    pause_file = os.path.expanduser(options["pause_file"])
    if pause_file and os.path.lexists(pause_file):
        raise TwostepError(
            "paused",
            f"The run is paused: {pause_file} exists.",
            "Remove the file and run again; finished hosts are left alone.",
        )
    windows = window.parse(options["windows"])
    if windows:
        window.check(windows, controller.local_now(options["time_zone"]), options["time_zone"])
