# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking this host about its health: takes the samples that ``core.health_*`` judges.

Read-only. A program that is absent, hangs or talks nonsense gives the answer ``unknown``; nothing here raises for it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Callable

from ..core import health_corosync, health_md
from ..core.errors import TwostepError
from ..core.health import OK, UNKNOWN, Answer, Finding
from .paths import Paths
from .runner import Run

SOURCES = ("corosync", "md")

_MAX_SYSFS_BYTES = 4096


@dataclass(frozen=True)
class World:
    """Everything a provider may touch. ``now`` gives UTC ISO 8601 text; ``sleep`` takes seconds."""

    run: Run
    paths: Paths
    now: Callable[[], str]
    sleep: Callable[[float], None]
    timeout_s: float
    sample_gap_s: float


Sample = Callable[[], "tuple[Finding, dict[str, object]]"]


def ask(sources: list[str], stall_seconds: float, world: World) -> list[Answer]:
    """Return the answers of ``sources`` in their order; every source gives at least one."""
    answers: list[Answer] = []
    for source in sources:
        if source == "corosync":
            answers.append(_twice("corosync", "quorum", lambda: _corosync(stall_seconds, world), world))
        elif source == "md":
            answers.extend(_md(world))
        else:
            raise TwostepError("bad_source", f"There is no health source {source!r}.", f"Use one of: {', '.join(SOURCES)}.")
    return answers


def _twice(source: str, subject: str, sample: Sample, world: World) -> Answer:
    """States flap: a yes needs two samples, a no is believed at once."""
    finding, evidence = sample()
    if finding.verdict == OK:
        world.sleep(world.sample_gap_s)
        finding, evidence = sample()
    return Answer(source, subject, finding.verdict, finding.reason, world.now(), evidence)


def _corosync(stall_seconds: float, world: World) -> tuple[Finding, dict[str, object]]:
    try:
        result = world.run(["corosync-quorumtool", "-s"], timeout_s=world.timeout_s)
    except TwostepError as error:
        if error.code not in ("no_command", "command_timeout"):
            raise
        return Finding(UNKNOWN, error.message), {"error": error.code}
    return health_corosync.judge(result.rc, result.stdout, stall_seconds), health_corosync.evidence(result.rc, result.stdout)


def _md(world: World) -> list[Answer]:
    names = _arrays(world.paths)
    if not names:
        reason = "This host has no md array. Take md out of twostep_health_sources if it is not meant to have one."
        return [Answer("md", "arrays", UNKNOWN, reason, world.now(), {})]
    return [_twice("md", name, lambda name=name: _array_sample(name, world.paths), world) for name in names]  # type: ignore[misc]


def _array_sample(name: str, paths: Paths) -> tuple[Finding, dict[str, object]]:
    array = read_array(name, paths)
    return health_md.judge(array), health_md.evidence(array)


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
        level=_read(f"{folder}/level"),
        array_state=_read(f"{folder}/array_state"),
        degraded=_read(f"{folder}/degraded"),
        raid_disks=_read(f"{folder}/raid_disks"),
        sync_action=_read(f"{folder}/sync_action"),
        members=tuple(_read(f"{folder}/{place}/state") for place in places),
    )


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read(_MAX_SYSFS_BYTES).strip()
    except OSError:
        return None
