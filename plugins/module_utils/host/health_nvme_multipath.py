# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads NVMe subsystems from ``/sys/class/nvme-subsystem/`` and the paths of their namespaces from ``/sys/block/``.

A folder ``nvme-subsysN`` has its controllers ``nvmeC`` (links) and the heads ``nvmeNnY`` of the namespaces that may have several paths;
the hidden disk of a path is ``/sys/block/nvmeNcCnY``. A namespace without a head is a disk below its controller.
"""

from __future__ import annotations

import os
import re

from ..core import health_nvme_multipath as core
from ..core.health import UNKNOWN, Finding
from .health_probe import Question, Sample, World
from .paths import Paths
from .sysfs import read

SUBJECT = "namespaces"
_NONE = (
    "This host has no NVMe namespace that is meant to have several paths. "
    "Take nvme_multipath out of twostep_health_sources if it is not meant to have one."
)
_SUBSYSTEM, _CONTROLLER = re.compile(r"nvme-subsys([0-9]+)"), re.compile(r"nvme[0-9]+")
_DISK, _PATH = re.compile(r"nvme[0-9]+n[0-9]+"), re.compile(r"nvme([0-9]+)c([0-9]+)n([0-9]+)")


def sample(_question: Question, world: World) -> list[Sample]:
    root = world.paths.sys + "/class/nvme-subsystem"
    samples = [found for name in _names(root, _SUBSYSTEM) for found in _subsystem(name, f"{root}/{name}", world.paths)]
    return samples or [Sample(SUBJECT, Finding(UNKNOWN, _NONE))]


def _names(folder: str, form: re.Pattern[str]) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if form.fullmatch(name))
    except OSError:
        return []


def _subsystem(name: str, folder: str, paths: Paths) -> list[Sample]:
    """Return what is to be said of a subsystem; nothing of local disks that have one controller, nor of a discovery service."""
    if read(f"{folder}/subsysnqn") == core.DISCOVERY or read(f"{folder}/subsystype") == "discovery":
        return []
    controllers = tuple(_controller(one, f"{folder}/{one}") for one in _names(folder, _CONTROLLER))
    local = core.is_local(controllers)
    if local and len(controllers) == 1:
        return []
    found = [core.Namespace(head, True, controllers, _paths(head, paths)) for head in _names(folder, _DISK)]
    if not local:
        disks = [disk for one in controllers for disk in _names(f"{folder}/{one.name}", _DISK)]
        found += [core.Namespace(disk, False, controllers, ()) for disk in disks]
    if not found and not local:
        return [Sample(name, Finding(UNKNOWN, f"{name} has no namespace."), {"controllers": [one.name for one in controllers]})]
    return [Sample(one.name, core.judge(one), core.evidence(one)) for one in found]


def _controller(name: str, folder: str) -> core.Controller:
    return core.Controller(name, read(f"{folder}/transport"), read(f"{folder}/state"), read(f"{folder}/address"))


def _paths(head: str, paths: Paths) -> tuple[core.Path, ...]:
    block = paths.sys + "/block"
    found = []
    for name in _names(block, _PATH):
        subsystem, controller, namespace = _PATH.fullmatch(name).groups()  # type: ignore[union-attr]
        if head == f"nvme{subsystem}n{namespace}":
            file = f"{block}/{name}/ana_state"
            found.append(core.Path(name, f"nvme{controller}", read(file) if os.path.lexists(file) else core.NO_ANA))
    return tuple(found)
