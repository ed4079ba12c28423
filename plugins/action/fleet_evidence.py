# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``fleet_evidence``: one look at the hosts that a run touches or has touched, at the same moment."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import names, soak_run
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import evidence_program
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts, controller
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options

display = Display()

ARGUMENT_SPEC = {
    "fleet": {"type": "str", "default": "twostep"},
    "family": {"type": "str", "required": True},
    "touch": {"type": "list", "elements": "str", "required": True},
    "host_timeout_s": {"type": "float", "default": 120.0},
}


class ActionModule(ActionBase):
    """``fleet_evidence`` runs on the controller and uses no connection of Ansible's."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        _unused, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        result["changed"] = False
        known = task_vars or {}
        fleet = controller.group_hosts(known, options["fleet"])
        touched = soak_run.touched(fleet, {host: controller.raw_vars(known, host) for host in fleet})
        hosts = list(dict.fromkeys([*touched, *(str(host) for host in options["touch"])]))
        try:
            question = {"family": names.family(options["family"])}
            ways = Options(self._task, self._play_context, known["hostvars"])
            asked = all_hosts.ask(hosts, ways, evidence_program, question, options["host_timeout_s"])
        except TwostepError as error:
            return controller.failed(result, error)
        for reason in asked.left.values():
            display.vv(reason)
        result.update(results=asked.results, left=sorted(asked.left))
        return result
