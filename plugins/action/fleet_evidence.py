# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``fleet_evidence``: one look at the hosts that a run touches or has touched, at the same moment.

With health sources it is one question to all hosts of the fleet, for their health, too.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.action import fleet_health
from ansible_collections.twostep.hotswap.plugins.module_utils.core import names, soak_run, untrusted
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import evidence_program, look_program
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts, controller
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options

display = Display()

ARGUMENT_SPEC = {
    "fleet": {"type": "str", "default": "twostep"},
    "family": {"type": "str", "required": True},
    "touch": {"type": "list", "elements": "str", "required": True},
    "sources": {"type": "list", "elements": "str", "default": []},
    **{name: fleet_health.ARGUMENT_SPEC[name] for name in ("settings", "stall_seconds", "timeout_s", "sample_gap_s", "host_timeout_s")},
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
            question: dict[str, Any] = {"family": names.family(options["family"])}
            ways = Options(self._task, self._play_context, known["hostvars"])
            asked_at_s = controller.boottime_s()
            if options["sources"]:
                question["health"] = fleet_health.question(options)
                everybody = list(dict.fromkeys([*fleet, *hosts]))
                asked = all_hosts.ask(everybody, ways, look_program, question, options["host_timeout_s"])
            else:
                asked = all_hosts.ask(hosts, ways, evidence_program, question, options["host_timeout_s"])
        except TwostepError as error:
            return controller.failed(result, error)
        for reason in asked.left.values():
            display.vv(reason)
        result.update(results=asked.results, left=sorted(set(asked.left) & set(hosts)))
        if options["sources"]:
            seen = [one for one in asked.results if one["item"] in hosts]
            result.update(results=_parts(seen, "look"), health=_parts(asked.results, "health"), asked_at_s=asked_at_s)
        return result


def _parts(results: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return one part of what each host said; where it said nothing of the kind, its failure."""
    return [{**(_part(told, name)), "item": told["item"]} for told in results]


def _part(told: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    if told.get("failed"):
        return told
    return untrusted.mapping(told.get(name)) or {"failed": True, "msg": "what the host said has no such part", "code": "no_answer"}
