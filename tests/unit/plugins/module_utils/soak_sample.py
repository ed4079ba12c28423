# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at hosts that have one slot, `data`, on which reads of 1 ms end."""

from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.core.evidence import Io, SlotEvidence, Snapshot, Traffic
from ansible_collections.twostep.hotswap.plugins.module_utils.core.kernel_log import Log


def look(uptime_s: int, reads: int, generation: int = 1, errors: int = 0, **changes: object) -> dict:
    """Return one look as a host tells it."""
    counted = Io(Traffic(reads, reads), Traffic(), Traffic(), Traffic(), 0)
    slot = SlotEvidence("data", "serving", "1.0.0", generation, "none", "ok", "ok", errors, 0, 0, counted)
    return {**Snapshot("boot", float(uptime_s), (slot,), Log(0, 100 + uptime_s, True)).as_dict(), **changes}


def told(**hosts: object) -> dict:
    """Return the looks as a task registers them that has asked all hosts."""
    return {"results": [{"item": host, "evidence": evidence} for host, evidence in hosts.items()]}
