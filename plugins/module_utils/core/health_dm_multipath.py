# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dm-multipath: has every map two paths in order, and none that has failed?

Judges what ``multipathd show maps json`` says. Its form, which calls itself version 0.1, follows libmultipath/print.c of multipath-tools
0.9.4; older ones lack ``marginal_st`` and ``lun_hex``. core/multipath.py reads the texts of the kernel and other words of multipathd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .health import NOT_OK, OK, UNKNOWN, Finding, combine, parse_json, unreadable
from .untrusted import choice, text

WHO = "multipathd"
_MAJOR = 0
_DM_STATES = ("active", "failed")
_CHECKER_STATES = ("ready", "faulty", "shaky", "ghost", "i/o pending", "i/o timeout", "delayed")
_DEVICE_STATES = ("running", "offline")
_MARGINAL = ("normal", "marginal")


@dataclass(frozen=True)
class Path:
    """A path; None where it is not told, or in a word that is not known. ``port`` is that of the target, if it has a name."""

    name: str
    dm: str | None
    checker: str | None
    device: str | None
    marginal: str | None
    port: str | None


@dataclass(frozen=True)
class Map:
    name: str
    state: str | None
    paths: tuple[Path, ...]


def _items(value: object) -> list[dict[Any, Any]]:
    """Return a list of objects; whatever is no such list is unreadable as a whole, since what is left out is not judged."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise unreadable(WHO)
    return value


def _name(value: object) -> str:
    name = text(value, 128)
    if not name:
        raise unreadable(WHO)
    return name


def _path(said: Mapping[Any, Any]) -> Path:
    port = text(said.get("target_wwpn"), 64)
    return Path(
        name=_name(said.get("dev")),
        dm=choice(said.get("dm_st"), _DM_STATES),
        checker=choice(said.get("chk_st"), _CHECKER_STATES),
        device=choice(said.get("dev_st"), _DEVICE_STATES),
        marginal=choice(said.get("marginal_st", "normal"), _MARGINAL),
        # Only Fibre Channel names its ports; of others the word is one in brackets.
        port=port if port and not port.startswith("[") else None,
    )


def parse(stdout: str) -> list[Map]:
    """Return the maps.

    :raises TwostepError: ``unreadable_answer``.
    """
    said = parse_json(stdout, WHO)
    if not isinstance(said, dict) or said.get("major_version") != _MAJOR:
        raise unreadable(WHO)
    return [
        Map(
            name=_name(one.get("name")),
            state=choice(one.get("dm_st"), ("active", "suspend")),
            paths=tuple(_path(path) for group in _items(one.get("path_groups")) for path in _items(group.get("paths"))),
        )
        for one in _items(said.get("maps"))
    ]


def flowing(one: Map) -> Finding:
    """Does the map let I/O pass?"""
    if one.state is None:
        return Finding(UNKNOWN, f"{one.name} does not tell its state.")
    if one.state != "active":
        return Finding(NOT_OK, f"{one.name} is suspended.")
    return Finding(OK, f"{one.name} is active.")


def in_order(path: Path, name: str) -> Finding:
    """Is the path used by the kernel, and found in order by the checker?"""
    whose = f"Path {path.name} of {name}"
    if None in (path.dm, path.checker, path.device, path.marginal):
        return Finding(UNKNOWN, f"{whose} does not tell its state.")
    if (path.dm, path.checker, path.device, path.marginal) == ("active", "ready", "running", "normal"):
        return Finding(OK, f"{whose} is in order.")
    words = ", ".join(str(word) for word in (path.dm, path.checker, path.device, path.marginal))
    return Finding(NOT_OK, f"{whose} is not in order: {words}; it must be active, ready, running, normal.")


def all_in_order(one: Map) -> Finding:
    """Is every path in order? One that has failed makes the next failure one too many."""
    troubles = [found for found in (in_order(path, one.name) for path in one.paths) if found.verdict != OK]
    return combine(troubles or [Finding(OK, f"All {len(one.paths)} paths of {one.name} are in order.")])


def redundant(one: Map) -> Finding:
    """Are there two paths, through two ports of targets where these have names? Then one stays, whichever host stalls."""
    good = [path for path in one.paths if in_order(path, one.name).verdict == OK]
    if len(good) < 2:
        return Finding(NOT_OK, f"{one.name} has {len(good)} paths in order, and needs 2.")
    ports = {path.port for path in good}
    if None in ports:
        return Finding(OK, f"{one.name} has {len(good)} paths in order, whose targets do not all name their port.")
    if len(ports) < 2:
        return Finding(NOT_OK, f"{one.name} has {len(good)} paths in order, but all go through port {next(iter(ports))} of the target.")
    return Finding(OK, f"{one.name} has {len(good)} paths in order through {len(ports)} ports.")


def judge(one: Map) -> Finding:
    """Return the finding of one sample. Whether I/O is queued when no path is left does not matter here."""
    every = all_in_order(one)
    return combine([flowing(one), every] if every.verdict == UNKNOWN else [flowing(one), every, redundant(one)])


def evidence(one: Map) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    return {
        "state": one.state,
        "paths": [[path.name, path.dm, path.checker, path.device, path.port] for path in one.paths[:32]],
    }
