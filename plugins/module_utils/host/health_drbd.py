# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks DRBD for its resources: ``/proc/drbd`` tells which version is loaded, and of 8.4 everything; 9 is asked by ``drbdsetup``.

``drbdsetup`` is not asked where the module is not loaded: it would load it.
"""

from __future__ import annotations

import os

from ..core import health_drbd, health_drbd84
from ..core.errors import TwostepError
from ..core.health import UNKNOWN, Finding, unreadable
from .health_probe import Question, Sample, World

SUBJECT = "resources"
_NONE = "This host has no DRBD resource. Take drbd out of twostep_health_sources if it is not meant to have one."
_MAX_CHARACTERS = 2**20  # a device takes up to 400


def sample(question: Question, world: World) -> list[Sample]:
    told = _proc(world.paths.proc + "/drbd")
    version = health_drbd84.version(told) if told else None
    if told is None:
        samples = []
    elif version == (8, 4):
        samples = [Sample(device.name, health_drbd84.judge(device), health_drbd84.evidence(device)) for device in health_drbd84.parse(told)]
    elif version is not None and version >= (9, 0):
        samples = _nine(question, world)
    else:
        raise unreadable("/proc/drbd")
    return samples or [Sample(SUBJECT, Finding(UNKNOWN, _NONE))]


def _proc(path: str) -> str | None:
    """Return the whole of /proc/drbd, or None where DRBD is not loaded. What is cut off would not be judged."""
    if not os.path.lexists(path):
        return None
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            told = handle.read(_MAX_CHARACTERS)
    except OSError:
        raise unreadable(path) from None
    if len(told) == _MAX_CHARACTERS:
        raise unreadable(path)
    return told


def _nine(question: Question, world: World) -> list[Sample]:
    result = world.run(["drbdsetup", "status", "--json"], timeout_s=world.timeout_s)
    if result.rc != 0:
        return [Sample(SUBJECT, Finding(UNKNOWN, f"drbdsetup status ended with exit status {result.rc}, so DRBD did not answer."))]
    resources = health_drbd.parse(result.stdout)
    policies = _policies(world) if resources else {}
    return [
        Sample(
            resource.name,
            health_drbd.judge(resource, policies.get(resource.name), question.stall_seconds),
            health_drbd.evidence(resource, policies.get(resource.name)),
        )
        for resource in resources
    ]


def _policies(world: World) -> dict[str, health_drbd.Policy]:
    """Return how many votes the resources ask for; nothing where it could not be read, so that the rest is still told."""
    result = world.run(["drbdsetup", "show", "--show-defaults", "--json"], timeout_s=world.timeout_s)
    try:
        return health_drbd.parse_policies(result.stdout) if result.rc == 0 else {}
    except TwostepError:
        return {}
