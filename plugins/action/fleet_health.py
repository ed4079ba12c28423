# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``fleet_health``: one question to all hosts at the same moment, over sessions of the controller's own."""

from __future__ import annotations

import json
from typing import Any, Mapping

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.twostep.hotswap.plugins.module_utils.core import plan
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import OK
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_program, packed
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller, reach, sessions

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
_PACKAGE = "twostep_health"


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
        targets, left = reach.of_hosts(self, hosts, task_vars)
        program = sessions.Program(packed.pack(health_program, _PACKAGE), (), json.dumps(_question(options)).encode())
        replies = sessions.ask_all(targets, program, options["host_timeout_s"]) if options["sources"] else {}
        results = []
        for host, reply in replies.items():
            if isinstance(reply, TwostepError) and reply.code == "no_session":
                left[host] = reply.message
            else:
                results.append({**_told(reply), "item": host})  # no host speaks for another
        for reason in left.values():
            display.vv(reason)
        result.update(results=results, left=sorted(left), all_ok=not left and all(map(_is_ok, results)))
        return result


def _question(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("sources", "settings", "stall_seconds", "timeout_s", "sample_gap_s")}


def _told(reply: sessions.Reply | TwostepError) -> dict[str, Any]:
    """Return what a host said as the result of a module; whatever else it said is a failure."""
    if isinstance(reply, TwostepError):
        return {"failed": True, "msg": str(reply), "code": reply.code}
    try:
        answers = json.loads(reply.stdout)
    except (ValueError, RecursionError):
        answers = None
    if isinstance(answers, dict) and reply.rc == 0:
        return answers
    said = (reply.stderr.strip().splitlines() or ["nothing"])[-1]
    return {"failed": True, "msg": f"the question ended with exit status {reply.rc}: {said[:300]}", "code": "no_answer"}


def _is_ok(result: Mapping[str, Any]) -> bool:
    answers = result.get("answers")
    return isinstance(answers, list) and bool(answers) and all(isinstance(one, dict) and one.get("verdict") == OK for one in answers)
