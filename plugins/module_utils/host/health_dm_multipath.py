# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks multipathd for its maps, where it runs. Which maps there must be is read from the kernel, in ``/sys/block/dm-*/dm/``."""

from __future__ import annotations

import os

from ..core import health_dm_multipath as core
from ..core.errors import TwostepError
from ..core.health import UNKNOWN, Finding, unreadable
from ..core.multipath import PREFIX
from .health_probe import Question, Sample, World
from .multipath import ASK_ACTIVE, says_active
from .paths import Paths
from .sysfs import read

SUBJECT = "maps"
_NONE = "This host has no multipath map. Take dm_multipath out of twostep_health_sources if it is not meant to have one."
_DOWN = "multipathd does not run on this host, so nobody checks the paths of its maps."
_ASK = ("multipathd", "show", "maps", "json")


def sample(_question: Question, world: World) -> list[Sample]:
    known = _kernel(world.paths)
    if not known:
        return [Sample(SUBJECT, Finding(UNKNOWN, _NONE))]
    if not _runs(world):
        return [Sample(SUBJECT, Finding(UNKNOWN, _DOWN), {"maps": known[:32]})]
    maps = _maps(world)
    told = [one.name for one in maps]
    return [Sample(one.name, core.judge(one), core.evidence(one)) for one in maps] + [
        Sample(name, Finding(UNKNOWN, f"multipathd does not tell of {name}, which the kernel has.")) for name in known if name not in told
    ]


def _kernel(paths: Paths) -> list[str]:
    """Return the names of the multipath maps that the kernel has."""
    block = paths.sys + "/block"
    try:
        folders = sorted(name for name in os.listdir(block) if name.startswith("dm-"))
    except OSError:
        return []
    maps = [f"{block}/{name}/dm" for name in folders if (read(f"{block}/{name}/dm/uuid") or "").startswith(PREFIX)]
    return [read(f"{folder}/name") or folder.split("/")[-2] for folder in maps]


def _runs(world: World) -> bool:
    """Return whether multipathd runs; taken for granted without systemd, where there is no socket that would start it."""
    try:
        return says_active(world.run(list(ASK_ACTIVE), timeout_s=world.timeout_s).stdout)
    except TwostepError as error:
        if error.code != "no_command":
            raise
        return True


def _maps(world: World) -> list[core.Map]:
    """Return what multipathd says; asked once more where its answer is cut off, as it is under load."""
    for _again in range(2):
        result = world.run(list(_ASK), timeout_s=world.timeout_s)
        try:
            if result.rc == 0:
                return core.parse(result.stdout)
        except TwostepError:
            continue
    raise unreadable(core.WHO)
