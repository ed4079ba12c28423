# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DRBD 9: does every resource of this host hold all its copies, and would data and quorum stay without this host?

Judges what ``drbdsetup status --json`` and ``drbdsetup show --show-defaults --json`` say; for DRBD 8.4 see health_drbd84.py.
Their form follows user/v9/drbdsetup.c of drbd-utils 9.22 and newer; older ones have no ``suspended-user`` and the like.
How votes are counted follows calc_quorum() of DRBD 9.1: a majority of the hosts with a disk, and those without one break a tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .health import NOT_OK, OK, UNKNOWN, Finding, combine, parse_json, unreadable
from .untrusted import integer, text

WHO = "drbdsetup"
# A comparison of both disks copies nothing.
_QUIET = ("Established", "VerifyS", "VerifyT")
# Those after the first are absent in older versions; the first is true whenever one of them is.
_STOPS = ("suspended", "suspended-user", "suspended-no-data", "suspended-fencing", "suspended-quorum", "force-io-failures")


@dataclass(frozen=True)
class Volume:
    """The part of a volume on this host; None where it is not told. ``client``: it is meant to have no disk."""

    number: int
    disk: str | None
    client: bool | None
    quorum: bool | None


@dataclass(frozen=True)
class PeerVolume:
    """A peer's part of a volume."""

    number: int
    disk: str | None
    client: bool | None
    replication: str | None
    resync_suspended: str | None
    out_of_sync: int | None


@dataclass(frozen=True)
class Peer:
    name: str
    connection: str | None
    volumes: tuple[PeerVolume, ...]


@dataclass(frozen=True)
class Resource:
    """A resource as one status has it; ``stops`` has every flag that says that its I/O stands still."""

    name: str
    stops: Mapping[str, bool | None]
    volumes: tuple[Volume, ...]
    peers: tuple[Peer, ...]


@dataclass(frozen=True)
class Policy:
    """How many votes a resource asks for: ``off``, ``majority``, ``all`` or a number, as configured."""

    quorum: str
    minimum_redundancy: str


def _items(value: object) -> list[dict[Any, Any]]:
    """Return a list of objects; whatever is no such list is unreadable as a whole, since what is left out is not judged."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise unreadable(WHO)
    return value


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _name(value: object) -> str:
    name = text(value, 128)
    if not name:
        raise unreadable(WHO)
    return name


def _number(value: object) -> int:
    number = integer(value, 2**16)
    if number is None:
        raise unreadable(WHO)
    return number


def _peer(said: Mapping[Any, Any]) -> Peer:
    volumes = tuple(
        PeerVolume(
            number=_number(item.get("volume")),
            disk=text(item.get("peer-disk-state"), 32),
            client=_flag(item.get("peer-client")),
            replication=text(item.get("replication-state"), 32),
            resync_suspended=text(item.get("resync-suspended"), 64),
            out_of_sync=integer(item.get("out-of-sync")),
        )
        for item in _items(said.get("peer_devices"))
    )
    return Peer(_name(said.get("name")), text(said.get("connection-state"), 32), volumes)


def _resource(said: Mapping[Any, Any]) -> Resource:
    volumes = tuple(
        Volume(
            number=_number(item.get("volume")),
            disk=text(item.get("disk-state"), 32),
            client=_flag(item.get("client")),
            quorum=_flag(item.get("quorum")),
        )
        for item in _items(said.get("devices"))
    )
    stops = {stop: _flag(said.get(stop)) for stop in _STOPS if stop in said or stop == _STOPS[0]}
    return Resource(_name(said.get("name")), stops, volumes, tuple(_peer(item) for item in _items(said.get("connections"))))


def parse(stdout: str) -> list[Resource]:
    """Return the resources.

    :raises TwostepError: ``unreadable_answer``.
    """
    return [_resource(item) for item in _items(parse_json(stdout, WHO))]


def parse_policies(stdout: str) -> dict[str, Policy]:
    """Return the configured votes by the name of the resource; one that does not tell of ``quorum`` is left out.

    :raises TwostepError: ``unreadable_answer``.
    """
    policies = {}
    for said in _items(parse_json(stdout, WHO)):
        options = said.get("options")
        if isinstance(options, dict) and "quorum" in options:
            # Older versions do not know of a minimum redundancy.
            policies[_name(said.get("resource"))] = Policy(str(options["quorum"]), str(options.get("quorum-minimum-redundancy", "off")))
    return policies


def _all(troubles: list[Finding], fine: str) -> Finding:
    return combine(troubles or [Finding(OK, fine)])


def flowing(resource: Resource) -> Finding:
    """Does nothing hold back the I/O?"""
    name, troubles = resource.name, []
    for stop, is_set in resource.stops.items():
        if is_set is None:
            troubles.append(Finding(UNKNOWN, f"{name} does not tell whether it is {stop}."))
    if any(resource.stops.values()):
        told = ", ".join(stop for stop, is_set in resource.stops.items() if is_set)
        troubles.append(Finding(NOT_OK, f"{name} does not let I/O pass: {told}."))
    return _all(troubles, f"{name} is not suspended.")


def connected(resource: Resource) -> Finding:
    """Is every peer there, and nothing being copied to or from it?"""
    name, troubles = resource.name, []
    for peer in resource.peers:
        if peer.connection is None:
            troubles.append(Finding(UNKNOWN, f"{name} does not tell the state of its connection to {peer.name}."))
        elif peer.connection != "Connected":
            troubles.append(Finding(NOT_OK, f"The connection of {name} to {peer.name} is {peer.connection}, not Connected."))
            continue
        for volume in peer.volumes:
            of = f"of volume {volume.number} of {name} with {peer.name}"
            if volume.replication is None:
                troubles.append(Finding(UNKNOWN, f"The state of the replication {of} is not told."))
            elif volume.replication not in _QUIET:
                troubles.append(Finding(NOT_OK, f"The replication {of} is {volume.replication}, not Established."))
            if volume.resync_suspended is None:
                troubles.append(Finding(UNKNOWN, f"It is not told whether the resync {of} is suspended."))
            elif volume.resync_suspended != "no":
                troubles.append(Finding(NOT_OK, f"The resync {of} is suspended: {volume.resync_suspended}."))
    return _all(troubles, f"{name} is connected to {len(resource.peers)} peers.")


def _whole(disk: str | None, client: bool | None, whose: str) -> Finding | None:
    """Return what is wrong with a disk; one that is meant to be absent keeps no copy, and need not be UpToDate."""
    if disk is None or (disk == "Diskless" and client is None):
        return Finding(UNKNOWN, f"{whose} does not tell the state of its disk.")
    if disk == "UpToDate" or (disk == "Diskless" and client):
        return None
    return Finding(NOT_OK, f"{whose} is {disk}, not UpToDate.")


def current(resource: Resource) -> Finding:
    """Is every disk whole that a host is meant to have, with no block that is known to differ?"""
    name, troubles = resource.name, []
    for volume in resource.volumes:
        troubles.append(_whole(volume.disk, volume.client, f"Volume {volume.number} of {name} on this host"))
        for peer in resource.peers:
            found = [part for part in peer.volumes if part.number == volume.number]
            if len(found) != 1:
                troubles.append(Finding(UNKNOWN, f"Volume {volume.number} of {name} on {peer.name} is not told of."))
    for peer in resource.peers:
        for part in peer.volumes:
            whose = f"Volume {part.number} of {name} on {peer.name}"
            troubles.append(_whole(part.disk, part.client, whose))
            if part.out_of_sync is None:
                troubles.append(Finding(UNKNOWN, f"{whose} does not tell how much of it is out of sync."))
            elif part.out_of_sync:
                troubles.append(Finding(NOT_OK, f"{whose} is out of sync by {part.out_of_sync} KiB."))
    return _all([trouble for trouble in troubles if trouble], f"All disks of {name} are UpToDate and in sync.")


def quorate(resource: Resource) -> Finding:
    """Has every volume quorum now? It has where none is asked for."""
    name, troubles = resource.name, []
    for volume in resource.volumes:
        if volume.quorum is None:
            troubles.append(Finding(UNKNOWN, f"Volume {volume.number} of {name} does not tell whether it has quorum."))
        elif not volume.quorum:
            troubles.append(Finding(NOT_OK, f"Volume {volume.number} of {name} has no quorum."))
    return _all(troubles, f"{name} has quorum.")


def copy_stays(resource: Resource, stall_seconds: float) -> Finding:
    """Would another host still hold a whole copy of every volume if this one stalled?"""
    name, troubles = resource.name, []
    for volume in resource.volumes:
        copies = [part for peer in resource.peers for part in peer.volumes if (part.number, part.disk) == (volume.number, "UpToDate")]
        if not copies:
            of = f"no whole copy of volume {volume.number} of {name}"
            troubles.append(Finding(NOT_OK, f"If this host stalled for {stall_seconds:g} s, {of} would be left."))
    return _all(troubles, f"Without this host a whole copy of {name} is left.")


def _needed(policy: str, voters: int) -> int | None:
    if policy.isdecimal() and len(policy) < 4:
        return int(policy)
    return {"off": 0, "majority": voters // 2 + 1, "all": voters}.get(policy)


def quorum_stays(resource: Resource, policy: Policy | None, stall_seconds: float) -> Finding:
    """Would the others still have quorum if this host stalled? A host with a disk has a vote; those without break a tie."""
    name, troubles = resource.name, []
    if policy is None:
        return Finding(UNKNOWN, f"drbdsetup does not tell how many votes {name} asks for.")
    for volume in resource.volumes:
        parts = [part for peer in resource.peers for part in peer.volumes if part.number == volume.number]
        left = sum(part.disk == "UpToDate" for part in parts)
        voters = sum(part.disk != "Diskless" for part in parts) + (volume.disk != "Diskless")
        votes, copies = _needed(policy.quorum, voters), _needed(policy.minimum_redundancy, voters)
        if votes is None or copies is None:
            asked = f"{text(policy.quorum, 32)} votes and {text(policy.minimum_redundancy, 32)} copies"
            return Finding(UNKNOWN, f"{name} asks for {asked}, which is not known here.")
        if policy.quorum == "majority" and voters % 2 == 0 and any(part.disk == "Diskless" for part in parts):
            votes -= 1
        if left < max(votes, copies):
            of = f"{left} votes of volume {volume.number} of {name} would be left and {max(votes, copies)} are needed"
            troubles.append(Finding(NOT_OK, f"If this host stalled for {stall_seconds:g} s, {of}: quorum would be lost."))
    return _all(troubles, f"Without this host the votes that {name} asks for are left.")


def judge(resource: Resource, policy: Policy | None, stall_seconds: float) -> Finding:
    """Return the finding of one sample; ``policy`` is None where it could not be read."""
    if not resource.volumes:
        return Finding(UNKNOWN, f"{resource.name} has no volume.")
    return combine(
        [
            flowing(resource),
            connected(resource),
            current(resource),
            quorate(resource),
            copy_stays(resource, stall_seconds),
            quorum_stays(resource, policy, stall_seconds),
        ]
    )


def evidence(resource: Resource, policy: Policy | None) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    return {
        "quorum_policy": text(policy.quorum, 32) if policy else None,
        "stops": [stop for stop, is_set in resource.stops.items() if is_set],
        "volumes": [[volume.number, volume.disk, volume.quorum] for volume in resource.volumes[:16]],
        "peers": [
            [peer.name, peer.connection, [[part.number, part.replication, part.disk, part.out_of_sync] for part in peer.volumes[:16]]]
            for peer in resource.peers[:8]
        ],
    }
