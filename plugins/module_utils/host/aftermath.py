# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands when an agent ended without a result: killed, or the host went down. Reads ledger and sysfs; the kernel has the last word."""

from __future__ import annotations

from ..core import ledger as ledger_lines
from ..core.errors import TwostepError
from ..core.ledger import Entry
from ..core.slots import Slot
from ..core.swap_request import SwapRequest, SwapResult
from . import ledger, settled, swap_folder
from .swap import what_stands
from .warm import Warm
from .world import World


def last_phase(world: World, swap_id: str) -> Entry | None:
    """Return the last ledger line of a swap; None without one, or where the ledger cannot be read."""
    try:
        lines = [entry for entry in ledger.read(world.paths) if entry.swap_id == swap_id]
    except TwostepError:
        return None
    return lines[-1] if lines else None


def _why(world: World, swap_id: str) -> str:
    """Return one sentence about what had failed before the agent ended, if anything had."""
    try:
        failed = [entry for entry in ledger.read(world.paths) if entry.swap_id == swap_id and entry.event == "fail"]
    except TwostepError:
        return ""
    return f" It had failed: {failed[0].data.get('message', '')}" if failed else ""


def _slot(world: World, request: SwapRequest) -> Slot | TwostepError:
    """Return the slot once the kernel is done with it."""
    try:
        return settled.look(world, request.slot, request.deadline_ms)
    except TwostepError as error:
        return error


def settle(world: World, request: SwapRequest) -> SwapResult:
    """Write and return a result for a request whose agent is gone, so that the slot is free for the next one.

    :raises TwostepError: what a warm upgrade stopped cannot be brought back; then there is no result, and the next call tries again.
    """
    entry = last_phase(world, request.swap_id)
    where = f"in phase {entry.phase} ({entry.event})" if entry else "before its first phase"
    why = _why(world, request.swap_id)
    slot = _slot(world, request)
    brought_back = ""
    if request.mode == "warm" and not isinstance(slot, TwostepError):
        brought_back = Warm(world, request).recover()
        slot = _slot(world, request)
    stands = slot.message if isinstance(slot, TwostepError) else what_stands(slot)
    has_swapped = not isinstance(slot, TwostepError) and slot.version == request.to_version
    result = SwapResult(
        swap_id=request.swap_id,
        run_id=request.run_id,
        slot=request.slot,
        from_version=request.from_version,
        to_version=request.to_version,
        mode=request.mode,
        outcome="failed",
        code="agent_died",
        message=f"The agent of swap {request.swap_id} ended {where} without an answer.{why} {stands}{brought_back}",
        next_step="Run the same task again: only the commit is left."
        if has_swapped
        else "Run the same task again: it reads the slot afresh.",
        generation_before=request.generation,
        generation_after=request.generation if isinstance(slot, TwostepError) else slot.generation,
    )
    ledger.append(
        world.paths,
        ledger_lines.Entry(0, world.now(), request.run_id, request.swap_id, request.slot, "settle", "end", {"message": result.message}),
    )
    swap_folder.write_result(world.paths, result)
    return result
