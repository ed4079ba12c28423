# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks pacemaker for its nodes and failed actions, by ``crm_mon``."""

from __future__ import annotations

from ..core import health_pacemaker
from ..core.health import UNKNOWN, Finding
from .health_probe import Question, Sample, World

SUBJECT = "cluster"


def sample(_question: Question, world: World) -> list[Sample]:
    result = world.run(["crm_mon", "--output-as=xml"], timeout_s=world.timeout_s)
    if result.rc != 0:
        reason = f"crm_mon ended with exit status {result.rc}, so pacemaker did not answer."
        return [Sample(SUBJECT, Finding(UNKNOWN, reason), {"rc": result.rc})]
    cluster = health_pacemaker.parse(result.stdout)
    return [Sample(SUBJECT, health_pacemaker.judge(cluster), health_pacemaker.evidence(cluster))]
