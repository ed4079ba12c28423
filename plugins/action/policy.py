# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``policy``: checks a policy file as a whole and keeps what was checked for the rest of the run. Touches no host."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller, policy_file

ARGUMENT_SPEC = {"file": {"type": "str", "required": True}}
VARIABLE = "twostep_policy_file"


class ActionModule(ActionBase):
    """``policy`` runs on the controller and needs no connection."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        _unused, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        result["changed"] = False
        name = options["file"]
        try:
            _same_everywhere(task_vars or {})
            result.update(file=name, checked="", variables=[])
            if name:
                path = os.path.abspath(os.path.expanduser(name))
                told = policy_file.content(path, name)
                result.update(variables=policy_file.check(told, name, policy_file.schema()), checked=_kept(told))
        except TwostepError as error:
            return controller.failed(result, error)
        return result


def _kept(told: bytes) -> str:
    """Return the path of a copy that nobody changes while the run lasts, and that goes when it ends, however long it lasts."""
    descriptor, path = tempfile.mkstemp(prefix="policy-", suffix=".yml", dir=constants.DEFAULT_LOCAL_TMP)
    with open(descriptor, "wb") as file:
        file.write(told)
    return path


def _same_everywhere(task_vars: dict[str, Any]) -> None:
    """Refuse where a host's variables name another policy than those of localhost: it would be ignored, and not checked.

    :raises TwostepError: ``policy_of_host``.
    """
    ours = controller.raw_vars(task_vars, "localhost").get(VARIABLE)
    for host in controller.group_hosts(task_vars, "all"):
        theirs = controller.raw_vars(task_vars, host).get(VARIABLE)
        if theirs not in (None, ours):
            raise TwostepError(
                "policy_of_host",
                f"{VARIABLE} of {host} is not that of localhost; one policy is for the whole run.",
                "Set it with -e or in group_vars/all.",
            )
