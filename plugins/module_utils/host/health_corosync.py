# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks corosync for quorum and votes, by ``corosync-quorumtool``."""

from __future__ import annotations

from ..core import health_corosync
from .health_probe import Question, Sample, World

SUBJECT = "quorum"


def sample(question: Question, world: World) -> list[Sample]:
    result = world.run(["corosync-quorumtool", "-s"], timeout_s=world.timeout_s)
    finding = health_corosync.judge(result.rc, result.stdout, question.stall_seconds)
    return [Sample(SUBJECT, finding, health_corosync.evidence(result.rc, result.stdout))]
