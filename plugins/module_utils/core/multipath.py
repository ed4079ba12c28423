# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Multipath maps of device mapper: what their tables and states say, a table without a path, and with it again. Decides only.

Devices are numbers as device mapper has them, `254:0`. The grammar of both texts is that of the kernel's `dm-mpath`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Mapping

PREFIX = "mpath-"  # of the uuid of every map that multipath-tools make
# What libdevmapper passes on as it is.
_UUID = re.compile(r"mpath-[A-Za-z0-9#+.:=@_-]{1,122}")
_NAME = re.compile(r"[A-Za-z0-9#+.:=@_-]{1,127}")
_NUMBER = re.compile(r"[0-9]{1,4}:[0-9]{1,7}")
_COUNT = re.compile(r"[0-9]{1,19}")
_WORD = re.compile(r"[A-Za-z0-9_.,:+/=-]{1,64}")
_OF_GROUP, _OF_PATH = re.compile("[ADE]"), re.compile("[AF]")


@dataclass(frozen=True)
class Group:
    """Paths that are used together. `selector` is its name and its arguments; a path is its number and `width` arguments."""

    selector: tuple[str, ...]
    width: int
    paths: tuple[tuple[str, ...], ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(path[0] for path in self.paths)


@dataclass(frozen=True)
class Table:
    """The whole table of a map, which is one multipath target; `first` is the group that is used first, from 1."""

    sectors: int
    features: tuple[str, ...]
    handler: tuple[str, ...]
    first: int
    groups: tuple[Group, ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(number for group in self.groups for number in group.numbers)


@dataclass(frozen=True)
class Map:
    """What was found of a map; None where it could not be read.

    :ivar table: the line of `dmsetup table`; `status` is that of `dmsetup status`.
    :ivar daemon: what multipathd has, see `parse_daemon`; None where it does not run, empty where it does not answer.
    """

    name: str
    uuid: str
    table: str | None
    status: str | None
    suspended: bool = False
    daemon: str | None = None


class _Words:
    """The words of one line; whatever does not fit raises ValueError."""

    def __init__(self, text: str) -> None:
        if len(text.strip().splitlines()) != 1:
            raise ValueError(text)
        self._left = text.split()
        self._left.reverse()

    def word(self, pattern: re.Pattern[str] = _WORD) -> str:
        if not self._left or pattern.fullmatch(self._left[-1]) is None:
            raise ValueError(pattern.pattern)
        return self._left.pop()

    def count(self) -> int:
        return int(self.word(_COUNT))

    def words(self, count: int) -> tuple[str, ...]:
        if count > len(self._left):
            raise ValueError(count)
        return tuple(self.word() for _each in range(count))

    def counted(self) -> tuple[str, ...]:
        return self.words(self.count())

    def target(self) -> int:
        """Pass over the beginning of a line, and return how many sectors the map has."""
        start, sectors, kind = self.count(), self.count(), self.word()
        if (start, kind) != (0, "multipath"):
            raise ValueError(kind)
        return sectors

    def some(self) -> int:
        """Return how many groups or paths are to come; there is at least one."""
        count = self.count()
        if not 0 < count <= len(self._left):
            raise ValueError(count)
        return count

    def end(self) -> None:
        if self._left:
            raise ValueError(self._left[-1])


def parse_table(text: str) -> Table:
    """Return what `dmsetup table` says of a map, or raise ValueError."""
    words = _Words(text)
    sectors, features, handler, count, first = words.target(), words.counted(), words.counted(), words.some(), words.count()
    groups = []
    for _group in range(count):
        selector, paths, width = (words.word(), *words.counted()), words.some(), words.count()
        groups.append(Group(selector, width, tuple((words.word(_NUMBER), *words.words(width)) for _path in range(paths))))
    words.end()
    table = Table(sectors, features, handler, first, tuple(groups))
    if not 0 < first <= len(groups) or len(set(table.numbers)) != len(table.numbers):
        raise ValueError(text)
    return table


def render(table: Table) -> str:
    """Return the text of a table, as device mapper takes it."""
    words: list[object] = [0, table.sectors, "multipath", len(table.features), *table.features, len(table.handler), *table.handler]
    words += [len(table.groups), table.first]
    for group in table.groups:
        words += [group.selector[0], len(group.selector) - 1, *group.selector[1:], len(group.paths), group.width]
        words += [word for path in group.paths for word in path]
    return " ".join(map(str, words))


def parse_status(text: str) -> dict[str, bool]:
    """Return of each path whether the kernel uses it, as `dmsetup status` says; ValueError where it does not."""
    words = _Words(text)
    _sectors, _features, _handler, count, _first = words.target(), words.counted(), words.counted(), words.some(), words.count()
    found: dict[str, bool] = {}
    for _group in range(count):
        _state, _selector, paths, width = words.word(_OF_GROUP), words.counted(), words.some(), words.count()
        for _path in range(paths):
            number, state, _failures, _arguments = words.word(_NUMBER), words.word(_OF_PATH), words.count(), words.words(width)
            found[number] = state == "A"
    words.end()
    return found


def parse_daemon(text: str) -> dict[str, tuple[str, bool]]:
    """Return of each path the name of its map, and whether multipathd finds it in order.

    The lines are those of its format `%D,%t,%T,%m`; others are passed over.
    """
    rows = [line.split(",", 3) for line in text.splitlines()]
    return {row[0]: (row[3], row[1:3] == ["active", "ready"]) for row in rows if len(row) == 4 and _NUMBER.fullmatch(row[0])}


def why_needed(found: Map, number: str) -> str:
    """Return why a path cannot leave its map, as the end of a sentence; empty where it can."""
    if _UUID.fullmatch(found.uuid) is None or _NAME.fullmatch(found.name) is None:
        return "its name or its uuid is none that can be passed on"
    try:
        table, used = parse_table(found.table or ""), parse_status(found.status or "")
    except ValueError:
        return "its state cannot be read"
    if set(used) != set(table.numbers) or number not in used:
        return "its table and its state do not both have that path"
    if found.suspended:
        return "it is suspended"
    if found.daemon is not None:
        known = parse_daemon(found.daemon)
        if known.get(number, ("", False))[0] != found.name:
            return "multipathd runs, but does not have that path in it"
        used = {other: active and known.get(other) == (found.name, True) for other, active in used.items()}
    if not any(active for other, active in used.items() if other != number):
        return "no other path of it is active"
    return ""


def without(table: Table, number: str) -> Table:
    """Return a table without a path; a group of which nothing is left goes, too. ValueError where nothing at all is left."""
    rest = [replace(group, paths=tuple(path for path in group.paths if path[0] != number)) for group in table.groups]
    groups = tuple(group for group in rest if group.paths)
    if not groups:
        raise ValueError(number)
    first = rest[table.first - 1]
    return replace(table, groups=groups, first=groups.index(first) + 1 if first.paths else 1)


def put_back(now: Table, before: Table, old: str, number: str) -> Table:
    """Return the table `now` with the path that `before` had as `old`, as `number`, in its place among those that are still there.

    Others may have come or gone meanwhile; only this one is put back. ValueError where it has no place.
    """
    at = next((place for place, group in enumerate(before.groups) if old in group.numbers), -1)
    if at < 0 or number in now.numbers:
        raise ValueError(number)
    was = before.groups[at]
    index = was.numbers.index(old)
    path = (number, *was.paths[index][1:])
    for place, group in enumerate(now.groups):
        if set(group.numbers) & set(was.numbers):
            if group.width != was.width:
                raise ValueError(number)
            spot = max((group.numbers.index(other) + 1 for other in was.numbers[:index] if other in group.numbers), default=0)
            wider = replace(group, paths=(*group.paths[:spot], path, *group.paths[spot:]))
            return replace(now, groups=(*now.groups[:place], wider, *now.groups[place + 1 :]))
    earlier = {other for group in before.groups[:at] for other in group.numbers}
    place = sum(bool(earlier & set(group.numbers)) for group in now.groups)
    groups = (*now.groups[:place], replace(was, paths=(path,)), *now.groups[place:])
    return replace(now, groups=groups, first=place + 1 if before.first == at + 1 else now.first + (place < now.first))


def is_remembered(name: str, how: Mapping[str, str]) -> bool:
    """Return whether what was written down of a path is whole, so that it can be put back."""
    try:
        table = parse_table(how.get("table", ""))
    except ValueError:
        return False
    return bool(_NAME.fullmatch(name) and _UUID.fullmatch(how.get("uuid", "")) and how.get("number") in table.numbers)
