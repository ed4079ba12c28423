# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every health source is given, and what it gives back: a world to look at, a question, samples.

A source is a function ``sample(question, world)`` in ``host/health_<source>.py``. It is read-only, takes no longer than ``timeout_s`` for
one command, and lets the errors of ``UNANSWERED`` pass: whoever asks turns them into ``unknown``.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping

from ..core.health import Finding
from .paths import Paths
from .runner import Run

# Codes of errors which say that a source could not answer; any other one is a refusal.
UNANSWERED = ("no_command", "command_timeout", "unreadable_answer")


@dataclass(frozen=True)
class Question:
    """Could this host stall for ``stall_seconds`` now? ``settings`` are those of the sources that need any, by source."""

    stall_seconds: float
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """Everything a source may touch. ``now`` gives UTC ISO 8601 text; ``sleep`` takes seconds."""

    run: Run
    paths: Paths
    now: Callable[[], str]
    sleep: Callable[[float], None]
    timeout_s: float
    sample_gap_s: float


@dataclass(frozen=True)
class Sample:
    """What one look found out about one subject; ``evidence`` has the figures behind it, small enough for a report."""

    subject: str
    finding: Finding
    evidence: dict[str, Any] = field(default_factory=dict)


def utc_now() -> str:
    """Return the time of day, UTC, ISO 8601, in seconds: what the gate compares with its own."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
