# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the mounted btrfs file systems of this host from ``/sys/fs/btrfs/<uuid>/``."""

from __future__ import annotations

import os
import re

from ..core import health_btrfs
from ..core.health import UNKNOWN, Finding
from ..core.untrusted import text
from .health_probe import Question, Sample, World
from .paths import Paths
from .sysfs import read

SUBJECT = "file systems"
_NONE = "This host has no mounted btrfs file system. Take btrfs out of twostep_health_sources if it is not meant to have one."
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def sample(_question: Question, world: World) -> list[Sample]:
    names = _names(world.paths)
    if not names:
        return [Sample(SUBJECT, Finding(UNKNOWN, _NONE))]
    found = [read_filesystem(uuid, name, world.paths) for uuid, name in names.items()]
    return [Sample(fs.name, health_btrfs.judge(fs), health_btrfs.evidence(fs)) for fs in found]


def _names(paths: Paths) -> dict[str, str]:
    """Return what each file system is called, by UUID: its label, or the UUID if it has none or shares it."""
    uuids = [name for name in _folders(paths.sys + "/fs/btrfs") if _UUID.fullmatch(name)]
    labels = {uuid: text(read(f"{paths.sys}/fs/btrfs/{uuid}/label")) for uuid in uuids}
    taken = [*uuids, *labels.values()]
    return {uuid: label if label and taken.count(label) == 1 else uuid for uuid, label in labels.items()}


def read_filesystem(uuid: str, name: str, paths: Paths) -> health_btrfs.Filesystem:
    """Return the snapshot of one file system; a file that cannot be read is None in it."""
    folder = f"{paths.sys}/fs/btrfs/{uuid}"
    numbers = sorted((name for name in _folders(f"{folder}/devinfo") if name.isdecimal()), key=int)
    return health_btrfs.Filesystem(
        name=name,
        uuid=uuid,
        exclusive_operation=read(f"{folder}/exclusive_operation"),
        devices=tuple(_read_device(number, f"{folder}/devinfo/{number}") for number in numbers),
        chunks={
            kind: {
                profile: read(f"{folder}/allocation/{kind}/{profile}/total_bytes") for profile in _folders(f"{folder}/allocation/{kind}")
            }
            for kind in _folders(f"{folder}/allocation")
        },
    )


def _read_device(number: str, folder: str) -> health_btrfs.Device:
    return health_btrfs.Device(
        number=number,
        missing=read(f"{folder}/missing"),
        in_fs_metadata=read(f"{folder}/in_fs_metadata"),
        replace_target=read(f"{folder}/replace_target"),
        error_stats=read(f"{folder}/error_stats"),
    )


def _folders(path: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(path) if os.path.isdir(f"{path}/{name}"))
    except OSError:
        return []
