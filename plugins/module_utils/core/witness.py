# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a witness has seen of one peer while another host swapped, and what follows from it.

A no is believed at once. An unknown is believed when it is the last word: a tool that is late once proves nothing. A peer that falls
silent, or is gone, is as bad as one that says no: hosts that hang in the kernel look like that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from . import untrusted
from .fleet import natural
from .health import NOT_OK, OK, UNKNOWN, Finding, combine

OPTIONS: dict[str, dict[str, Any]] = {
    "fleet": {"type": "str", "required": True},
    "sources": {"type": "list", "elements": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    "policy": {"type": "str", "choices": ["off", "possible", "required"], "default": "possible"},
    "interval_s": {"type": "float", "default": 0.5},
    "silence_s": {"type": "float", "default": 60.0},
    "still_s": {"type": "float", "default": 15.0},
}
_VERDICTS = (OK, NOT_OK, UNKNOWN)
_MOST_SHOWN = 5


def choose(host: str, fleet: Sequence[str], apart: Mapping[str, Sequence[str]], limit: int) -> tuple[list[str], list[str]]:
    """Return the peers to watch while ``host`` swaps, at most ``limit``, and those that are too many.

    Those that share a group of ``apart`` with it come first: they hold the other votes and copies.
    """
    groups = set(apart.get(host, ()))
    peers = sorted(set(fleet) - {host}, key=lambda peer: (not groups & set(apart.get(peer, ())), natural(peer)))
    return peers[:limit], peers[limit:]


def finding_of(told: object) -> Finding:
    """Return the worst of one sample as a peer told it; what is no sample is ``unknown``."""
    answers = untrusted.records(untrusted.mapping(told).get("answers"))
    findings = []
    for answer in answers:
        verdict = untrusted.choice(answer.get("verdict"), _VERDICTS)
        reason = untrusted.text(answer.get("reason")) or "it gave no reason"
        source = untrusted.text(answer.get("source"), 40) or "a source without a name"
        findings.append(Finding(verdict or UNKNOWN, f"{source}: {reason}" if verdict else f"{source} gave no verdict that is known."))
    if not findings:
        problem = untrusted.text(untrusted.mapping(told).get("msg"), untrusted.MAX_MESSAGE)
        return Finding(UNKNOWN, problem or "What it says cannot be read.")
    return combine(findings)


@dataclass
class Sight:
    """One peer, as seen so far. Times are seconds of a clock that never goes back; ``gone`` says why it is not seen any more."""

    host: str
    samples: int = 0
    last_s: float | None = None
    longest_gap_s: float = 0.0
    no: list[str] = field(default_factory=list)
    last: Finding = field(default_factory=lambda: Finding(UNKNOWN, "It has not said anything yet."))
    gone: str = ""

    def take(self, told: object, now_s: float) -> None:
        """Add a sample that has arrived at ``now_s``."""
        if self.last_s is not None:
            self.longest_gap_s = max(self.longest_gap_s, now_s - self.last_s)
        self.samples += 1
        self.last_s = now_s
        self.last = finding_of(told)
        if self.last.verdict == NOT_OK and len(self.no) < _MOST_SHOWN and self.last.reason not in self.no:
            self.no.append(self.last.reason)

    def finding(self) -> Finding:
        """Return what is to be believed of the peer."""
        if self.no:
            return Finding(NOT_OK, f"{self.host}: {' '.join(self.no)}")
        if self.gone:
            return Finding(NOT_OK, f"{self.host} was lost sight of: {self.gone}.")
        return Finding(self.last.verdict, f"{self.host}: {self.last.reason}")

    def as_dict(self) -> dict[str, Any]:
        found = self.finding()
        return {
            "host": self.host,
            "verdict": found.verdict,
            "reason": f"{found.reason} ({self.samples} looks, at most {self.longest_gap_s:.1f} s apart)",
            "samples": self.samples,
            "longest_gap_ms": round(self.longest_gap_s * 1000),
        }
