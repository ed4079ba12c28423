# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""LVM: does every raid and mirror volume of this host hold all its copies?

Judges the rows of ``lvs -a --reportformat json``, in which every value is a string; their form follows lib/report and lib/metadata/lv.c of
lvm2 2.03.16 and 2.03.31. A volume that is not active looks whole there (its health is empty), and so does one with an image that is alive
but holds old data while nothing rebuilds it: so ``lv_attr`` is asked too, the volume's for its state, the images' for their being in sync.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from .health import NOT_OK, OK, UNKNOWN, Finding, combine, parse_json, unreadable

FIELDS = ("vg_name", "lv_name", "segtype", "lv_attr", "lv_parent", "lv_health_status", "raid_sync_action", "sync_percent", "stripes")
_WITHOUT_COPIES = ("raid0", "raid0_meta")
_QUIET = ("idle", "check")
_PERCENT = re.compile(r"[0-9]{1,3}\.[0-9]{2}")
# The fifth character of lv_attr, by lvs(8); any other one is not understood.
_STATES = {"-": "not active", "s": "suspended", "i": "not active", "d": "not active"}
# The first one: an image in sync, or one below which integrity is kept; that one does not tell, its volume's percentage does.
_IN_SYNC = ("i", "g")


@dataclass(frozen=True)
class Volume:
    """One raid or mirror volume, visible or hidden; None where a field is absent or no string.

    :param stripes: how many images it has, whatever its type.
    :param images: name and ``lv_attr`` of each of its parts, logs and metadata included.
    """

    name: str
    segtype: str
    attr: str | None
    health: str | None
    sync_action: str | None
    sync_percent: str | None
    stripes: str | None
    images: tuple[tuple[str, str | None], ...]


def parse(stdout: str) -> list[Volume]:
    """Return the volumes that are of a raid or mirror type, each once.

    :raises TwostepError: ``unreadable_answer``; a row that does not say what it speaks of spoils the whole answer.
    """
    rows = _rows(parse_json(stdout, "lvs"))
    images: dict[str, list[tuple[str, str | None]]] = {}
    for row in rows:
        parent = _text(row, "lv_parent")
        if parent:
            images.setdefault(_name(row, parent), []).append((_name(row, row["lv_name"]), _text(row, "lv_attr")))
    # A volume has a row for each of its segments.
    volumes: dict[str, Volume] = {}
    for row in rows:
        if not row["segtype"].startswith("raid") and row["segtype"] != "mirror":
            continue
        name = _name(row, row["lv_name"])
        volumes[name] = Volume(
            name=name,
            segtype=row["segtype"],
            attr=_text(row, "lv_attr"),
            health=_text(row, "lv_health_status"),
            sync_action=_text(row, "raid_sync_action"),
            sync_percent=_text(row, "sync_percent"),
            stripes=_text(row, "stripes"),
            images=tuple(images.get(name, [])),
        )
    return list(volumes.values())


def _rows(document: Any) -> list[Mapping[str, Any]]:
    reports = document.get("report") if isinstance(document, dict) else None
    if not isinstance(reports, list) or not reports:
        raise unreadable("lvs")
    rows: list[Mapping[str, Any]] = []
    for report in reports:
        found = report.get("lv") if isinstance(report, dict) else None
        if not isinstance(found, list):
            raise unreadable("lvs")
        for row in found:
            if not isinstance(row, dict) or not all(_text(row, key) for key in ("vg_name", "lv_name", "segtype")):
                raise unreadable("lvs")
            if _text(row, "lv_parent") is None:
                raise unreadable("lvs")
            rows.append(row)
    return rows


def _text(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) else None


def _name(row: Mapping[str, Any], volume: str) -> str:
    """Return ``<vg>/<lv>``, without the brackets by which lvs marks a hidden volume."""
    return f"{row['vg_name']}/{volume[1:-1] if volume[0] == '[' and volume[-1] == ']' else volume}"


def active(volume: Volume) -> Finding:
    """Does the volume run here, and is it not suspended? Of one that does not run, lvs knows nothing else."""
    state = volume.attr[4:5] if volume.attr else ""
    if state == "a":
        return Finding(OK, f"{volume.name} is active.")
    if state in _STATES:
        return Finding(NOT_OK, f"{volume.name} is {_STATES[state]}.")
    return Finding(UNKNOWN, f"{volume.name} does not tell whether it is active.")


def whole(volume: Volume) -> Finding:
    """Does lvs report nothing about its health? ``partial`` is a missing device, ``refresh needed`` one that failed and may be back."""
    if volume.health is None or volume.health == "unknown":
        return Finding(UNKNOWN, f"{volume.name} does not tell its health.")
    if volume.health:
        return Finding(NOT_OK, f"{volume.name} is not whole: lvs reports {volume.health!r}.")
    return Finding(OK, f"{volume.name} is whole.")


def quiet(volume: Volume) -> Finding:
    """Is nothing being rebuilt? A mirror has no action: its percentage alone tells."""
    if volume.sync_action is None or (not volume.sync_action and volume.segtype != "mirror"):
        return Finding(UNKNOWN, f"{volume.name} does not tell whether it is being rebuilt.")
    if volume.sync_action in _QUIET or not volume.sync_action:
        return Finding(OK, f"{volume.name} is not being rebuilt.")
    return Finding(NOT_OK, f"{volume.name} is busy with {volume.sync_action}.")


def synchronous(volume: Volume) -> Finding:
    """Do all copies agree, to the last block?"""
    if volume.sync_percent == "100.00":
        return Finding(OK, f"{volume.name} is in sync.")
    if volume.sync_percent is None or not _PERCENT.fullmatch(volume.sync_percent):
        return Finding(UNKNOWN, f"{volume.name} does not tell how much of it is in sync.")
    return Finding(NOT_OK, f"{volume.name} is in sync to {volume.sync_percent} %.")


def images_in_sync(volume: Volume) -> Finding:
    """Is every image there and in sync? An image that was split off to be merged again later is not among a volume's images."""
    old = [name for name, attr in volume.images if attr is not None and attr[:1] == "I"]
    if old:
        return Finding(NOT_OK, f"{volume.name} has images that are not in sync: {', '.join(old)}.")
    if volume.stripes is None or not volume.stripes.isdecimal():
        return Finding(UNKNOWN, f"{volume.name} does not tell how many images it has.")
    known = sum(1 for _name, attr in volume.images if attr is not None and attr[:1] in _IN_SYNC)
    if known < max(int(volume.stripes), 2):
        return Finding(UNKNOWN, f"{volume.name} has {int(volume.stripes)} images, and {known} of them tell that they are in sync.")
    return Finding(OK, f"All {known} images of {volume.name} are in sync.")


def judge(volume: Volume) -> Finding:
    """Return the finding of one sample.

    A volume all of whose images are in sync also answers the what-if question: whichever host stalls, a whole copy stays.
    """
    if volume.segtype in _WITHOUT_COPIES:
        lost = Finding(OK, f"{volume.name} is {volume.segtype} and keeps no copies that could be lost.")
        return combine([active(volume), whole(volume), lost])
    return combine([active(volume), whole(volume), quiet(volume), synchronous(volume), images_in_sync(volume)])


def evidence(volume: Volume) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    return {
        "segtype": volume.segtype,
        "attr": volume.attr,
        "health": volume.health,
        "sync_action": volume.sync_action,
        "sync_percent": volume.sync_percent,
        "stripes": volume.stripes,
        "images": dict(volume.images[:32]),
    }
