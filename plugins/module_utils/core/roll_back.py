# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host gets back to what it served before the run, and what the report tells of it.

Hot ways only; a slot that was taken down on its way there may be taken down on its way back, where that is allowed. Nothing is forced.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from . import failure_budget, outcome, plan, untrusted
from .errors import TwostepError
from .failure_budget import Records
from .fleet import Compat, Facts, Slot

REGISTER = "__twostep_roll_back"  # the decision, on localhost
PROOF = "__twostep_rolled_back"  # the slots of a host after its way back
# In the order of the way back: the first failure found is why the host is not back.
_WAY = (
    "__twostep_slots_back",
    "__twostep_compat_back",
    "__twostep_way_back",
    *(f"__twostep_lease_{name}" for name in ("renewed", "judged")),
    "__twostep_gate_back",
    "__twostep_swap_back",
    "__twostep_gate_commit_back",
    "__twostep_commit_back",
    PROOF,
    "ansible_failed_result",
)
SWAPS = ("__twostep_swap_back", "__twostep_commit_back")
NOT_YET = "its turn has not come"
_HOT = ("current", "hot", "two_step")


def ways(
    host: str, family: str, goals: Mapping[str, str], facts: Facts, compat: Mapping[str, Compat], warm: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """Return what is swapped together on the way back, in order; nothing where the host is back already.

    :param goals: the version that each slot shall serve.
    :param warm: the slots that may be taken down for it.
    :raises TwostepError: `no_way_back`.
    """
    if facts.problem:
        raise _none(host, facts.problem)
    known = {slot.slot: slot for slot in facts.slots}
    steps, missing = [], []
    for name, goal in goals.items():
        slot = known.get(name)
        if slot is None:
            missing.append(f"slot {name} is gone")
            continue
        step = _step(host, family, slot, goal, compat.get(name), name in warm)
        if isinstance(step, str):
            missing.append(f"slot {name}: {step}")
        else:
            steps.append((step, goal))
    if missing:
        raise _none(host, "; ".join(missing))
    return plan.hops(steps)


def _step(host: str, family: str, slot: Slot, goal: str, compat: Compat | None, warm: bool) -> plan.Step | str:
    made = plan.step_of(host, slot, compat, plan.Policy(family, goal, 1, 1, warm), built=True)
    if isinstance(made, str) and compat is not None and compat.verdict not in (None, *_HOT) and slot.parked in (None, goal):
        return f"no hot step leads from {slot.version} to {goal}: {compat.reason or 'no reason was given'}"
    return made


def _none(host: str, why: str) -> TwostepError:
    return TwostepError(
        "no_way_back",
        f"{host} cannot be taken back: {why.rstrip('.')}.",
        "Look at the host, and go back by twostep.hotswap.rollback, with what that needs to be allowed.",
    )


def decision(controller: Mapping[str, Any]) -> Mapping[Any, Any] | None:
    """Return the decision to roll back, None where there was none."""
    told = untrusted.mapping(controller.get(REGISTER))
    return told if told.get("verdict") == failure_budget.ROLL_BACK else None


def goals(host: str, controller: Mapping[str, Any]) -> dict[str, str]:
    """Return the version by slot to which a host is to be taken back; empty where it is not."""
    told = untrusted.mapping(untrusted.mapping((decision(controller) or {}).get("back")).get(host))
    return {str(slot): str(version) for slot, version in told.items()}


def is_back(slot: str, version: str, registers: Mapping[str, Any]) -> bool:
    """Return whether a host has shown, after its way back, that a slot serves a version, committed."""
    proof = untrusted.mapping(registers.get(PROOF))
    if not proof or untrusted.problem(proof):
        return False
    return any(
        record.get("slot") == slot and record.get("version") == version and record.get("state") == "serving" and not record.get("parked")
        for record in untrusted.records(proof.get("slots"))
    )


def left(registers: Mapping[str, Any]) -> str | None:
    """Return why a host that was to be taken back is not; None if it is not known, since its turn has not come."""
    for name in _WAY:
        found = untrusted.problem(untrusted.mapping(registers.get(name)))
        # Names that an upgrade registers, too, count only on a host whose way back has begun.
        if found and (name.endswith("_back") or registers.get("__twostep_slots_back") is not None):
            return found
    return None


def told(fleet: Sequence[str], hosts: Records) -> dict[str, Any] | None:
    """Return what the report has of a roll back: which hosts are back, and which are not, with the reason; None without one."""
    made = decision(untrusted.mapping(hosts.get("localhost")))
    if made is None:
        return None
    order = made.get("order")
    back: list[str] = []
    missing: list[dict[str, str]] = []
    for host in [host for host in order if host in fleet] if isinstance(order, (list, tuple)) else []:
        registers = untrusted.mapping(hosts.get(host))
        wanted = goals(host, untrusted.mapping(hosts.get("localhost")))
        if all(is_back(slot, version, registers) for slot, version in wanted.items()):
            back.append(host)
        else:
            missing.append({"host": host, "reason": left(registers) or NOT_YET})
    return {"back": back, "left": missing}


def warm_slots(host: str, hosts: Records) -> list[str]:
    """Return the slots of a host that this run has taken down on their way there."""
    registers = untrusted.mapping(hosts.get(host))
    swaps = [registers.get("__twostep_swap"), *untrusted.records(registers.get("__twostep_earlier"))]
    found = [slot for swap in swaps for slot, record in outcome.by_slot(swap).items() if record.get("mode") == "warm"]
    return list(dict.fromkeys(found))
