# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who of the inventory is within reach of the controller's own sessions, and why not the others."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import ssh_config, ssh_target
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options


def of_hosts(action: Any, hosts: Sequence[str], task_vars: Any) -> tuple[list[ssh_target.Target], dict[str, str]]:
    """Return where hosts are as the task of an action plugin would reach them, and by host why that is not known of the others."""
    options = Options(action._task, action._play_context, task_vars["hostvars"])
    targets, left = [], {}
    for host in hosts:
        try:
            targets.append(ssh_target.of_host(host, options.of(host), ssh_config.lookup))
        except TwostepError as error:
            left[host] = error.message
    return targets, left
