# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks ``lvs`` for the raid and mirror volumes of this host.

``lvs`` waits for ever on a suspended device: never ask while this host holds I/O back.
"""

from __future__ import annotations

from ..core import health_lvm
from ..core.health import UNKNOWN, Finding
from ..core.untrusted import text
from .health_probe import Question, Sample, World

SUBJECT = "volumes"
# An lvm.conf that sets compact_output leaves out the fields that are empty in all rows.
COMMAND = ("lvs", "-a", "-o", ",".join(health_lvm.FIELDS), "--reportformat", "json", "--config", "report/compact_output=0")
_NONE = "This host has no LVM raid or mirror volume. Take lvm out of twostep_health_sources if it is not meant to have one."


def sample(_question: Question, world: World) -> list[Sample]:
    result = world.run(list(COMMAND), timeout_s=world.timeout_s)
    if result.rc != 0:
        reason = f"lvs ended with exit status {result.rc}, so what it printed may lack volumes."
        return [Sample(SUBJECT, Finding(UNKNOWN, reason), {"rc": result.rc, "stderr": text(result.stderr)})]
    volumes = health_lvm.parse(result.stdout)
    if not volumes:
        return [Sample(SUBJECT, Finding(UNKNOWN, _NONE))]
    return [Sample(volume.name, health_lvm.judge(volume), health_lvm.evidence(volume)) for volume in volumes]
