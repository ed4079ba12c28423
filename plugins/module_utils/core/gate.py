# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""May this host be touched now? Yes only if every required question of every host of the fleet is answered ok.

The whole fleet is asked, not only the host to be touched: a missing copy elsewhere is a reason to leave this one alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Mapping, Sequence

from . import untrusted
from .errors import TwostepError
from .fleet import natural
from .health import NOT_OK, OK, UNKNOWN

OPEN = "open"
CLOSED = "closed"
_MOST_SHOWN = 10


@dataclass(frozen=True)
class Gate:
    """One question, answered. ``verdict`` is ok, not_ok or unknown."""

    source: str
    subject: str
    host: str
    verdict: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        return {"source": self.source, "subject": self.subject, "host": self.host, "verdict": self.verdict, "reason": self.reason}


def answers_by_host(result: object) -> dict[str, Mapping[Any, Any]]:
    """Return each host's registered ``health_info`` result out of a task that looped over host names."""
    found = {}
    for record in untrusted.records(untrusted.mapping(result).get("results"), 4096):
        host = record.get("item")
        if isinstance(host, str):
            found[str(host)] = record
    return found


def judge(
    fleet: Sequence[str],
    sources: Sequence[str],
    answers: Mapping[str, Mapping[Any, Any]],
    now: datetime,
    shelf_life_s: float,
) -> list[Gate]:
    """Return the gates of all hosts, host by host; a question without an answer is a gate too, with ``unknown``."""
    gates: list[Gate] = []
    for host in sorted(set(fleet), key=natural):
        result = answers.get(host)
        problem = "the host was not asked" if result is None else untrusted.problem(result)
        for source in sources:
            if problem or result is None:
                gates.append(Gate(source, "-", host, UNKNOWN, problem or ""))
                continue
            told = [record for record in untrusted.records(result.get("answers")) if record.get("source") == source]
            if not told:
                gates.append(Gate(source, "-", host, UNKNOWN, f"the host gave no answer of {source}"))
            gates.extend(_gate(host, source, record, now, shelf_life_s) for record in told)
    return gates


def _gate(host: str, source: str, record: Mapping[Any, Any], now: datetime, shelf_life_s: float) -> Gate:
    subject = untrusted.text(record.get("subject"), 64) or "-"
    verdict = untrusted.choice(record.get("verdict"), (OK, NOT_OK, UNKNOWN))
    reason = untrusted.text(record.get("reason")) or "no reason was given"
    if verdict is None:
        return Gate(source, subject, host, UNKNOWN, "the answer has no verdict")
    sampled = _instant(record.get("sampled_at"))
    if verdict == OK and sampled is None:
        return Gate(source, subject, host, UNKNOWN, "the answer does not tell when it was sampled")
    if verdict == OK and sampled is not None:
        age_s = (now - sampled).total_seconds()
        if age_s > shelf_life_s:
            return Gate(source, subject, host, UNKNOWN, f"the answer is {age_s:.0f} s old by this clock, more than {shelf_life_s:g} s")
        if age_s < -shelf_life_s:
            return Gate(source, subject, host, UNKNOWN, f"the answer is from {-age_s:.0f} s in the future; the clocks differ")
    return Gate(source, subject, host, verdict, reason)


def _instant(value: object) -> datetime | None:
    shown = untrusted.text(value, 32)
    if shown is None:
        return None
    try:
        return datetime.strptime(shown, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def verdict(gates: Sequence[Gate]) -> str:
    """Return ``open`` only if every gate is ok. No gate at all is open: then the operator required no source."""
    return OPEN if all(gate.verdict == OK for gate in gates) else CLOSED


def closed(gates: Sequence[Gate], touch: Sequence[str]) -> TwostepError:
    """Return the refusal that names every answer in the way."""
    shut = [gate for gate in gates if gate.verdict != OK]
    shown = "; ".join(f"{gate.host} {gate.source} {gate.subject}: {gate.verdict}, {gate.reason.rstrip('.')}" for gate in shut[:_MOST_SHOWN])
    more = f"; and {len(shut) - _MOST_SHOWN} more" if len(shut) > _MOST_SHOWN else ""
    return TwostepError(
        "gate_closed",
        f"{', '.join(touch)} must not be touched now: {shown}{more}.",
        "Bring the hosts named back to health, or correct twostep_health_sources, and run again; finished hosts are left alone.",
        {"gates": [gate.as_dict() for gate in gates]},
    )
