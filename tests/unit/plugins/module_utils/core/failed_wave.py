# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts have registered in a run over n1, n2, n3, one after the other, each with one slot that serves 1.0.0."""

from __future__ import annotations

from typing import Any

FLEET = ["n1", "n2", "n3"]
ITEM = {"slot": "data", "mode": "handover"}


def looped(**told: Any) -> dict[str, Any]:
    """Return the register of a task that has looped over the slots."""
    failed = {"failed": True, "msg": told.get("msg", "No.")} if told.get("failed") else {}
    return {"results": [{"item": ITEM, **told}], **failed}


SWAPPED = looped(outcome="swapped", mode="handover", to="1.1.0")
COMMITTED = looped(outcome="committed", mode=None)
UPGRADED = {"__twostep_swap": SWAPPED, "__twostep_commit": COMMITTED}
UNCOMMITTED = {"__twostep_swap": SWAPPED}
GONE = {"__twostep_swap": {"unreachable": True, "msg": "gone", "results": []}}


def failed_swap(outcome: str = "returned", code: str = "adopt_failed") -> dict[str, Any]:
    """Return the registers of a host whose swap has failed."""
    return {"__twostep_swap": looped(failed=True, outcome=outcome, code=code, msg="It did not adopt.")}


def hosts(**registers: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the variables of the fleet and of localhost."""
    slot = {"slot": "data", "act": "swap", "from": "1.0.0"}
    plan = {"order": FLEET, "waves": [[host] for host in FLEET], "hosts": {host: {"to": "1.1.0", "slots": [slot]} for host in FLEET}}
    run = {"run_id": "r", "started": "2026-01-01T12:00:00Z", "family": "remap", "version": "1.1.0"}
    return {**{host: {} for host in FLEET}, **registers, "localhost": {"__twostep_check": plan, "__twostep_run": run}}
