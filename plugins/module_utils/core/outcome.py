# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on a slot as far as a run has proof of it, from what its host registered. Without proof it is ``unknown``."""

from __future__ import annotations

from typing import Any, Mapping

from . import untrusted

OUTCOMES = ("upgraded", "current", "untouched", "uncommitted", "returned", "rolled_back", "failed", "unknown")
# Codes of a failed swap after which it may still run, or ran unseen.
_UNPROVED = ("still_running", "agent_died", "swap_in_progress")
_TOLD = ("__twostep_swap", "__twostep_boot", "__twostep_commit", "__twostep_back")


def by_slot(result: object) -> dict[str, Mapping[Any, Any]]:
    """Return the results of a task that looped over slots, by slot."""
    found = {}
    for record in untrusted.records(untrusted.mapping(result).get("results")):
        item = record.get("item")
        if isinstance(item, Mapping) and "item" in item:
            item = item["item"]  # of a loop over the results of a loop
        slot = untrusted.text(item.get("slot") if isinstance(item, Mapping) else item, 16)
        if slot:
            found[slot] = record
    return found


def of_slot(step: Mapping[Any, Any], registers: Mapping[Any, Any]) -> str:
    """Return what stands on the slot of a step of the plan; an empty step is that of a host without a plan.

    :param registers: the variables of its host.
    """
    if not step:
        return "unknown" if untrusted.problem(untrusted.mapping(registers.get("__twostep_slots"))) else "untouched"
    if step.get("act") == "none":
        return "current"
    slot = untrusted.text(step.get("slot"), 16) or ""
    swap, boot, commit, back = (by_slot(registers.get(name)).get(slot, {}) for name in _TOLD)
    ran = [untrusted.mapping(registers.get(name)) for name in ("__twostep_swap", "__twostep_boot", "__twostep_commit", "__twostep_reboot")]
    if any(record.get("unreachable") or record.get("timedout") for record in [swap, boot, commit, back, *ran]):
        return "unknown"
    if not swap or swap.get("skipped"):
        return "failed" if untrusted.problem(ran[0]) else "untouched"
    if swap.get("failed"):
        if swap.get("code") in _UNPROVED:
            return "unknown"
        return {"returned": "returned", "refused": "untouched"}.get(str(swap.get("outcome")), "failed")
    if "returned" in (boot.get("code"), commit.get("code")) or (back and not back.get("failed") and not back.get("skipped")):
        return "returned"
    if swap.get("outcome") == "armed" and not boot:
        return "unknown" if ran[3].get("failed") else "uncommitted"
    if commit and not commit.get("failed") and not commit.get("skipped"):
        return "upgraded"
    if commit.get("code") == "stale_generation":
        return "unknown"  # something else has served since the gate
    return "uncommitted"


def hops_done(slot: str, registers: Mapping[Any, Any]) -> bool:
    """Return whether a hop before the last one has been committed, so that another version is the committed one than before the run."""
    earlier = [by_slot(told).get(slot, {}) for told in untrusted.records(registers.get("__twostep_earlier"))]
    return any(one.get("outcome") in ("committed", "already") and not one.get("failed") for one in earlier)
