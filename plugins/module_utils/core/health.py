# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one answer shape of every health source, and how answers combine.

Must not look at a host: sources parse what a host said and return answers; nothing here asks.
Three values, and unknown is never ok: a probe that failed has proved nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .errors import TwostepError

OK = "ok"
NOT_OK = "not_ok"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What one predicate says about one snapshot: a verdict and the sentence that explains it."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Answer:
    """The answer of a source about one subject, ready to be sent to the controller.

    :param sampled_at: UTC, ISO 8601, when the last sample was taken.
    """

    source: str
    subject: str
    verdict: str
    reason: str
    sampled_at: str
    evidence: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "subject": self.subject,
            "verdict": self.verdict,
            "reason": self.reason,
            "evidence": self.evidence,
            "sampled_at": self.sampled_at,
        }


def combine(findings: list[Finding]) -> Finding:
    """Return the worst finding: any ``not_ok``, else any ``unknown``, else ok with all reasons.

    Precondition: nothing; no findings at all is ``unknown``, because nothing was asked.
    """
    for verdict in (NOT_OK, UNKNOWN):
        reasons = [finding.reason for finding in findings if finding.verdict == verdict]
        if reasons:
            return Finding(verdict, " ".join(reasons))
    if not findings:
        return Finding(UNKNOWN, "No question was asked.")
    return Finding(OK, " ".join(finding.reason for finding in findings))


def parse_json(text: str, who: str) -> Any:
    """Return what ``who`` said in JSON.

    :raises TwostepError: ``unreadable_answer``, also for what is nested too deeply.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise unreadable(who) from None


def unreadable(who: str) -> TwostepError:
    """Return the error of an answer that does not have the form it must have."""
    return TwostepError("unreadable_answer", f"The answer of {who} could not be read.", f"Ask {who} by hand on the host.")
