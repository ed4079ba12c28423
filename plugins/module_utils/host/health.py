# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks this host about its health: which sources there are, and that a yes needs two samples.

Read-only. A program that is absent, hangs or talks nonsense gives the answer ``unknown``; nothing here raises for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Sequence

from ..core.errors import TwostepError
from ..core.health import OK, UNKNOWN, Answer, Finding
from .health_probe import UNANSWERED, Question, Sample, World

if TYPE_CHECKING:
    # For those who ship this file, since they follow import statements. A host loads only the sources that it is asked for.
    from . import (  # noqa: F401
        health_btrfs,
        health_ceph,
        health_command,
        health_consul,
        health_corosync,
        health_dm_multipath,
        health_drbd,
        health_etcd,
        health_lvm,
        health_md,
        health_nvme_multipath,
        health_pacemaker,
        health_zfs,
    )

QUORUM = ("corosync", "pacemaker", "etcd", "consul", "ceph")
COPIES = ("md", "lvm", "zfs", "btrfs", "drbd", "nvme_multipath", "dm_multipath")
SOURCES = (*QUORUM, *COPIES, "command")


def ask(sources: Sequence[str], question: Question, world: World) -> list[Answer]:
    """Return the answers of ``sources`` in their order; every source gives at least one.

    States flap: a no is believed at once, a yes is asked for again after ``sample_gap_s``.

    :raises TwostepError: ``bad_source``.
    """
    _check(sources)
    first = {source: _look(source, question, world) for source in sources}
    if any(answer.verdict == OK for answers in first.values() for answer in answers):
        world.sleep(world.sample_gap_s)
    return [answer for source, answers in first.items() for answer in _confirmed(answers, source, question, world)]


def look(sources: Sequence[str], question: Question, world: World) -> list[Answer]:
    """Return what the sources say at one look, for whoever looks again and again.

    :raises TwostepError: ``bad_source``.
    """
    _check(sources)
    return [answer for source in sources for answer in _look(source, question, world)]


def _check(sources: Sequence[str]) -> None:
    for source in sources:
        if source not in SOURCES:
            raise TwostepError("bad_source", f"There is no health source {source!r}.", f"Use one of: {', '.join(SOURCES)}.")


def _look(source: str, question: Question, world: World) -> list[Answer]:
    asked = importlib.import_module(f".health_{source}", __package__)
    samples: list[Sample]
    try:
        samples = asked.sample(question, world)
    except TwostepError as error:
        if error.code not in UNANSWERED:
            raise
        samples = [Sample(asked.SUBJECT, Finding(UNKNOWN, error.message), {"error": error.code})]
    now = world.now()
    return [Answer(source, found.subject, found.finding.verdict, found.finding.reason, now, found.evidence) for found in samples]


def _confirmed(first: list[Answer], source: str, question: Question, world: World) -> list[Answer]:
    """Return what is left of a first look after a second one; a subject that is in one of them only is unknown."""
    if all(answer.verdict != OK for answer in first):
        return first
    second = {answer.subject: answer for answer in _look(source, question, world)}
    told = [answer if answer.verdict != OK else second.pop(answer.subject, _flapping(answer, "gone")) for answer in first]
    known = {answer.subject for answer in first}
    return told + [
        _flapping(answer, "new") if answer.verdict == OK else answer for answer in second.values() if answer.subject not in known
    ]


def _flapping(answer: Answer, what: str) -> Answer:
    reason = f"{answer.subject} was {what} at the second look, so what it says of itself cannot be relied on."
    return Answer(answer.source, answer.subject, UNKNOWN, reason, answer.sampled_at, answer.evidence)
