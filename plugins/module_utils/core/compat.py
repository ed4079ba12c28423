# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can this module file take over this slot, and how? Facts in, verdict with coded reasons out; reads nothing itself.

Each check is one function that yields reasons. The verdict is the worst level among them, so a check that is added can only
make a verdict stricter.
"""

from __future__ import annotations

from typing import Iterator

from . import compat_kernel, names
from .candidate import Candidate
from .compat_facts import LEVELS, Question, Reason, Verdict
from .errors import TwostepError
from .slots import Range

_MODE = {"hot": "handover", "two_step": "two_step"}


def decide(question: Question) -> Verdict:
    """Return the verdict; the reasons come worst first."""
    if question.slot.state == "serving" and question.slot.version == question.version:
        return Verdict("current", None, tuple(_current(question)))
    reasons = list(_slot(question))
    candidate = question.candidate
    if candidate is None:
        reasons.append(_unreadable(question))
    else:
        for check in (_identity, _contract, compat_kernel.check, _name, _promises, _way_back, _peers):
            reasons += check(question, candidate)
    reasons.sort(key=lambda reason: -LEVELS.index(reason.level))
    worst = reasons[0].level if reasons else "info"
    verdict = "hot" if worst in ("info", "warning") else worst
    schema = _schema_to_name(question, candidate) if verdict == "two_step" and candidate else None
    return Verdict(verdict, _MODE.get(verdict), tuple(reasons), schema)


def _current(question: Question) -> Iterator[Reason]:
    if question.slot.parked:
        yield Reason(
            "slot",
            "commit_missing",
            "info",
            f"Slot {question.slot.slot} serves {question.version} in probation; {question.slot.parked} is parked.",
            "Commit with twostep.hotswap.swap, or swap back.",
        )


def _unreadable(question: Question) -> Reason:
    problem = question.problem
    if problem is None:
        module = names.child_module(question.slot.family or "none", question.version)
        problem = TwostepError(
            "not_built", f"{module} is not installed for kernel {question.kernel_release}.", "Build it with twostep.hotswap.dkms."
        )
    return Reason("kernel", problem.code, "refuse", problem.message, problem.next_step)


def _slot(question: Question) -> Iterator[Reason]:
    slot = question.slot
    if slot.last_swap.result == "running" or slot.state == "held":
        yield Reason(
            "slot",
            "slot_busy",
            "refuse",
            f"A swap to {slot.last_swap.to_version} runs on slot {slot.slot}.",
            "Wait for it; if it does not end, read the kernel log.",
        )
    elif slot.state != "serving":
        why = f": {slot.last_swap.reason}" if slot.last_swap.reason else ""
        yield Reason(
            "slot",
            "not_serving",
            "refuse",
            f"Slot {slot.slot} is {slot.state}{why}.",
            "Bring it up with twostep.hotswap.parent.",
        )
    elif slot.parked == question.version:
        yield Reason(
            "slot",
            "ends_probation",
            "info",
            f"{slot.parked} is parked on slot {slot.slot}; it is released, and takes over by a swap of its own.",
            "Nothing to do.",
        )
    elif slot.parked:
        yield Reason(
            "slot",
            "slot_busy",
            "refuse",
            f"Slot {slot.slot} serves {slot.version} in probation; {slot.parked} is parked.",
            f"Commit {slot.version} or swap back to {slot.parked} first.",
        )


def _identity(question: Question, candidate: Candidate) -> Iterator[Reason]:
    if candidate.version != question.version:
        yield Reason(
            "contract",
            "version_mismatch",
            "refuse",
            f"The file of {candidate.name} carries version {candidate.version}, asked for is {question.version}.",
            "Build the module from the sources of the version asked for.",
        )
    if candidate.family != question.slot.family:
        yield Reason(
            "contract",
            "family",
            "refuse",
            f"{candidate.name} is of family {candidate.family}, slot {question.slot.slot} of {question.slot.family}.",
            "Choose a module of the slot's family.",
        )
    running = question.slot.version
    if running and names.version_key(candidate.version) < names.version_key(running):
        yield Reason("contract", "downgrade", "info", f"{candidate.version} is older than {running}.", "Nothing to do if that is meant.")


def _contract(question: Question, candidate: Candidate) -> Iterator[Reason]:
    parent = question.contract
    if candidate.contract.major != parent.major:
        yield Reason(
            "contract",
            "contract_major",
            "cold",
            f"{candidate.name} is built for contract {candidate.contract}, the loaded parent has {parent}.",
            "Upgrade the parent first, with its slots down; parent and child are never upgraded in one step.",
        )
    elif candidate.contract.minor > parent.minor:
        yield Reason(
            "contract",
            "contract_minor",
            "cold",
            f"{candidate.name} needs contract {candidate.contract}, the loaded parent has {parent}.",
            "Upgrade the parent first, with its slots down; parent and child are never upgraded in one step.",
        )


def _name(question: Question, candidate: Candidate) -> Iterator[Reason]:
    loaded = question.loaded
    if question.ask_two_step:
        yield Reason("slot", "asked_two_step", "two_step", "Mode two_step was asked for.", "Nothing to do.")
    if loaded is None or not question.is_stale:
        return
    serves_here = loaded.module == question.slot.module
    parked_here = question.slot.parked == loaded.version
    if loaded.users > int(serves_here) + int(parked_here):
        yield Reason(
            "slot",
            "other_build",
            "refuse",
            f"The kernel has another build of {loaded.module} ({loaded.version}), and another slot uses it.",
            "Swap the other slots away from it first, or give the new build a version of its own.",
        )
    elif serves_here:
        yield Reason(
            "slot",
            "same_module",
            "two_step",
            f"{loaded.module} {loaded.version} serves, and a kernel has one module of a name.",
            "Nothing to do: the old module goes before the new one comes. A name with the version in it would swap faster.",
        )
    else:
        yield Reason(
            "slot",
            "stale_module",
            "info",
            f"The kernel has another build of {loaded.module} loaded; nothing uses it.",
            "Nothing to do: it is unloaded first.",
        )


def _promises(question: Question, candidate: Candidate) -> Iterator[Reason]:
    if question.request_bytes is not None and candidate.request_bytes > question.request_bytes:
        yield Reason(
            "state",
            "request_bytes",
            "warm",
            f"{candidate.name} wants {candidate.request_bytes} bytes with each request, the slot has {question.request_bytes}.",
            "Take the slot down and create it with the new version and a larger request_bytes.",
        )
    old = question.old
    if old is None:
        return
    dropped = sorted(set(old.features) - set(candidate.features))
    if dropped:
        yield Reason(
            "contract",
            "feature_dropped",
            "warm",
            f"{candidate.name} does not promise {', '.join(dropped)}, which {old.module} does.",
            "Choose a version that keeps the promise, or take the slot down and create it with the new version.",
        )
    if _schemas(question, candidate) is None:
        yield Reason(
            "state",
            "schema_none",
            "warm",
            f"{old.module} writes schemas {old.schema_writes}, {candidate.name} reads {candidate.schema_reads}: they have none in common.",
            "Go through a version between them, or take the slot down and create it with the new version.",
        )


def _schemas(question: Question, candidate: Candidate) -> Range | None:
    """Return the schemas that the state can move in. In two_step the old child must also be able to take it back."""
    old = question.old
    if old is None:
        return None
    common = old.schema_writes.overlap(candidate.schema_reads)
    goes_first = question.ask_two_step or question.slot.module == candidate.name or compat_kernel.must_go_first(question)
    return common.overlap(old.schema_reads) if common and goes_first else common


def _schema_to_name(question: Question, candidate: Candidate) -> int | None:
    """The kernel takes the newest that the old child writes; another one has to be named."""
    common = _schemas(question, candidate)
    if common is None or question.old is None or common.high == question.old.schema_writes.high:
        return None
    return common.high


def _way_back(question: Question, candidate: Candidate) -> Iterator[Reason]:
    old = question.old
    if old is None:
        return
    gained = sorted(set(candidate.features) - set(old.features))
    if candidate.schema_writes.overlap(old.schema_reads) is None:
        yield Reason(
            "state",
            "no_way_back",
            "warning",
            f"There is no way back: {candidate.name} writes schemas {candidate.schema_writes}, {old.module} reads {old.schema_reads}.",
            "Consent with one_way if that is meant; going back later means taking the slot down.",
        )
    elif gained:
        yield Reason(
            "contract",
            "promise_gained",
            "warning",
            f"After the commit there is no hot way back: {candidate.name} promises {', '.join(gained)}, which {old.module} does not.",
            "Go on if that is meant; going back later means taking the slot down.",
        )


def _peers(question: Question, candidate: Candidate) -> Iterator[Reason]:
    """A host alone can go there; what a fleet may mix is decided by who sees all of it, `peers.py`."""
    old, new = question.old_file, candidate.protocol
    if old is not None and old.protocol is not None and new is not None and old.protocol.overlap(new) is None:
        yield Reason(
            "peers",
            "peers_disjoint",
            "warning",
            f"{old.name} speaks versions {old.protocol} of its wire protocol, {candidate.name} {new}: they cannot talk to each other.",
            "Go through a version that speaks both, on the whole fleet, before any host goes on.",
        )
