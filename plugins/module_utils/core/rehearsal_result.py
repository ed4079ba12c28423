# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal found, as plain data: a verdict with coded reasons, the steps, the holds, and what the real swap will cost."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any, Sequence

from .errors import TwostepError


@dataclass(frozen=True)
class Done:
    """One step that was taken. `code` is empty for one that went well."""

    action: str
    device: str
    version: str
    duration_ms: float
    code: str = ""


@dataclass(frozen=True)
class Hold:
    """One hold: of a swap, or of the return that a probation ends with."""

    action: str
    device: str
    from_version: str
    to_version: str
    hold_ms: float
    held_requests: int
    busy: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        data = asdict(self)
        data["from"], data["to"] = data.pop("from_version"), data.pop("to_version")
        return data


@dataclass
class Findings:
    """What has been seen so far."""

    done: list[Done] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    state: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[TwostepError] = field(default_factory=list)
    exercised: set[str] = field(default_factory=set)
    left_behind: list[str] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    operations: int = 0
    max_latency_ms: float = 0.0


def expected(holds: Sequence[Hold], candidate: str) -> dict[str, Any] | None:
    """Return what swaps to the candidate cost: median and maximum; None without any."""
    found = [hold.hold_ms for hold in holds if hold.action == "swap" and hold.to_version == candidate]
    if not found:
        return None
    return {"median": round(statistics.median(found), 6), "max": max(found), "samples": len(found)}


def reason(error: TwostepError) -> dict[str, Any]:
    """Return a reason as plain data."""
    return {"code": error.code, "message": error.message, "next_step": error.next_step, "evidence": error.data}


def as_dict(found: Findings, candidate: str) -> dict[str, Any]:
    """Return the result of a rehearsal that was begun. What is left behind fails it, too."""
    return {
        "passed": not found.reasons and not found.left_behind,
        "reasons": [reason(error) for error in found.reasons],
        "performed": [asdict(done) for done in found.done],
        "holds": [hold.as_dict() for hold in found.holds],
        "expected_hold_ms": expected(found.holds, candidate),
        "state": found.state,
        "exercised": sorted(found.exercised),
        "operations": found.operations,
        "max_latency_ms": found.max_latency_ms,
        "cleaned_up": not found.left_behind,
        "left_behind": found.left_behind,
        "swept": found.swept,
        "notes": found.notes,
    }


def failure(found: Findings) -> TwostepError | None:
    """Return the error that a rehearsal ends with, or None."""
    if found.reasons:
        return found.reasons[0]
    if found.left_behind:
        return TwostepError(
            "left_behind",
            f"The rehearsal could not remove {', '.join(found.left_behind)}.",
            "Look at the kernel log; the next rehearsal tries again.",
            {"left_behind": found.left_behind},
        )
    return None
