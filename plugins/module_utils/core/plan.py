# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the hosts said to the waves of a rolling upgrade, with a reason for every host.

Pure and deterministic: the same facts give the same plan and the same digest, before and after the build.
Refuses the whole plan, with all reasons, rather than planning around a host that cannot take part.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from . import names, peers, rejection, waves
from .errors import TwostepError
from .fleet import Compat, Facts, Slot, natural
from .waves import Place, Wave

NOT_BUILT = "not built yet, verdict after the build"
PENDING = "pending"
# The group that the playbook fills, and a pattern that matches no host without a warning about an absent group.
PLANNED = "twostep_planned"
NOBODY = "localhost:!localhost"
_MODE_OF = {"hot": "handover", "two_step": "two_step"}
_MOST_SHOWN = 20
# A boot would bring up another version than the one that serves, or try one.
_NOT_COMMITTED = ("boot_other", "trial_armed")
_WORST_FIRST = (PENDING, "cold", "warm", "two_step", "hot", "current")


@dataclass(frozen=True)
class Policy:
    """What is asked for: the step, and how many hosts at a time. ``accept_rejected`` is consent to a version that evidence spoke against.

    ``warm`` and ``cold`` say whether slots may be taken down, and hosts booted, where no hot step leads there.
    """

    family: str
    version: str
    canary: int
    wave_size: int
    warm: bool = False
    cold: bool = False
    accept_rejected: bool = False


@dataclass(frozen=True)
class Step:
    """What happens to one slot. ``act`` is ``swap``, ``commit`` (only the commit is missing) or ``none``.

    ``through`` has the versions that serve on the way, each committed before the next; ``mode`` is ``auto`` for such a chain.
    """

    host: str
    slot: str
    act: str
    from_version: str | None
    verdict: str
    mode: str | None
    reason: str
    through: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The order of the work; ``steps`` has every slot of every host, also those left out."""

    policy: Policy
    waves: tuple[Wave, ...]
    steps: tuple[Step, ...]
    digest: str


def check_inputs(
    fleet_name: str,
    fleet: Sequence[str],
    family: object,
    version: object,
    canary: int,
    wave_size: int,
    warm: bool = False,
    cold: bool = False,
) -> Policy:
    """Return the policy, or raise for a name, a size or an empty fleet; an empty fleet is never a success."""
    policy = Policy(names.family(family), names.version(version), canary, wave_size, warm, cold)
    if canary < 0:
        raise TwostepError("bad_canary", f"twostep_canary is {canary}.", "Use 0 or the number of hosts in the first wave.")
    if wave_size < 1:
        raise TwostepError("bad_wave_size", f"twostep_wave_size is {wave_size}.", "Use 1 or more hosts for each wave.")
    if not fleet:
        raise empty_fleet(fleet_name)
    return policy


def empty_fleet(fleet_name: str) -> TwostepError:
    return TwostepError(
        "empty_fleet",
        f"The inventory group {fleet_name!r} has no hosts.",
        "Put the hosts into that group, or name another one with twostep_fleet.",
    )


def make(
    fleet: Sequence[str],
    facts: Mapping[str, Facts],
    compat: Mapping[str, Mapping[str, Compat]],
    policy: Policy,
    built: bool,
    places: Mapping[str, Place] | None = None,
) -> Plan:
    """Return the plan for all of ``fleet``.

    :param places: where the hosts stand; one that is not named has no failure domain and need not be apart from any other.
    :param built: the verdicts of the built file must be there; without it a missing one is shown as pending.
    :raises TwostepError: ``plan_refused`` with every refusal of every host in ``data["refusals"]``.
    """
    steps: list[Step] = []
    refusals: list[dict[str, str]] = []
    for host in sorted(set(fleet), key=natural):
        known = facts.get(host) or Facts((), "the host was not asked, as in a run with --limit")
        if known.problem:
            refusals.append({"host": host, "slot": "", "reason": known.problem})
        elif not known.slots:
            refusals.append({"host": host, "slot": "", "reason": f"the host has no slot of family {policy.family}"})
        for slot in known.slots:
            step = step_of(host, slot, compat.get(host, {}).get(slot.slot), policy, built)
            if isinstance(step, str):
                refusals.append({"host": host, "slot": slot.slot, "reason": step})
            else:
                steps.append(step)
    if not refusals:
        refusals += _not_peers(steps, compat, policy.version)
    if refusals:
        raise _refused(refusals)
    if not policy.accept_rejected:
        _refuse_rejected(steps, facts, compat, policy, built)
    order = list(dict.fromkeys(step.host for step in steps if step.act != "none"))
    parts = waves.split(order, places or {}, policy.canary, policy.wave_size)
    return Plan(policy, parts, tuple(steps), _digest(policy, parts, steps))


def step_of(host: str, slot: Slot, compat: Compat | None, policy: Policy, built: bool) -> Step | str:
    """Return the step of one slot, or the reason for refusing it."""
    if slot.state != "serving":
        return f"the slot is {slot.state or 'in no known state'}, not serving"
    if slot.version is None:
        return "the slot serves a version that is not known"
    not_committed = next((found.message for found in slot.drift if found.code in _NOT_COMMITTED), None)
    if slot.version == policy.version and slot.parked is None and not_committed:
        reason = f"serves {policy.version}; the commit is missing: {not_committed}"
        return Step(host, slot.slot, "commit", slot.version, "current", None, reason)
    if slot.version == policy.version and slot.parked is None:
        return Step(host, slot.slot, "none", slot.version, "current", None, f"already serves {policy.version}")
    if slot.version == policy.version:
        reason = f"serves {policy.version} in probation with {slot.parked} parked; the commit is missing"
        return Step(host, slot.slot, "commit", slot.version, "current", None, reason)
    if slot.parked is not None and slot.parked != policy.version:
        return f"the slot serves {slot.version} in probation with {slot.parked} parked; commit it or go back first"
    if compat is None or compat.verdict is None:
        if built:
            return compat.reason if compat else "the host gave no verdict on the built file"
        return Step(host, slot.slot, "swap", slot.version, PENDING, None, NOT_BUILT)
    mode = _MODE_OF.get(compat.verdict)
    if mode is None:
        through = _through(compat, slot.version, policy)
        if through:
            reason = f"hot steps lead through {', '.join(through)}; no single one does: {compat.reason or 'no reason was given'}"
            return Step(host, slot.slot, "swap", slot.version, "hot", "auto", reason, through)
        if compat.verdict == "warm" and policy.warm:
            return Step(host, slot.slot, "swap", slot.version, "warm", "warm", compat.reason or "no hot step leads there")
        if compat.after_boot and policy.cold:
            return Step(host, slot.slot, "swap", slot.version, compat.verdict, "cold", compat.reason or "no hot step leads there")
        return f"the verdict is {compat.verdict}: {compat.reason or 'no reason was given'}{_other_ways(compat)}"
    return Step(host, slot.slot, "swap", slot.version, compat.verdict, mode, compat.reason or "compatible")


def _refuse_rejected(
    steps: Sequence[Step], facts: Mapping[str, Facts], compat: Mapping[str, Mapping[str, Compat]], policy: Policy, built: bool
) -> None:
    """Refuse a build of which one host of the fleet has a mark, whichever host would go there.

    Of a version in the middle of a chain the build is not known, nor is it before the build; then it may be the rejected one, but only a
    plan after the build refuses that.

    :raises TwostepError: ``version_rejected``.
    """
    wanted: list[tuple[str, str | None]] = []
    for step in steps:
        slot = next((one for one in facts[step.host].slots if one.slot == step.slot), None)
        judged = compat.get(step.host, {}).get(step.slot)
        if step.act == "commit":
            wanted.append((policy.version, slot.srcversion if slot else None))
        elif step.act == "swap" and built:
            wanted += [(version, None) for version in step.through]
            wanted.append((policy.version, judged.srcversion if judged else None))
    for host in sorted(facts, key=natural):
        for mark in facts[host].rejected:
            if any(mark.is_about(policy.family, version, srcversion) for version, srcversion in wanted):
                raise rejection.refused(host, mark)


def rejections(facts: Mapping[str, Facts]) -> list[str]:
    """Return a line for each mark of a rejected build."""
    return [f"rejected: {host}: {rejection.shown(mark)}" for host in sorted(facts, key=natural) for mark in facts[host].rejected]


def accepted(plan: Plan, facts: Mapping[str, Facts]) -> list[dict[str, str]]:
    """Return the marks that a run with consent takes back: of every version that it goes to."""
    versions = {plan.policy.version, *(version for step in plan.steps for version in step.through)}
    return [
        {"host": host, "family": mark.family, "version": mark.version}
        for host in sorted(facts, key=natural)
        for mark in facts[host].rejected
        if mark.version in versions and plan.policy.accept_rejected
    ]


def _not_peers(steps: Sequence[Step], compat: Mapping[str, Mapping[str, Compat]], goal: str) -> list[dict[str, str]]:
    """Return a refusal for each two versions that would serve at once and cannot talk to each other."""
    served: dict[str, list[str]] = {}
    for step in steps:
        served.setdefault(step.host, []).extend(version for version in (step.from_version, *step.through, goal) if version)
    told = {host: {version: one for found in known.values() for version, one in found.protocols.items()} for host, known in compat.items()}
    return [{"host": one.host, "slot": "", "reason": str(one)} for one in peers.conflicts(list(served.items()), told)]


def _through(compat: Compat, version: str, policy: Policy) -> tuple[str, ...]:
    """Return the versions between the two ends of a chain of hot steps; empty without one."""
    path = compat.path
    return path[1:-1] if len(path) > 2 and (path[0], path[-1]) == (version, policy.version) else ()


def _other_ways(compat: Compat) -> str:
    """Return what would be possible if it were allowed; where it is, there is no refusal."""
    ways = []
    if compat.verdict == "warm":
        ways.append(" With twostep_allow_warm the slot may be taken down for it, its users stopped and started again")
    if compat.after_boot:
        ways.append(" With twostep_allow_cold the host may be booted into it")
    return ".".join(ways)


def drifts(facts: Mapping[str, Facts]) -> list[str]:
    """Return a line for each way in which a slot serves otherwise than it would after a reboot."""
    return [
        f"drift: {host}/{slot.slot}: {found.message}"
        for host in sorted(facts, key=natural)
        for slot in facts[host].slots
        for found in slot.drift
    ]


def _refused(refusals: list[dict[str, str]]) -> TwostepError:
    shown = "; ".join(f"{item['host']}{'/' + item['slot'] if item['slot'] else ''}: {item['reason']}" for item in refusals[:_MOST_SHOWN])
    more = f"; and {len(refusals) - _MOST_SHOWN} more" if len(refusals) > _MOST_SHOWN else ""
    return TwostepError(
        "plan_refused",
        f"The plan is refused, no host was touched: {shown}{more}.",
        "Remove the cause on each host named, or take the host out of the group, and run again.",
        {"refusals": refusals},
    )


def _digest(policy: Policy, parts: Sequence[Wave], steps: Sequence[Step]) -> str:
    """The verdict is left out: it is not known before the build, and the digest names what will be touched, in which order."""
    content = {
        "family": policy.family,
        "version": policy.version,
        "warm": policy.warm,
        "cold": policy.cold,
        "waves": [wave.hosts for wave in parts],
        "steps": [[step.host, step.slot, step.act, step.from_version] for step in steps],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _numbers(plan: Plan) -> dict[str, int]:
    """Return the number of each host's wave, from 1; a host that is left out has none."""
    return {host: number for number, wave in enumerate(plan.waves, start=1) for host in wave.hosts}


def _worst(steps: Sequence[Step]) -> str:
    verdicts = [step.verdict for step in steps]
    return next(verdict for verdict in _WORST_FIRST if verdict in verdicts)


def as_dict(plan: Plan) -> dict[str, Any]:
    """Return the plan as the action's result: ``order`` and ``serial`` are what the playbook needs."""
    by_host: dict[str, list[Step]] = {}
    for step in plan.steps:
        by_host.setdefault(step.host, []).append(step)
    numbers = _numbers(plan)
    hosts: dict[str, Any] = {}
    for host, steps in by_host.items():
        hosts[host] = {
            "from": ", ".join(sorted({step.from_version or "" for step in steps})),
            "to": plan.policy.version,
            "verdict": _worst(steps),
            "reason": "; ".join(dict.fromkeys(step.reason for step in steps)),
            "wave": numbers.get(host),
            "slots": [
                {
                    "slot": step.slot,
                    "act": step.act,
                    "from": step.from_version,
                    "verdict": step.verdict,
                    "mode": step.mode,
                    "reason": step.reason,
                }
                for step in steps
            ],
            "hops": hops([(step, plan.policy.version) for step in steps]),
        }
    return {
        "family": plan.policy.family,
        "version": plan.policy.version,
        "pattern": PLANNED if plan.waves else NOBODY,
        "waves": [list(wave.hosts) for wave in plan.waves],
        "serial": [len(wave.hosts) for wave in plan.waves],
        "order": [host for wave in plan.waves for host in wave.hosts],
        "hosts": hosts,
        "digest": plan.digest,
    }


def hops(goals: Sequence[tuple[Step, str]]) -> list[list[dict[str, Any]]]:
    """Return what is swapped together, in order; the last hop has every slot that is touched, and ends at the version asked for.

    :param goals: the steps of a host, each with the version at its end.
    """
    work = [(step, goal) for step, goal in goals if step.act != "none"]
    most = max((len(step.through) for step, _goal in work), default=0)
    made = []
    for number in range(most + 1 if work else 0):
        left = most - number  # hops that come after this one
        made.append(
            [
                {"slot": step.slot, "version": step.through[-left] if left else goal, "mode": step.mode or "handover"}
                for step, goal in work
                if len(step.through) >= left
            ]
        )
    return made


def rows(plan: Plan) -> list[list[object]]:
    """Return the table of the plan, in the order of the work, hosts left out at the end."""
    numbers = _numbers(plan)
    by_wave = sorted(plan.steps, key=lambda step: (numbers.get(step.host, len(plan.waves) + 1), natural(step.host), step.slot))
    return [
        [_shown(plan, numbers.get(step.host)), step.host, step.slot, step.from_version, plan.policy.version, step.verdict, step.reason]
        for step in by_wave
    ]


def _shown(plan: Plan, number: int | None) -> str | None:
    """Return the number of a wave and why its hosts are in it together."""
    if number is None:
        return None
    reason = plan.waves[number - 1].reason
    return f"{number} ({reason})" if reason else str(number)
