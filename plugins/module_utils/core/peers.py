# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions serve at once while a fleet is upgraded, and can they talk to each other? Decides only.

A host is at its old version until its turn has come, at each version on its way during it, and at the new one from then on. When its turn
comes is left out of account: what could meet, in whatever order, must be able to talk.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

from .slots import Range


class Conflict(NamedTuple):
    """Two versions that cannot talk to each other, and an example of who would serve them at once."""

    host: str
    version: str
    protocol: str
    other_host: str
    other_version: str
    other_protocol: str

    def __str__(self) -> str:
        return (
            f"it would serve {self.version}, which speaks {self.protocol}, while {self.other_host} serves {self.other_version}, "
            f"which speaks {self.other_protocol}; take the whole fleet to a version that speaks both first"
        )


def conflicts(hosts: Sequence[tuple[str, Sequence[str]]], protocols: Mapping[str, Mapping[str, Range | None]]) -> list[Conflict]:
    """Return the pairs of versions that would meet and cannot talk, each once.

    :param hosts: each host with the versions that it serves in the run, in the order in which hosts are named.
    :param protocols: by host, what the versions speak there. What a host does not tell is taken from one that does; a version of
        which nobody tells, or that tells of none, talks to nobody.
    """
    by_version = {version: found for told in protocols.values() for version, found in told.items()}
    served: dict[tuple[str, Range], list[str]] = {}
    for host, versions in hosts:
        for version in dict.fromkeys(versions):
            protocol = protocols.get(host, {}).get(version, by_version.get(version))
            if protocol is not None:
                served.setdefault((version, protocol), []).append(host)
    kinds = list(served)
    found = []
    for at, one in enumerate(kinds):
        for other in kinds[at + 1 :]:
            pair = _two_hosts(served[one], served[other]) if one[1].overlap(other[1]) is None else None
            if pair:
                found.append(Conflict(pair[0], one[0], str(one[1]), pair[1], other[0], str(other[1])))
    return found


def _two_hosts(ones: Sequence[str], others: Sequence[str]) -> tuple[str, str] | None:
    """Return a host of each kind, two different ones; a host alone never meets itself."""
    for one in ones[:2]:
        for other in others[:2]:
            if one != other:
                return one, other
    return None
