# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the software arrays of this host from ``/sys/block/<md>/md/``."""

from __future__ import annotations

import os

from ..core import health_md
from ..core.health import UNKNOWN, Finding
from .health_probe import Question, Sample, World
from .paths import Paths
from .sysfs import read

SUBJECT = "arrays"
_NONE = "This host has no md array. Take md out of twostep_health_sources if it is not meant to have one."


def sample(_question: Question, world: World) -> list[Sample]:
    arrays = [read_array(name, world.paths) for name in _arrays(world.paths)]
    if not arrays:
        return [Sample(SUBJECT, Finding(UNKNOWN, _NONE))]
    return [Sample(array.name, health_md.judge(array), health_md.evidence(array)) for array in arrays]


def _arrays(paths: Paths) -> list[str]:
    block = paths.sys + "/block"
    try:
        names = sorted(os.listdir(block))
    except OSError:
        return []
    return [name for name in names if os.path.isdir(f"{block}/{name}/md")]


def read_array(name: str, paths: Paths) -> health_md.Array:
    """Return the snapshot of one array; a file that cannot be read is None in it."""
    folder = f"{paths.sys}/block/{name}/md"
    try:
        places = sorted(
            (entry for entry in os.listdir(folder) if entry[:2] == "rd" and entry[2:].isdigit()), key=lambda entry: int(entry[2:])
        )
    except OSError:
        places = []
    return health_md.Array(
        name=name,
        level=read(f"{folder}/level"),
        array_state=read(f"{folder}/array_state"),
        degraded=read(f"{folder}/degraded"),
        raid_disks=read(f"{folder}/raid_disks"),
        sync_action=read(f"{folder}/sync_action"),
        members=tuple(read(f"{folder}/{place}/state") for place in places),
    )
