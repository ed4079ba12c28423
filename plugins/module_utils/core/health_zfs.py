# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ZFS: does every pool of this host hold all its copies?

Judges ``zpool list -H -o name,health`` and the exit status of ``zpool wait``; the text of ``zpool status`` is not used. Their form follows
cmd/zpool and lib/libzfs of OpenZFS 2.1.11 and of its development branch. The health is that of the root vdev: it is DEGRADED as soon as one
vdev below it is, at any depth (module/zfs/vdev.c, vdev_root.c), but ONLINE while a device that was away is resilvered. A pool of single
devices keeps no copies, and nothing more can be asked of it than that it is ONLINE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .health import NOT_OK, OK, UNKNOWN, Finding, combine, unreadable

_BROKEN = ("DEGRADED", "FAULTED", "OFFLINE", "REMOVED", "SUSPENDED", "UNAVAIL")
# What zpool allows in a name, but for the space.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,255}")


@dataclass(frozen=True)
class Pool:
    name: str
    health: str


@dataclass(frozen=True)
class Wait:
    """How ``zpool wait`` ended; ``rc`` is None if it still waited after ``seconds``."""

    rc: int | None
    seconds: float


def parse(stdout: str) -> list[Pool]:
    """Return the pools; there is nothing on stdout if there is none.

    :raises TwostepError: ``unreadable_answer``.
    """
    pools = []
    for line in stdout.splitlines():
        name, tab, health = line.partition("\t")
        if not name or not tab or not health.isalpha():
            raise unreadable("zpool list")
        pools.append(Pool(name, health))
    return pools


def can_be_asked(pool: Pool) -> bool:
    """May the pool be named to ``zpool wait``? One that is not ONLINE need not be: waiting for it could take for ever."""
    return pool.health == "ONLINE" and _NAME.fullmatch(pool.name) is not None


def online(pool: Pool) -> Finding:
    """Are all devices of the pool there and without fault?"""
    if pool.health == "ONLINE":
        return Finding(OK, f"{pool.name} is ONLINE.")
    if pool.health in _BROKEN:
        return Finding(NOT_OK, f"{pool.name} is {pool.health}.")
    return Finding(UNKNOWN, f"{pool.name} is {pool.health}, which is not understood.")


def quiet(pool: Pool, wait: Wait | None) -> Finding:
    """Is nothing being resilvered, replaced or removed? ``zpool wait`` returns at once then."""
    if wait is None:
        return Finding(UNKNOWN, f"Whether {pool.name} is being rebuilt is not known, because its name cannot be handed to zpool wait.")
    if wait.rc is None:
        return Finding(NOT_OK, f"{pool.name} is being resilvered or replaced: zpool wait did not end within {wait.seconds:g} s.")
    if wait.rc == 0:
        return Finding(OK, f"{pool.name} is not being resilvered or replaced.")
    return Finding(
        UNKNOWN,
        f"Whether {pool.name} is being rebuilt is not known: zpool wait, which OpenZFS has since 2.0, ended with exit status {wait.rc}.",
    )


def judge(pool: Pool, wait: Wait | None) -> Finding:
    """Return the finding of one sample; ``wait`` is None if the pool was not asked.

    A pool that is ONLINE and quiet also answers the what-if question: whichever host stalls, a whole copy stays if there ever were two.
    """
    now = online(pool)
    if now.verdict != OK:
        return now
    return combine([now, quiet(pool, wait)])


def evidence(pool: Pool, wait: Wait | None) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    if wait is None:
        return {"health": pool.health}
    return {"health": pool.health, "wait_rc": wait.rc}
