# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is one path of a multipath map: what is read of the map, and the commands by which the path leaves it and comes back.

Where multipathd runs it is asked, since it may undo what others do to its maps. Elsewhere the map gets another table, by dmsetup.
A map is found by its uuid: its number may be another one's after a boot.
"""

from __future__ import annotations

import os
from typing import Sequence

from ..core import multipath
from ..core.consumers import Consumer
from ..core.errors import TwostepError
from ..core.multipath import Map
from .paths import Paths
from .world import World

DAEMON = "multipathd.service"
# Whether multipathd runs. Its own commands cannot be asked that: its socket would start it.
ASK_ACTIVE = ("systemctl", "show", "--property=ActiveState", "--", DAEMON)
_FORMAT = "%D,%t,%T,%m"  # see core/multipath.py


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return None


def _answer(world: World, argv: Sequence[str]) -> str | None:
    """Return what a command that only reads has printed, or None."""
    try:
        answer = world.run(argv)
    except TwostepError:
        return None
    return answer.stdout if answer.rc == 0 else None


def says_active(told: str) -> bool:
    """Return whether the answer to ASK_ACTIVE says that multipathd runs."""
    return told.strip() in [f"ActiveState={state}" for state in ("active", "activating", "reloading")]


def _runs(world: World) -> bool:
    return says_active(_answer(world, list(ASK_ACTIVE)) or "")


def _dmsetup(world: World, verb: str, uuid: str) -> str | None:
    return _answer(world, ["dmsetup", verb, "--uuid", uuid])


def look(world: World, holder: str) -> Map | None:
    """Return the multipath map `holder`, named as in /sys/block, or None where it is something else."""
    folder = f"{world.paths.sys}/block/{holder}/dm"
    name, uuid = _text(f"{folder}/name") or "", _text(f"{folder}/uuid") or ""
    if not uuid.startswith(multipath.PREFIX):
        return None
    daemon = None
    if _runs(world):
        daemon = _answer(world, ["multipathd", "show", "paths", "raw", "format", _FORMAT]) or ""
    suspended = _text(f"{folder}/suspended") != "0"
    return Map(name, uuid, _dmsetup(world, "table", uuid), _dmsetup(world, "status", uuid), suspended, daemon)


def _uuid(consumer: Consumer) -> str:
    return (consumer.how or {}).get("uuid", "")


def _holder(paths: Paths, uuid: str) -> str | None:
    """Return the map's name in /sys/block, None where there is no such map."""
    try:
        names = sorted(os.listdir(f"{paths.sys}/block"))
    except OSError:
        return None
    return next((name for name in names if name.startswith("dm-") and _text(f"{paths.sys}/block/{name}/dm/uuid") == uuid), None)


def _disk(paths: Paths, consumer: Consumer) -> str:
    name = consumer.device[len("/dev/") :].replace("/", "!")
    return f"{paths.sys}/class/block/{name}"


def _number(paths: Paths, consumer: Consumer) -> str:
    """Return the number that the disk has now; a slot that was down may have another one than before."""
    return _text(f"{_disk(paths, consumer)}/dev") or ""


def _is_used(world: World, consumer: Consumer) -> bool | None:
    """Return whether the kernel uses the path, or None where the map does not have it or cannot be read."""
    try:
        return multipath.parse_status(_dmsetup(world, "status", _uuid(consumer)) or "").get(_number(world.paths, consumer))
    except ValueError:
        return None


def _has_another_table(world: World, consumer: Consumer) -> bool:
    """Return whether a table waits for the next resume, as one does whose maker died; it could take the path out again."""
    argv = ["dmsetup", "info", "--columns", "--noheadings", "--options", "tables_loaded", "--uuid", _uuid(consumer)]
    return (_answer(world, argv) or "").strip() != "Live"


def is_there(world: World, consumer: Consumer) -> bool:
    """Return whether the map uses the path, and goes on doing so."""
    return _is_used(world, consumer) is True and (_runs(world) or not _has_another_table(world, consumer))


def has_let_go(world: World, consumer: Consumer) -> bool:
    """Return whether no table of the map has the disk, be it in use or not; the kernel says so in the disk's own folder."""
    holder = _holder(world.paths, _uuid(consumer))
    return holder is None or not os.path.lexists(f"{_disk(world.paths, consumer)}/holders/{holder}")


def _with_table(world: World, consumer: Consumer, table: multipath.Table) -> list[list[str]]:
    """Return the commands that give a map another table; its I/O waits meanwhile, and is not asked to end with an error.

    Nothing is frozen above the map, as multipathd does it.
    """
    uuid = _uuid(consumer)
    is_fixed = _text(f"{world.paths.sys}/block/{_holder(world.paths, uuid)}/ro") == "1"
    return [
        ["dmsetup", "load", *(["--readonly"] if is_fixed else []), "--uuid", uuid, "--table", multipath.render(table)],
        ["dmsetup", "resume", "--noflush", "--nolockfs", "--uuid", uuid],
    ]


def _daemon(verb: str, consumer: Consumer) -> list[list[str]]:
    """Return the command for a path. multipathd has the names of libudev, in which a `!` of sysfs is a `/`."""
    return [["multipathd", verb, "path", consumer.device[len("/dev/") :]]]


def _impossible(what: str, consumer: Consumer, why: str, next_step: str) -> TwostepError:
    return TwostepError(
        f"consumer_not_{what}", f"{consumer} was not {what}: {why}.", next_step, {"kind": consumer.kind, "name": consumer.name}
    )


def leave(world: World, consumer: Consumer) -> list[list[str]]:
    """Return the commands by which a path leaves its map.

    :raises TwostepError: `consumer_not_stopped`: another path has failed meanwhile.
    """
    holder = _holder(world.paths, _uuid(consumer))
    found = look(world, holder) if holder else None
    number = _number(world.paths, consumer)
    why = multipath.why_needed(found, number) if found else "its map is gone"
    if found is None or why:
        raise _impossible("stopped", consumer, why, f"Bring {consumer.name} into order, and run again.")
    if found.daemon is not None:
        return _daemon("del", consumer)
    return _with_table(world, consumer, multipath.without(multipath.parse_table(found.table or ""), number))


def come_back(world: World, consumer: Consumer) -> list[list[str]]:
    """Return the commands by which a path comes back into its map.

    :raises TwostepError: `consumer_not_restarted`: map or disk are gone, or do not fit each other.
    """
    used = _is_used(world, consumer)
    if _runs(world):
        return _daemon("add" if used is None else "reinstate", consumer)
    uuid, number, how = _uuid(consumer), _number(world.paths, consumer), consumer.how or {}
    if used is None:
        try:
            now = multipath.parse_table(_dmsetup(world, "table", uuid) or "")
            table = multipath.put_back(now, multipath.parse_table(how.get("table", "")), how.get("number", ""), number)
        except ValueError:
            why = "map and disk do not fit each other as they are now" if _holder(world.paths, uuid) else "its map is gone"
            next_step = f"Look at dmsetup table {consumer.name}, bring the map into order, and run again."
            raise _impossible("restarted", consumer, why, next_step) from None
        return _with_table(world, consumer, table)
    clear = [["dmsetup", "clear", "--uuid", uuid]] if _has_another_table(world, consumer) else []
    return [*clear, *([] if used else [["dmsetup", "message", "--uuid", uuid, "0", "reinstate_path", number]])]
