# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts are touched together: the canary first, then one failure domain after the other, never two that must stay apart.

A bad version then harms one failure domain before the run halts, and copies in the others are whole. Pure; the order that comes in is kept
wherever nothing speaks against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, NamedTuple, Sequence

from . import untrusted
from .errors import TwostepError

_LONGEST = 64
_MOST_GROUPS = 32


@dataclass(frozen=True)
class Place:
    """Where a host stands: its failure domain, and the groups (a quorum, a mirror) of which one member at a time may be touched."""

    domain: str = ""
    apart: tuple[str, ...] = ()


class Wave(NamedTuple):
    """Hosts that are touched together, and why these."""

    hosts: tuple[str, ...]
    reason: str


def place(told: object, host: str) -> Place:
    """Return a host's place out of its variables ``domain`` and ``apart``; nothing told is no domain and no group.

    :raises TwostepError: ``bad_place``.
    """
    record = untrusted.mapping(told)
    domain, apart = record.get("domain", ""), record.get("apart", [])
    if not _is_name(domain, empty=True):
        raise _bad(host, "twostep_domain", domain, "a name of at most 64 characters, such as the rack's")
    if not isinstance(apart, (list, tuple)) or len(apart) > _MOST_GROUPS or not all(_is_name(group) for group in apart):
        raise _bad(host, "twostep_apart", apart, f"a list of at most {_MOST_GROUPS} names of at most 64 characters")
    return Place(str(domain), tuple(dict.fromkeys(map(str, apart))))


def _is_name(value: Any, empty: bool = False) -> bool:
    return isinstance(value, str) and (empty or value != "") and untrusted.text(value, _LONGEST) == value


def _bad(host: str, name: str, value: object, wanted: str) -> TwostepError:
    return TwostepError("bad_place", f"{name} of {host} is {str(value)[:_LONGEST]!r}.", f"Set it to {wanted}.")


def split(order: Sequence[str], places: Mapping[str, Place], canary: int, size: int) -> tuple[Wave, ...]:
    """Return the waves, none of them empty, every host of ``order`` in exactly one.

    :param canary: how many hosts the first wave has at most, 0 for no canary; ``size`` is that of every later one.
    """
    domains: dict[str, list[str]] = {}
    for host in order:
        domains.setdefault(places.get(host, Place()).domain, []).append(host)
    waves: list[Wave] = []
    for domain, members in domains.items():
        hosts = members
        if canary and not waves:
            first, hosts = _canary(members, places, canary)
            waves.append(Wave(tuple(first), _because("canary", domain)))
        waves += [Wave(tuple(wave), _because("", domain)) for wave in _fill(hosts, places, size)]
    return tuple(waves)


def _because(what: str, domain: str) -> str:
    return ", ".join(part for part in (what, domain) if part)


def _canary(hosts: Sequence[str], places: Mapping[str, Place], most: int) -> tuple[list[str], list[str]]:
    """Return the first hosts that may be touched together, and the others."""
    chosen: list[str] = []
    taken: set[str] = set()
    for host in hosts:
        groups = places.get(host, Place()).apart
        if len(chosen) < most and taken.isdisjoint(groups):
            chosen.append(host)
            taken.update(groups)
    left = set(chosen)
    return chosen, [host for host in hosts if host not in left]


def _fill(hosts: Sequence[str], places: Mapping[str, Place], size: int) -> list[list[str]]:
    """Put each host into the first wave that has room and is after that of every host it must be apart from."""
    waves: list[list[str]] = []
    after: dict[str, int] = {}  # of each group, the first wave that has none of its members, nor has any later one
    with_room = 0
    for host in hosts:
        groups = places.get(host, Place()).apart
        at = max([with_room, *(after.get(group, 0) for group in groups)])
        while at < len(waves) and len(waves[at]) >= size:
            at += 1
        if at == len(waves):
            waves.append([])
        waves[at].append(host)
        after.update((group, at + 1) for group in groups)
        while with_room < len(waves) and len(waves[with_room]) >= size:
            with_room += 1
    return waves
