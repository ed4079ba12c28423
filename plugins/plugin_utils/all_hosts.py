# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to many hosts at the same moment: where each is, what it is sent, and what its words become."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Mapping, Sequence

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import packed
from ansible_collections.twostep.hotswap.plugins.plugin_utils import reach, sessions
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options


@dataclass(frozen=True)
class Asked:
    """What the hosts said, each as the result of a module with ``item``, its name; and why the others could not be asked in this way."""

    results: list[dict[str, Any]]
    left: dict[str, str]


def ask(hosts: Sequence[str], ways: Options, program: ModuleType | None, question: Mapping[str, Any], timeout_s: float) -> Asked:
    """Ask ``hosts`` at once. What a host says is data; whatever is no answer is a failure of that host.

    :param program: a module of ``host`` whose ``main`` reads the question as JSON and prints an answer; None asks nobody.
    :param timeout_s: for one host.
    """
    targets, left = reach.of_hosts(hosts, ways)
    if program is None:
        return Asked([], left)
    package = f"twostep_{program.__name__.rsplit('.', 1)[-1]}"
    sent = sessions.Program(packed.pack(program, package), (), json.dumps(dict(question)).encode())
    results = []
    for host, reply in sessions.ask_all(targets, sent, timeout_s).items():
        if isinstance(reply, TwostepError) and reply.code == "no_session":
            left[host] = reply.message
        else:
            results.append({**_told(reply), "item": host})  # no host speaks for another
    return Asked(results, left)


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
