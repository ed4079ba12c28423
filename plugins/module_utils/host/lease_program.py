# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lock host answers, to the module ``lease`` and to controllers that ask all lock hosts at the same moment.

As a program of its own it reads one question as JSON from standard input and prints what the module would return.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Mapping, Sequence

from ..core import lease, names
from ..core.errors import TwostepError
from ..core.lease import State
from .lease import LockHost
from .paths import Paths
from .privilege import check_root

STATES = ("read", "held", "renewed", "halted", "released", "admitted")


def answer(asked: Mapping[str, Any], host: LockHost, euid: int, check: bool = False) -> dict[str, Any]:
    """Return what is kept after what was asked for, or the refusal and what is kept.

    :param asked: ``state``, one of `STATES`; except for ``read`` also ``epoch``, and except for ``admitted`` ``run_id``; for ``held`` also
        ``owner``, ``controller``, ``since``, ``ttl_s`` and ``takeover``.
    :param check: whether only to say what would be.
    """
    try:
        if not check:
            check_root(euid)
        before = host.read()
        after = _predicted(asked, before, host) if check else _done(asked, before, host)
    except TwostepError as error:
        return {"failed": True, "changed": False, "msg": str(error), "code": error.code, **_kept(host)}
    told = lease.as_dict(after, host.clock())
    shown = {"before": lease.as_dict(before, host.clock()), "after": told}
    return {"changed": after != before, "diff": shown, **told}


def _done(asked: Mapping[str, Any], before: State, host: LockHost) -> State:
    state = asked["state"]
    if state == "read":
        return before
    if state == "held":
        return host.grant(_wish(asked), _takeover(asked))
    if state == "admitted":
        host.admit(lease.checked_epoch(asked["epoch"]))
        return host.read()
    run_id, epoch = names.identifier(asked["run_id"]), lease.checked_epoch(asked["epoch"])
    return {"renewed": host.renew, "halted": host.halt, "released": host.release}[state](run_id, epoch)


def _predicted(asked: Mapping[str, Any], before: State, host: LockHost) -> State:
    state = asked["state"]
    if state == "read":
        return before
    if state == "held":
        return lease.grant(before, _wish(asked), host.clock(), _takeover(asked))
    if state == "admitted":
        return lease.admit(before, lease.checked_epoch(asked["epoch"]))
    run_id, epoch = names.identifier(asked["run_id"]), lease.checked_epoch(asked["epoch"])
    if state == "released":
        return lease.release(before, run_id, epoch)
    return {"renewed": lease.renew, "halted": lease.halt}[state](before, run_id, epoch, host.clock())


def _wish(asked: Mapping[str, Any]) -> lease.Lease:
    return lease.wish(*(asked.get(name) for name in ("epoch", "run_id", "owner", "controller", "since", "ttl_s")))


def _takeover(asked: Mapping[str, Any]) -> str:
    return names.identifier(asked["takeover"]) if asked.get("takeover") else ""


def _kept(host: LockHost) -> dict[str, Any]:
    """Return what is kept beside a refusal, so that the holder is known; nothing where that cannot be read."""
    try:
        return lease.as_dict(host.read(), host.clock())
    except TwostepError:
        return {}


def main(_argv: Sequence[str]) -> int:
    sys.stdout.write(json.dumps(answer(json.load(sys.stdin), LockHost(Paths()), os.geteuid())))
    return 0
