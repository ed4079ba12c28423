# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a slot to the version on trial, in the one boot that tries it. What fails here leaves the slot to the committed version."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from ..core import boot, names, trial
from ..core import ledger as ledger_lines
from ..core.boot import BootSlot
from ..core.errors import TwostepError
from ..core.parent import plan_present
from ..core.trial import Trial
from . import kernel_module, ledger, trials
from .parent import ParentActor
from .world import World


def give(world: World, actor: ParentActor, committed: BootSlot) -> None:
    """Try the version on trial for a slot that nothing serves yet; without a trial, or in a boot that has had its turn, do nothing.

    :raises TwostepError: why the slot is not served by the version on trial; `bad_trial`, `write_failed`, `ledger_unusable`.
    """
    found = trials.read(world.paths, committed.slot)
    if found is None:
        return
    this_boot = trials.boot_id(world.paths)
    begun = trial.at_boot(found, this_boot)
    if begun == found:
        return
    trials.write(world.paths, begun)
    if begun.state == "failed":
        _record(world, begun, "fail")
        raise _failure(begun)
    _record(world, begun, "begin")
    try:
        _adopt(world, actor, committed, begun.version)
    except TwostepError as error:
        ended = begun.moved("failed", this_boot, error.message)
        trials.write(world.paths, ended)
        _record(world, ended, "fail")
        raise _failure(ended) from None
    ended = begun.moved("serving", this_boot)
    trials.write(world.paths, ended)
    _record(world, ended, "end")


def _failure(ended: Trial) -> TwostepError:
    return TwostepError("trial_failed", f"{ended.version} was tried and does not serve: {ended.reason}", "The committed version serves.")


def _record(world: World, now: Trial, event: str) -> None:
    data = {"version": now.version, **({"message": now.reason} if now.reason else {})}
    ledger.append(world.paths, ledger_lines.Entry(0, world.now(), now.run_id, now.swap_id, now.slot, "trial", event, data))


def _adopt(world: World, actor: ParentActor, committed: BootSlot, version: str) -> None:
    module = names.child_module(committed.family, version)
    kernel_module.load(world.paths, world.run, module)
    try:
        plan = plan_present([committed], actor.look(), boot=False)
        if not any(step.action == "adopt" for step in plan.steps):
            raise TwostepError("slot_serving", f"slot {committed.slot} was brought up by somebody else.", "Look at the boot of the host.")
        wanted = _with_room(world, replace(committed, version=version), module)
        plan = replace(plan, targets={committed.slot: wanted})
        for step in plan.steps:
            actor.do(step, plan)
    except TwostepError:
        with contextlib.suppress(TwostepError):
            kernel_module.unload(world.paths, world.run, module)
        raise


def _with_room(world: World, wanted: BootSlot, module: str) -> BootSlot:
    """Give each request as much room as the version asks for; the commit remembers that."""
    child = world.status.child(module)
    room = boot.REQUEST_BYTES if wanted.request_bytes is None else wanted.request_bytes
    return wanted if child is None or child.request_bytes <= room else replace(wanted, request_bytes=child.request_bytes)
