# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Ceph for its monitors, the OSDs of this host and all placement groups, by ``ceph``."""

from __future__ import annotations

import os
from typing import Callable

from ..core import health_ceph
from ..core.errors import TwostepError
from ..core.health import OK, UNKNOWN, Finding
from .health_probe import UNANSWERED, Question, Sample, World

SUBJECT = "cluster"


def _nodename() -> str:
    return os.uname().nodename


def sample(question: Question, world: World, nodename: Callable[[], str] = _nodename) -> list[Sample]:
    """Return what each part says. If the monitors do not answer, nobody else is asked; the others are asked through them."""

    def ask(*words: str) -> health_ceph.Answer:
        result = world.run(["ceph", *words, "-f", "json"], timeout_s=world.timeout_s)
        return health_ceph.Answer(result.rc, result.stdout, result.stderr)

    def osds() -> Sample:
        if host is None:
            return Sample("osds", Finding(UNKNOWN, "Ceph does not tell which daemons run on this host."))
        if not host.known:
            return Sample("osds", health_ceph.nobody(nodename()))
        if not host.osds:
            return Sample("osds", Finding(OK, "This host has daemons of Ceph and no OSD among them."))
        answer = ask("osd", "ok-to-stop", *(str(osd) for osd in host.osds))
        return Sample("osds", health_ceph.osds(answer, host.osds), health_ceph.evidence_osds(answer, host.osds))

    def placement_groups() -> Sample:
        answer = ask("pg", "stat")
        return Sample("placement_groups", health_ceph.placement_groups(answer), health_ceph.evidence_placement_groups(answer))

    quorum = ask("quorum_status")
    host = health_ceph.find_host(ask("node", "ls"), nodename())
    monitors = Sample("monitors", health_ceph.monitors(quorum, host, question.stall_seconds), health_ceph.evidence_monitors(quorum))
    return [monitors, _or_unknown("osds", osds), _or_unknown("placement_groups", placement_groups)]


def _or_unknown(subject: str, look: Callable[[], Sample]) -> Sample:
    """Without a manager ``ceph`` waits for ever: then the monitors have answered all the same."""
    try:
        return look()
    except TwostepError as error:
        if error.code not in UNANSWERED:
            raise
        return Sample(subject, Finding(UNKNOWN, error.message), {"error": error.code})
