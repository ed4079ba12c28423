# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shortest chain of hot steps to a version, through the versions that are installed; or why there is none.

Breadth-first search; whether one step is hot is the verdict of `compat.py`, asked as if the step before it had been made and committed.
What only stands in the way for the moment, such as a swap that runs, is left out of account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Mapping, Sequence

from . import compat, names
from .candidate import Candidate
from .compat_facts import BLOCKING, Question, Reason, Verdict
from .linkage import Linkage
from .slots import Child, LastSwap

_MOST_REASONS = 8
_HOT = ("hot", "two_step", "current")


@dataclass(frozen=True)
class Release:
    """An installed version: its file's facts, what is loaded of its name, and what stands against loading it."""

    candidate: Candidate
    question: Question

    @property
    def version(self) -> str:
        return self.candidate.version


@dataclass(frozen=True)
class Path:
    """Versions from the one that serves to the one asked for, or None and the reasons."""

    versions: tuple[str, ...] | None
    reasons: tuple[Reason, ...] = ()

    @property
    def next_version(self) -> str | None:
        """Return the version to go to before the one asked for; None where there is no way, or a direct one."""
        return self.versions[1] if self.versions is not None and len(self.versions) > 2 else None


def shortest(start: str, goal: str, versions: Sequence[str], leads: Callable[[str, str], bool]) -> tuple[str, ...] | None:
    """Return the shortest chain from `start` to `goal`, both included, or None.

    Of several equally short ones: versions between the two ends before others, then the highest ones, from the first step on.
    """
    distance = {goal: 0}
    ring = [goal]
    while ring and start not in distance:
        before = [version for version in (*versions, start) if version not in distance and any(leads(version, after) for after in ring)]
        distance.update(dict.fromkeys(before, distance[ring[0]] + 1))
        ring = list(dict.fromkeys(before))
    if start not in distance:
        return None
    low, high = sorted(map(names.version_key, (start, goal)))

    def liked(version: str) -> tuple[bool, tuple[int, ...]]:
        key = names.version_key(version)
        return low <= key <= high, key

    chain = [start]
    while chain[-1] != goal:
        closer = distance[chain[-1]] - 1
        chain.append(max((v for v in versions if distance.get(v) == closer and leads(chain[-1], v)), key=liked))
    return tuple(chain)


class _Steps:
    """The verdicts on single steps between versions, each asked once."""

    def __init__(self, question: Question, releases: Mapping[str, Release]) -> None:
        self._question = question
        self._releases = releases
        self._known: dict[tuple[str, str], Verdict] = {}

    def verdict(self, start: str, goal: str) -> Verdict:
        """Return the verdict on one step."""
        if (start, goal) not in self._known:
            self._known[start, goal] = compat.decide(self._asked(start, goal))
        return self._known[start, goal]

    def is_hot(self, start: str, goal: str) -> bool:
        return start != goal and self.verdict(start, goal).verdict in _HOT

    def _asked(self, start: str, goal: str) -> Question:
        """Return the question about a step: the slot serves `start`, nothing is parked, nothing runs."""
        now = self._question.slot
        asked = replace(self._releases[goal].question, version=goal, candidate=self._releases[goal].candidate, ask_two_step=False)
        slot = replace(now, state="serving", parked=None, last_swap=LastSwap(result="ok"))
        if start == now.version:
            return replace(asked, slot=slot, old=self._question.old, old_file=self._question.old_file)
        release = self._releases[start]
        old = _child(release.candidate)
        gone = now.module
        exporters = None
        if asked.exporters is not None:
            exporters = {symbol: owner for symbol, owner in asked.exporters.items() if owner != gone}
            exporters.update(dict.fromkeys(_exported(asked.linkage) & _exported(release.question.linkage), old.module))
        return replace(
            asked, slot=replace(slot, version=start, module=old.module), old=old, old_file=release.candidate, exporters=exporters
        )


def _exported(linkage: Linkage | None) -> set[str]:
    return set(linkage.exported) if linkage is not None else set()


def _child(candidate: Candidate) -> Child:
    """Return a candidate as the child that it becomes once it serves."""
    return Child(
        module=candidate.name,
        family=candidate.family,
        version=candidate.version,
        contract=candidate.contract,
        features=candidate.features,
        schema_reads=candidate.schema_reads,
        schema_writes=candidate.schema_writes,
        request_bytes=candidate.request_bytes,
        users=1,
    )


def find(question: Question, releases: Sequence[Release]) -> Path:
    """Return the chain from the version that serves to the one asked for.

    :param question: the one about the direct step.
    :param releases: every version of the family that is installed for the kernel in question, the one asked for included.
    """
    start, goal = question.slot.version, question.version
    if start == goal:
        return Path((goal,))
    known = {release.version: release for release in sorted(releases, key=lambda release: names.version_key(release.version))}
    if start is None or question.old is None:
        text = f"Slot {question.slot.slot} serves nothing, so there is no version to go from."
        return Path(None, (_no_path(text, "Bring a version up with twostep.hotswap.parent."),))
    if goal not in known:
        text = f"{names.child_module(question.old.family, goal)} is not installed for kernel {question.kernel_release}."
        return Path(None, (_no_path(text, "Build it with twostep.hotswap.dkms."),))
    steps = _Steps(question, known)
    chain = shortest(start, goal, list(known), steps.is_hot)
    return Path(chain) if chain is not None else Path(None, tuple(_why_not(start, goal, list(known), steps)))


def hopeless(verdict: Verdict) -> Path | None:
    """Return that there is no way, where what stands against the version does not depend on the one before it; else None.

    No version between them makes a file one that the kernel loads, or that keeps the promises and the contract.
    """
    against = tuple(reason for reason in verdict.reasons if reason.level in BLOCKING and reason.axis in ("kernel", "contract"))
    return Path(None, against) if against else None


def _no_path(message: str, next_step: str) -> Reason:
    return Reason("state", "no_path", "info", message, next_step)


def _why_not(start: str, goal: str, versions: Sequence[str], steps: _Steps) -> list[Reason]:
    """Return first that there is no chain, then of every version that can be reached why the last step from it is not hot."""
    reached = [start]
    for version in reached:
        reached += [after for after in versions if after not in reached and steps.is_hot(version, after)]
    others = ", ".join(version for version in reached if version != start) or "none"
    reasons = [
        _no_path(
            f"No chain of hot steps leads from {start} to {goal}; of the installed versions {others} can be reached.",
            "Install a version between them that reads what the old one writes, or take the slot down.",
        )
    ]
    for version in reached[:_MOST_REASONS]:
        blocking = steps.verdict(version, goal).blocking
        if blocking is not None:
            reasons.append(replace(blocking, message=f"From {version} to {goal}: {blocking.message}"))
    return reasons


def advised(verdict: Verdict, path: Path) -> Verdict:
    """Return the verdict with the way round named where the states of the two versions have no schema in common."""
    if path.next_version is None or path.versions is None:
        return verdict
    chain = " to ".join(path.versions)
    step = f"Go through {path.next_version}: swap to it and commit it first; the whole way is {chain}."
    reasons = tuple(replace(reason, next_step=step) if reason.code == "schema_none" else reason for reason in verdict.reasons)
    return replace(verdict, reasons=reasons)
