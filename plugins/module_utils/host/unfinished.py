# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whose work a slot is at this moment: a swap's, or that of a reload of the parent. For whoever else brings slots up or down."""

from __future__ import annotations

from typing import Collection

from ..core.errors import TwostepError
from ..core.reload_request import ReloadRequest
from ..core.swap_request import SwapRequest
from . import reload_folder, swap_folder, unit
from .paths import Paths
from .runner import Run


def swaps(paths: Paths) -> list[SwapRequest]:
    """Return the swaps that have no result; one that cannot be read is left to the next swap of its slot."""
    found = []
    for swap_id in swap_folder.requests(paths).unfinished():
        try:
            found.append(swap_folder.read_request(paths, swap_id))
        except TwostepError:
            continue
    return found


def reload(paths: Paths) -> ReloadRequest | None:
    """Return the reload of the parent that has no result."""
    try:
        pending = reload_folder.unfinished(paths)
    except TwostepError:
        return None
    return pending if pending is not None and pending.is_parent else None


def refuse(paths: Paths, run: Run, slots: Collection[str], dead_too: bool) -> None:
    """Refuse work on slots that an agent is at.

    :param slots: their names.
    :param dead_too: also where the agent has died: what it has left needs the slots.
    :raises TwostepError: `swap_in_progress`, `reload_in_progress`, `no_systemd`.
    """
    for request in swaps(paths):
        if request.slot in slots:
            _refuse(run, request.swap_id, "swap", f"of slot {request.slot}", dead_too)
    pending = reload(paths)
    if pending is not None:
        _refuse(run, pending.reload_id, "reload", "of the parent", dead_too)


def _refuse(run: Run, request_id: str, kind: str, what: str, dead_too: bool) -> None:
    runs = unit.is_running(run, request_id, kind)
    if not runs and not dead_too:
        return
    state, next_step = (
        ("is at work", "Wait until it has ended, then run again.")
        if runs
        else ("has no result, and its agent is gone", f"Run that {kind} again to end it, then this.")
    )
    raise TwostepError(f"{kind}_in_progress", f"{kind.capitalize()} {request_id} {what} {state}.", next_step, {f"{kind}_id": request_id})
