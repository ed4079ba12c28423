# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak of a run: which hosts are judged at which stage, and what is kept of each for the next one.

A host is judged from its swap to the end of the run: with its own wave, and again before and in each later one. What is kept of it is in
the variables that its wave has registered, and is read back as what any host says: through `evidence.parse`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from . import evidence, failure_budget, gate, names, soak, untrusted
from .errors import TwostepError
from .evidence import Snapshot
from .fleet import natural
from .health import OK
from .soak import HOST, Baseline, Bounds, Finding

STAGES = ("before", "swapped", "soaked")
# Where each stage is registered on the hosts of a wave, and the early looks on the controller.
REGISTERS = {"before": "__twostep_soak_before", "swapped": "__twostep_soak_swapped", "soaked": "__twostep_soak_after"}
EARLY = ("__twostep_evidence", "__twostep_evidence_in_turn")
CHECKED = "__twostep_check"
_RESTARTING = ("warm", "cold")
_MOST_SHOWN = 10

Records = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Judged:
    """What a stage has found, by host, and what it keeps: the looks before the swap and the first ones after it."""

    findings: Mapping[str, Sequence[Finding]]
    baselines: Mapping[str, Baseline]
    starts: Mapping[str, Snapshot]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "judged": sorted(self.findings, key=natural),
            "findings": [
                {"host": host, **one.as_dict()} for host in sorted(self.findings, key=natural) for one in self.findings[host]
            ],
            "baselines": {
                host: {"before": base.before.as_dict(), "early": base.early.as_dict() if base.early else None}
                for host, base in self.baselines.items()
            },
            "starts": {host: start.as_dict() for host, start in self.starts.items()},
        }  # fmt: skip


def touched(fleet: Sequence[str], hosts: Records) -> list[str]:
    """Return the hosts that this run has a baseline of: they are judged until its end, but for those that it has gone on without."""
    return [
        host
        for host in sorted(set(fleet), key=natural)
        if baseline(host, hosts.get(host, {})) is not None and not failure_budget.is_left_out(host, hosts.get(host, {}))
    ]


def baseline(host: str, registers: Mapping[str, Any]) -> Baseline | None:
    """Return what is kept of a host before its swap, None without it."""
    kept = untrusted.mapping(_kept(registers, "before", "baselines").get(host))
    before = evidence.parse(kept.get("before"))
    return None if before is None else Baseline(before, evidence.parse(kept.get("early")))


def start(host: str, registers: Mapping[str, Any]) -> Snapshot | None:
    """Return the first look at a host after its swap, None without it."""
    return evidence.parse(_kept(registers, "swapped", "starts").get(host))


def _kept(registers: Mapping[str, Any], stage: str, what: str) -> Mapping[Any, Any]:
    return untrusted.mapping(untrusted.mapping(registers.get(REGISTERS[stage])).get(what))


def judge(stage: str, touch: Sequence[str], fleet: Sequence[str], looks: Sequence[object], hosts: Records, bounds: Bounds) -> Judged:
    """Return what a stage finds.

    ``before``: hosts of earlier waves are judged, and `touch`, the hosts of this wave, get their baseline. ``swapped``: all are judged,
    those of this wave without a word on latency, and their first look after the swap is kept. ``soaked``: all are judged.

    :param looks: what the tasks that have just looked have registered.
    :param hosts: the variables of every host of ``fleet``, and of ``localhost``.
    """
    now = _by_host(looks)
    controller = hosts.get("localhost", {})
    early = _by_host([controller.get(name) for name in EARLY])
    findings: dict[str, list[Finding]] = {}
    baselines: dict[str, Baseline] = {}
    starts: dict[str, Snapshot] = {}
    for host in dict.fromkeys([*touched(fleet, hosts), *touch]):
        registers = hosts.get(host, {})
        base, look = baseline(host, registers), now.get(host, "the host was not asked")
        if isinstance(look, str):
            findings[host] = [Finding(HOST, "no_evidence", f"The host gave no evidence: {look}")]
            continue
        if base is not None:
            first = None if stage == "swapped" and host in touch else start(host, registers)
            findings[host] = soak.judge(base, first, look, bounds, _restarts(host, controller))
        elif stage != "before":
            findings[host] = [Finding(HOST, "no_evidence", "Nothing is kept of the host from before its swap.")]
        if host in touch and stage == "before":
            then = early.get(host)
            baselines[host] = base or Baseline(look, then if isinstance(then, Snapshot) else None)
        elif host in touch and stage == "swapped":
            starts[host] = look
    return Judged(findings, baselines, starts)


def _by_host(registers: Sequence[object]) -> dict[str, Snapshot | str]:
    """Return each host's look, or the reason why there is none."""
    found: dict[str, Snapshot | str] = {}
    for register in registers:
        for host, record in gate.answers_by_host(register).items():
            problem = untrusted.problem(record)
            found[host] = problem or evidence.parse(record.get("evidence")) or "what it said is no evidence"
    return found


def _restarts(host: str, controller: Mapping[str, Any]) -> bool:
    """Return whether the plan takes the slots of a host down, or boots it."""
    hosts = untrusted.mapping(untrusted.mapping(controller.get(CHECKED)).get("hosts"))
    hops = untrusted.mapping(hosts.get(host)).get("hops")
    steps = [step for hop in (hops if isinstance(hops, (list, tuple)) else []) for step in untrusted.records(hop)]
    return any(untrusted.choice(step.get("mode"), _RESTARTING) for step in steps)


def verdict(judged: Judged, strict: bool) -> str:
    """Return the worst verdict of all hosts; `ok` where none was judged."""
    return soak.verdict([finding for found in judged.findings.values() for finding in found], strict)


def rejections(judged: Judged, touch: Sequence[str], hosts: Records) -> list[dict[str, str]]:
    """Return which version is to be marked as rejected on which host: those with evidence against it, and the hosts of this wave.

    :param hosts: the variables of every host, and of ``localhost``.
    """
    against: dict[str, tuple[str, str]] = {}
    for host in sorted(judged.findings, key=natural):
        found = [one for one in judged.findings[host] if one.code in soak.AGAINST_VERSION]
        version = _version(host, hosts)
        if found and version is not None:
            against.setdefault(version, (host, "; ".join(f"{one.code}, {one.message.rstrip('.')}" for one in found[:_MOST_SHOWN])))
    bad = [host for host in judged.findings if any(one.code in soak.AGAINST_VERSION for one in judged.findings[host])]
    return [
        {"host": host, "version": version, "found_on": found_on, "reason": reason}
        for version, (found_on, reason) in against.items()
        for host in dict.fromkeys([*bad, *touch])
    ]


def _version(host: str, hosts: Records) -> str | None:
    """Return the version to which a host was swapped last in this run, else the one that the run is about."""
    swaps = untrusted.records(untrusted.mapping(hosts.get(host, {}).get("__twostep_swap")).get("results"))
    told = [record.get("to") for record in swaps] + [untrusted.mapping(hosts.get("localhost", {}).get("__twostep_run")).get("version")]
    for version in told:
        try:
            return names.version(version)
        except TwostepError:
            continue
    return None


def failed(judged: Judged, touch: Sequence[str], strict: bool) -> TwostepError:
    """Return the refusal that names every host with evidence against the version."""
    counted = [
        (host, finding)
        for host in sorted(judged.findings, key=natural)
        for finding in judged.findings[host]
        if soak.verdict([finding], strict) != OK
    ]
    shown = "; ".join(f"{host} {one.slot}: {one.code}, {one.message.rstrip('.')}" for host, one in counted[:_MOST_SHOWN])
    more = f"; and {len(counted) - _MOST_SHOWN} more" if len(counted) > _MOST_SHOWN else ""
    return TwostepError(
        "soak_failed",
        f"The new version does not go on to, or stay on, {', '.join(touch)}: {shown}{more}.",
        "Look at the hosts named, whose evidence is in the report; mend the version, or go back with twostep.hotswap.rollback.",
    )
