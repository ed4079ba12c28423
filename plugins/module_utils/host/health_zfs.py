# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks ``zpool list`` for the pools of this host, and ``zpool wait`` of each whether it is being rebuilt."""

from __future__ import annotations

from ..core import health_zfs
from ..core.errors import TwostepError
from ..core.health import UNKNOWN, Finding
from ..core.untrusted import text
from .health_probe import Question, Sample, World

SUBJECT = "pools"
LONGEST_WAIT_S = 2.0
_NONE = "This host has no ZFS pool. Take zfs out of twostep_health_sources if it is not meant to have one."


def sample(_question: Question, world: World) -> list[Sample]:
    result = world.run(["zpool", "list", "-H", "-o", "name,health"], timeout_s=world.timeout_s)
    if result.rc != 0:
        reason = f"zpool list ended with exit status {result.rc}, so what it printed may lack pools."
        return [Sample(SUBJECT, Finding(UNKNOWN, reason), {"rc": result.rc, "stderr": text(result.stderr)})]
    pools = health_zfs.parse(result.stdout)
    if not pools:
        return [Sample(SUBJECT, Finding(UNKNOWN, _NONE))]
    return [_look_at(pool, world) for pool in pools]


def _look_at(pool: health_zfs.Pool, world: World) -> Sample:
    wait = _wait_for(pool, world) if health_zfs.can_be_asked(pool) else None
    return Sample(pool.name, health_zfs.judge(pool, wait), health_zfs.evidence(pool, wait))


def _wait_for(pool: health_zfs.Pool, world: World) -> health_zfs.Wait:
    seconds = min(world.timeout_s, LONGEST_WAIT_S)
    try:
        result = world.run(["zpool", "wait", "-t", "resilver,replace,remove", pool.name], timeout_s=seconds)
    except TwostepError as error:
        if error.code != "command_timeout":
            raise
        return health_zfs.Wait(None, seconds)
    return health_zfs.Wait(result.rc, seconds)
