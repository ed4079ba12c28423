# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses the disk of a slot, so that a refusal can name them. Changes nothing."""

from __future__ import annotations

import os
import re

from ..core.parent import Users
from .paths import Paths

_ESCAPE = re.compile(r"\\([0-7]{3})")
_MOST_NAMED = 16


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _places(table: str, device: str, place: int) -> list[str]:
    """Return field `place` of the lines in `table` that begin with `device`."""
    lines = (line.split() for line in table.splitlines())
    found = [words[place] for words in lines if len(words) > place and words[0] == device]
    return [_ESCAPE.sub(lambda match: chr(int(match[1], 8)), name) for name in found]


def _programs(paths: Paths, device: str) -> list[str]:
    found = []
    for pid in _names(paths.proc):
        if not pid.isdigit():
            continue
        folder = os.path.join(paths.proc, pid, "fd")
        for name in _names(folder):
            try:
                target = os.readlink(os.path.join(folder, name))
            except OSError:
                continue
            if target == device:
                found.append(f"{_text(os.path.join(paths.proc, pid, 'comm')).strip()} ({pid})")
                break
    return found


def look(paths: Paths, slot: str) -> Users:
    """Return who uses `/dev/twostep/<slot>`; at most 16 of each kind are named."""
    device = f"/dev/twostep/{slot}"
    openers = _text(os.path.join(paths.status, "slots", slot, "openers")).strip()
    mounts = _places(_text(os.path.join(paths.proc, "mounts")), device, 1)
    swaps = [f"swap on {name}" for name in _places(_text(os.path.join(paths.proc, "swaps")), device, 0)]
    return Users(
        openers=int(openers) if openers.isdigit() else 0,
        holders=tuple(_names(os.path.join(paths.sys, "block", f"twostep!{slot}", "holders"))[:_MOST_NAMED]),
        mounts=tuple((mounts + swaps)[:_MOST_NAMED]),
        programs=tuple(_programs(paths, device)[:_MOST_NAMED]) if openers != "0" else (),
    )
