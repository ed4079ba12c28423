# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to many hosts at the same moment, for action plugins: who can be asked so, and what their words become."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import sessions, ssh_config, ssh_target
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options


def ask(hosts: Sequence[str], options: Options, program: sessions.Program, timeout_s: float) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Run a program on all hosts that a session leads to.

    :param program: what prints one JSON object: the result of a module.
    :param timeout_s: for one host, from the connection to its last word.
    :returns: each host's result with its name as ``item``, and of the others why they are left.
    """
    targets, left = [], {}
    for host in hosts:
        try:
            targets.append(ssh_target.of_host(host, options.of(host), ssh_config.lookup))
        except TwostepError as error:
            left[host] = error.message
    results = []
    for host, reply in sessions.ask_all(targets, program, timeout_s).items():
        if isinstance(reply, TwostepError) and reply.code == "no_session":
            left[host] = reply.message
        else:
            results.append({**_told(reply), "item": host})  # no host speaks for another
    return results, left


def _told(reply: sessions.Reply | TwostepError) -> Mapping[str, Any]:
    """Return what a host said as the result of a module; whatever else it said is a failure."""
    if isinstance(reply, TwostepError):
        return {"failed": True, "msg": str(reply), "code": reply.code}
    try:
        told = json.loads(reply.stdout)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and reply.rc == 0:
        return told
    said = (reply.stderr.strip().splitlines() or ["nothing"])[-1]
    return {"failed": True, "msg": f"the question ended with exit status {reply.rc}: {said[:300]}", "code": "no_answer"}
