# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who of the inventory is within reach of the controller's own sessions, and why not the others."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import ssh_config, ssh_target
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options


def of_hosts(hosts: Sequence[str], ways: Options) -> tuple[list[ssh_target.Target], dict[str, str]]:
    """Return where hosts are, and by host why that is not known of the others."""
    targets, left = [], {}
    for host in hosts:
        try:
            targets.append(ssh_target.of_host(host, ways.of(host), ssh_config.lookup))
        except TwostepError as error:
            left[host] = error.message
    return targets, left
