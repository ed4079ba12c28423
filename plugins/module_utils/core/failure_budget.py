# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wave has failed: does the run go on with the next one, halt, or halt and take back what it has done?

It goes on only if hosts failed by themselves, no more of the whole fleet than are allowed to, and each host of the wave is left where it
is known what serves, or does not answer at all. Whatever speaks of the fleet, of the right to touch it, or of the version itself halts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Mapping, Sequence

from . import outcome, untrusted
from .errors import TwostepError
from .fleet import natural

GO_ON, HALT, ROLL_BACK = "go_on", "halt", "roll_back"
REGISTER = "__twostep_failures"
GROUP = "twostep_rolled_back"  # which the role fills with the hosts that are to be taken back
ON_FAILURE = (HALT, ROLL_BACK)
# What the whole wave was asked, or the run: none of it is the failure of a host.
COMMON = (
    *(("lease", f"__twostep_lease_{name}") for name in ("held", "renewed", "judged")),
    ("gate before the swap", "__twostep_gate_before"),
    ("soak", "__twostep_soak_before"),
    ("soak", "__twostep_soak_swapped"),
    ("soak", "__twostep_soak_after"),
    ("gate before the commit", "__twostep_gate_after"),
)
_OWN = (("swap", "__twostep_swap"), ("boot", "__twostep_reboot"), ("boot", "__twostep_boot"), ("commit", "__twostep_commit"))
_ANY = ("another task", "ansible_failed_result")
# Failures of a swap that are those of a peer, of the right to touch the host, of somebody else at work there, or of the version.
NOT_OWN = (
    "witness", "witness_blind", "bad_witness", "fenced", "swap_in_progress", "reload_in_progress", "stale_generation", "version_rejected",
)  # fmt: skip
# Who has said stop, or has the fleet, has said that of the way back, too.
HANDS_OFF = ("paused", "outside_window", "bad_window", "bad_time_zone", "fenced", "swap_in_progress", "reload_in_progress")
_KNOWN = ("returned", "untouched", "upgraded", "current")
_UNTOUCHED = ("untouched", "current")
_MOST_SHOWN = 5

Records = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Failure:
    """Where and why something failed. `host` is None where it is not the failure of one."""

    host: str | None
    phase: str
    code: str | None
    message: str


@dataclass(frozen=True)
class Decision:
    """What becomes of the run.

    :ivar failures: what failed in this wave, hosts by themselves; `cause` is what halts, the first of them or something else.
    :ivar left_out: hosts of this wave that the run goes on without: they serve what they served before, or do not answer.
    :ivar back: the versions to which hosts are to be taken back, by host and slot, in the order of that.
    """

    verdict: str
    reason: str
    cause: Failure | None = None
    failures: tuple[Failure, ...] = ()
    left_out: tuple[str, ...] = ()
    back: Mapping[str, Mapping[str, str]] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as plain data."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "cause": asdict(self.cause) if self.cause else None,
            "failures": [asdict(one) for one in self.failures],
            "left_out": list(self.left_out),
            "pattern": GROUP,
            "order": list(self.back or {}),
            "back": {host: dict(slots) for host, slots in (self.back or {}).items()},
        }


def check(most: int) -> int:
    """Return how many hosts may fail.

    :raises TwostepError: `bad_max_failures`.
    """
    if most < 0:
        raise TwostepError("bad_max_failures", f"twostep_max_failures is {most}.", "Use 0, or the number of hosts that may fail.")
    return most


def judge(touch: Sequence[str], fleet: Sequence[str], hosts: Records, most: int, settled: bool, roll_back: bool) -> Decision:
    """Return what becomes of the run after the wave `touch` has failed.

    :param hosts: the variables of every host of ``fleet``, and of ``localhost``.
    :param most: how many hosts may fail in the whole run.
    :param settled: whether what is to be taken back of this wave was; without it that is not looked at.
    :param roll_back: whether a run that halts shall take back what it has done.
    """
    failures, cause = _found(touch, hosts)
    before = tolerated(fleet, hosts)
    failed = list(dict.fromkeys([one["host"] for one in before] + [str(one.host) for one in failures]))
    reason = ""
    if cause is None and len(failed) > most:
        cause = failures[0]
        reason = f"{_hosts(len(failed))} failed, {most} may (twostep_max_failures)"
    if cause is None and settled:
        stands = _not_settled(touch, hosts, [one.host for one in failures])
        if stands:
            cause, reason = failures[0], f"the run does not go on while {stands}"
    if cause is None:
        reason = f"{_hosts(len(failed))} failed, {most} may (twostep_max_failures): the run goes on without {', '.join(sorted(failed))}"
        return Decision(GO_ON, reason, None, tuple(failures), _left_out(touch, hosts))
    back = _back(fleet, hosts) if roll_back and not _hands_off(cause) else {}
    return Decision(ROLL_BACK if back else HALT, reason, cause, tuple(failures), (), back)


def _hosts(number: int) -> str:
    return "1 host has" if number == 1 else f"{number} hosts have"


def tolerated(fleet: Sequence[str], hosts: Records) -> list[dict[str, Any]]:
    """Return the failures that the run has gone on after, each host once."""
    found: dict[str, dict[str, Any]] = {}
    for host in sorted(set(fleet), key=natural):
        told = untrusted.mapping(untrusted.mapping(hosts.get(host)).get(REGISTER))
        for record in untrusted.records(told.get("failures")) if told.get("verdict") == GO_ON else []:
            name = untrusted.text(record.get("host"), 255)
            if name is not None:
                found.setdefault(
                    name,
                    {
                        "host": name,
                        "phase": untrusted.text(record.get("phase"), 64),
                        "code": untrusted.text(record.get("code"), 64),
                        "message": untrusted.text(record.get("message"), untrusted.MAX_MESSAGE) or "",
                    },
                )
    return list(found.values())


def is_left_out(host: str, registers: Mapping[str, Any]) -> bool:
    """Return whether the run goes on without a host that it has touched."""
    told = untrusted.mapping(registers.get(REGISTER))
    left_out = told.get("left_out")
    return isinstance(left_out, (list, tuple)) and host in left_out


def went_along(registers: Mapping[str, Any]) -> str | None:
    """Return why a host is not upgraded that has not failed itself, while the run went on; None where it has gone nowhere."""
    told = untrusted.mapping(registers.get(REGISTER))
    back = untrusted.records(untrusted.mapping(registers.get("__twostep_back")).get("results"))
    if told.get("verdict") != GO_ON or not back:
        return None
    failed = [untrusted.text(one.get("host"), 255) or "" for one in untrusted.records(told.get("failures"))]
    return f"taken back with its wave, since {', '.join(failed)} failed"


def _found(touch: Sequence[str], hosts: Records) -> tuple[list[Failure], Failure | None]:
    """Return which hosts have failed by themselves, or what else it is that has failed."""
    failures: list[Failure] = []
    for host in touch:
        registers = untrusted.mapping(hosts.get(host))
        for phase, name in COMMON:
            record = untrusted.mapping(registers.get(name))
            problem = untrusted.problem(record)
            if problem:
                return failures, Failure(host, phase, code(record), problem)
    for host in touch:
        own = _own(host, untrusted.mapping(hosts.get(host)))
        if own is not None and (own.code in NOT_OWN or (own.phase == _ANY[0] and own.code != "unreachable")):
            return failures, own
        if own is not None:
            failures.append(own)
    if not failures:
        return [], Failure(None, _ANY[0], None, "A task of the wave failed; the log of the run tells which.")
    return failures, None


def _own(host: str, registers: Mapping[Any, Any]) -> Failure | None:
    for phase, name in (*_OWN, _ANY):
        record = untrusted.mapping(registers.get(name))
        problem = untrusted.problem(record)
        if problem:
            return Failure(host, phase, code(record), problem)
    return None


def code(record: Mapping[Any, Any]) -> str | None:
    """Return the stable word for a failure that a host registered, None without one."""
    if record.get("unreachable"):
        return "unreachable"
    for item in [record, *untrusted.records(record.get("results"))]:
        found = untrusted.text(item.get("code"), 64)
        if found:
            return found
        if item.get("unreachable"):
            return "unreachable"
    return None


def steps(host: str, hosts: Records) -> list[Mapping[Any, Any]]:
    """Return the steps of the plan for a host, one for each of its slots."""
    plan = untrusted.mapping(untrusted.mapping(hosts.get("localhost")).get("__twostep_check"))
    return untrusted.records(untrusted.mapping(untrusted.mapping(plan.get("hosts")).get(host)).get("slots"))


def _outcomes(host: str, hosts: Records) -> dict[str, str]:
    registers = untrusted.mapping(hosts.get(host))
    return {untrusted.text(step.get("slot"), 16) or "": outcome.of_slot(step, registers) for step in steps(host, hosts)}


def _not_settled(touch: Sequence[str], hosts: Records, failed: Sequence[str | None]) -> str | None:
    for host in touch:
        for slot, found in _outcomes(host, hosts).items():
            if found not in _KNOWN and not (found == "unknown" and host in failed):
                return f"slot {slot} of {host} is {found}"
    return None


def _left_out(touch: Sequence[str], hosts: Records) -> tuple[str, ...]:
    return tuple(host for host in touch if not set(_outcomes(host, hosts).values()) <= {"upgraded", "current"})


def _hands_off(cause: Failure) -> bool:
    return cause.phase == "lease" or cause.code in HANDS_OFF


def _back(fleet: Sequence[str], hosts: Records) -> dict[str, dict[str, str]]:
    """Return what every slot that this run has touched, and that is not back already, served before; the last host comes first."""
    order = untrusted.mapping(untrusted.mapping(hosts.get("localhost")).get("__twostep_check")).get("order")
    touched = [host for host in order if host in fleet] if isinstance(order, (list, tuple)) else []
    back: dict[str, dict[str, str]] = {}
    for host in reversed(touched):
        registers = untrusted.mapping(hosts.get(host))
        wanted = {
            slot: version
            for step in steps(host, hosts)
            for slot, version in [(untrusted.text(step.get("slot"), 16), untrusted.text(step.get("from"), 32))]
            if slot and version and step.get("act") == "swap" and _is_away(slot, step, registers)
        }
        if wanted:
            back[host] = wanted
    return back


def _is_away(slot: str, step: Mapping[Any, Any], registers: Mapping[Any, Any]) -> bool:
    found = outcome.of_slot(step, registers)
    if found in ("returned", "untouched"):
        return outcome.hops_done(slot, registers)
    return found not in _UNTOUCHED


def shown(failures: Sequence[Mapping[str, Any]]) -> str:
    """Return which hosts have failed, and why, in one line."""
    told = "; ".join(f"{one['host']}: {str(one['message']).rstrip('.')}" for one in failures[:_MOST_SHOWN])
    return f"{told}; and {len(failures) - _MOST_SHOWN} more" if len(failures) > _MOST_SHOWN else told
