# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Were flush and FUA passed on? What reached the lower device under the candidate is compared with what did under the running version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from .errors import TwostepError


@dataclass(frozen=True)
class Arrival:
    """What reached the scratch device: `kind` is read, write, flush, trim or zeroes."""

    kind: str
    offset: int = 0
    length: int = 0
    fua: bool = False

    @classmethod
    def of(cls, entry: Sequence[Any]) -> Arrival:
        """Return what a disk told as a list."""
        return cls(str(entry[0]), int(entry[1]), int(entry[2]), bool(entry[3]))


def guarantees(arrivals: Sequence[Arrival], offset: int, length: int) -> int:
    """Return how often a write was made durable before it was answered: by its own FUA, and by each flush behind it.

    A write that never arrived has none. One write and what follows it must be all that ran.
    """
    pieces = [at for at, found in enumerate(arrivals) if found.kind == "write" and _overlap(found, offset, length)]
    if not pieces:
        return 0
    own = int(all(arrivals[at].fua for at in pieces))
    return own + sum(1 for found in arrivals[pieces[-1] :] if found.kind == "flush")


def _overlap(found: Arrival, offset: int, length: int) -> bool:
    return found.offset < offset + length and offset < found.offset + found.length


def compare(what: str, running: int, candidate: int, versions: tuple[str, str]) -> None:
    """Refuse a candidate that makes a write durable less often than the running version does.

    :param what: flush or fua.
    :raises TwostepError: `flush_swallowed` or `fua_swallowed`.
    """
    if candidate >= running:
        return
    word = "flush" if what == "flush" else "FUA"
    raise TwostepError(
        f"{what}_swallowed",
        f"{versions[1]} does not pass on every {word}: below {versions[0]} a write is made durable {running} times, below it {candidate}.",
        "Keep the old version: data that applications believe safe would be lost with the power.",
        {"running": running, "candidate": candidate, "versions": list(versions)},
    )
