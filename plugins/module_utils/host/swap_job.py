# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module `swap`: find an unfinished swap or start one, wait for it, prove it. The swap itself is the agent's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable

from ..core import names, swap_plan
from ..core.errors import TwostepError
from ..core.slots import Slot
from ..core.swap_plan import Step, Wish
from ..core.swap_request import SwapRequest, SwapResult
from . import aftermath, boot, compat, early, hung_task, rejections, reload_folder, request_folder, swap_folder, trials, unit
from .swap import what_stands
from .world import World


@dataclass(frozen=True)
class Outcome:
    """What a call found and did; `result` is None where nothing had to be done, or in check mode."""

    before: dict[str, Any]
    after: dict[str, Any]
    step: Step
    verdict: dict[str, Any]
    result: SwapResult | None = None
    reattached: bool = False
    notes: tuple[str, ...] = ()


def _joined(swapped: SwapResult, committed: SwapResult) -> SwapResult:
    """Return a swap and the commit that came after it as one result: the commit's end, the swap's figures."""
    return replace(
        committed,
        from_version=swapped.from_version,
        mode=swapped.mode,
        generation_before=swapped.generation_before,
        hold_ms=swapped.hold_ms,
        held_requests=swapped.held_requests,
        kernel_phases=swapped.kernel_phases,
        phases=swapped.phases + committed.phases,
        notes=swapped.notes + committed.notes,
    )


class Job:
    """A wish for one slot.

    :param agent: installs the agent and returns its path.
    :param token: gives eight hex digits that tell two swaps of one second apart.
    """

    def __init__(self, world: World, wanted: Wish, python: str, agent: Callable[[], str], token: Callable[[], str]) -> None:
        self._world = world
        self._wanted = wanted
        self._python = python
        self._agent = agent
        self._token = token
        self._notes: list[str] = []
        self._verdict: dict[str, Any] = {"verdict": "current", "mode": None, "reasons": []}

    def check(self) -> Outcome:
        """Return what would be done; changes nothing."""
        self._refuse_reload()
        pending = swap_folder.unfinished(self._world.paths, self._wanted.slot)
        attached = pending is not None and unit.is_running(self._world.run, pending.swap_id)
        if attached and pending:
            self._refuse_other(pending)
        before = self._facts()
        step = self._step(self._slot())
        if step.action == "swap" and not attached:
            checked = self._check(step)
            self._refuse_rejected(checked.slot, checked.candidate.srcversion if checked.candidate else None)
            self._mode(checked)
        elif step.action == "commit" and not attached:
            self._refuse_rejected(self._slot(), None)
        return Outcome(before, self._predicted(before, step), step, self._verdict, reattached=attached)

    def apply(self) -> Outcome:
        """Do it, and return it proven.

        :raises TwostepError: when nothing was started; once a swap was started, its failure is in the result.
        """
        before = self._facts()
        first = self._begin()
        result = self._wait(first[1]) if first[1] else None
        step, reattached = first[0], first[2]
        if reattached and result and result.is_good:
            # The swap that was found may have been asked for without its commit.
            _rest, request, _attached = self._begin()
            if request:
                step, result = Step("swap", first[0].old_version), _joined(result, self._wait(request))
        if step.action != "boot" and (result is None or (result.is_good and result.outcome != "armed")):
            self._prove()
        with request_folder.locked(self._world.paths, f"a swap of slot {self._wanted.slot}"):
            swap_folder.prune(self._world.paths)
        return Outcome(before, self._facts(), step, self._verdict, result, reattached, tuple(self._notes))

    def _slot(self) -> Slot:
        return self._world.status.slot(self._wanted.slot)

    def _boot_version(self) -> str | None:
        found = boot.read_slot(self._world.paths, self._wanted.slot)
        return found.version if found else None

    def _facts(self) -> dict[str, Any]:
        slot = self._slot()
        return {
            "version": slot.version,
            "state": slot.state,
            "generation": slot.generation,
            "parked": slot.parked,
            "boot_version": self._boot_version(),
            "trial": self._trial_version(),
        }

    def _predicted(self, before: dict[str, Any], step: Step) -> dict[str, Any]:
        after = dict(before)
        mode = self._verdict["mode"]
        if step.action == "swap" and mode == "cold":
            return {**after, "trial": self._wanted.version}
        if step.action == "swap":
            parked = before["version"] if mode == "handover" and not self._wanted.commit else None
            # A slot that is taken down counts that, too.
            after.update(version=self._wanted.version, generation=before["generation"] + (2 if mode == "warm" else 1), parked=parked)
        if step.action != "none" and self._wanted.commit:
            after.update(parked=None, boot_version=before["boot_version"] and self._wanted.version, trial=None)
        return after

    def _step(self, slot: Slot) -> Step:
        paths = self._world.paths
        configured = boot.read_slot(paths, slot.slot)
        made = configured is None or not configured.early or early.is_made(paths, self._world.release)
        version = configured.version if configured else None
        return swap_plan.next_step(self._wanted, slot, version, trials.read(paths, slot.slot), trials.boot_id(paths), made)

    def _trial_version(self) -> str | None:
        found = trials.read(self._world.paths, self._wanted.slot)
        return found.version if found and found.state == "armed" else None

    def _refuse_other(self, pending: SwapRequest) -> None:
        if pending.to_version != self._wanted.version:
            raise TwostepError(
                "swap_in_progress",
                f"Swap {pending.swap_id} takes slot {pending.slot} to {pending.to_version}, not to {self._wanted.version}.",
                "Wait until it has ended, then run again.",
                {"swap_id": pending.swap_id, "to": pending.to_version},
            )

    def _refuse_reload(self) -> None:
        pending = reload_folder.unfinished(self._world.paths)
        if pending is not None and pending.is_parent:
            raise TwostepError(
                "reload_in_progress",
                f"The parent is being replaced by reload {pending.reload_id}, which has no result yet.",
                "Run that reload again to end it, then this.",
                {"reload_id": pending.reload_id},
            )

    def _refuse_rejected(self, slot: Slot, srcversion: str | None) -> None:
        """Refuse a build that is rejected here; the one that serves is asked for its checksum."""
        serving = self._world.status.loaded_srcversion(slot.module) if slot.module and slot.version == self._wanted.version else None
        rejections.refuse(self._world.paths, slot.family, self._wanted.version, srcversion or serving)

    def _begin(self) -> tuple[Step, SwapRequest | None, bool]:
        """Find the swap that runs, or start one. Returns the step, its request if there is one, and whether it was found."""
        world, wanted = self._world, self._wanted
        with request_folder.locked(world.paths, f"a swap of slot {wanted.slot}"):
            self._refuse_reload()
            pending = swap_folder.unfinished(world.paths, wanted.slot)
            if pending:
                if unit.is_running(world.run, pending.swap_id):
                    self._refuse_other(pending)
                    return Step("swap" if pending.swap else "commit", pending.from_version), pending, True
                if not swap_folder.is_finished(world.paths, pending.swap_id):
                    self._notes.append(aftermath.settle(world, pending).message)
            slot = self._slot()
            try:
                step = self._step(slot)
            except TwostepError as error:
                if "trial" in error.data:
                    trials.remove(world.paths, wanted.slot)  # it is told once; the next call arms anew
                raise
            if step.action in ("none", "boot"):
                return step, None, False
            request = self._request(slot, step)
            agent = self._agent()
            if request.mode == "cold":
                self._prepare_boot(agent)
            swap_folder.write_request(world.paths, request)
            try:
                unit.start(world.run, self._python, agent, request.swap_id)
            except TwostepError as error:
                swap_folder.write_result(world.paths, self._not_started(request, error))
                raise
            return step, request, False

    def _prepare_boot(self, agent: str) -> None:
        """See to it that the next boot brings the slot up, by an agent that knows trials."""
        paths, slot = self._world.paths, self._wanted.slot
        configured = boot.read_slot(paths, slot)
        if configured is not None and configured.early:
            raise TwostepError(
                "early_slot",
                f"Slot {slot} is brought up by the initramfs, which knows no trial.",
                "Go there hot, through another version if need be; twostep.hotswap.compat_info knows the way.",
            )
        if configured is None or not boot.has_unit(paths):
            raise TwostepError(
                "not_configured",
                f"Slot {slot} is not brought up at boot.",
                "Bring it up with twostep.hotswap.parent and boot: true.",
            )
        if not boot.unit_is_current(paths, self._world.run, agent):
            boot.install_unit(paths, self._world.run, agent)

    def _not_started(self, request: SwapRequest, error: TwostepError) -> SwapResult:
        return SwapResult(
            swap_id=request.swap_id,
            run_id=request.run_id,
            slot=request.slot,
            from_version=request.from_version,
            to_version=request.to_version,
            mode=request.mode,
            outcome="refused",
            code=error.code,
            message=error.message,
            next_step=error.next_step,
            generation_before=request.generation,
            generation_after=request.generation,
        )

    def _check(self, step: Step) -> compat.Checked:
        world, wanted = self._world, self._wanted
        host = compat.Host(world.paths, world.status, world.run, world.release)
        return compat.check(host, wanted.slot, wanted.version, ask_two_step=wanted.mode == "two_step")

    def _mode(self, checked: compat.Checked) -> str:
        self._verdict = checked.verdict.as_dict()
        mode = swap_plan.mode_of(self._wanted, checked.verdict)
        self._verdict["mode"] = mode
        swap_plan.check_hold(self._wanted, mode, hung_task.timeout_s(self._world.paths))
        return mode

    def _request(self, slot: Slot, step: Step) -> SwapRequest:
        wanted, world = self._wanted, self._world
        family = names.family(slot.family)
        old_version = step.old_version or wanted.version
        moment = "".join(mark for mark in world.now()[:19] if mark.isdigit())
        common = SwapRequest(
            swap_id=f"{wanted.slot.replace('_', '-')}-{moment}-{self._token()}",
            run_id=wanted.run_id,
            slot=wanted.slot,
            family=family,
            from_version=old_version,
            to_version=wanted.version,
            generation=slot.generation,
            requested_at=world.now(),
            commit=wanted.commit,
            old_module=names.child_module(family, old_version),
        )
        if step.action == "commit":
            self._refuse_rejected(slot, None)
            return replace(common, swap=False, module=slot.module or names.child_module(family, wanted.version))
        checked = self._check(step)
        self._refuse_rejected(slot, checked.candidate.srcversion if checked.candidate else None)
        mode = self._mode(checked)
        if checked.candidate is None or checked.path is None:
            raise TwostepError("not_built", f"There is no module file of {wanted.version}.", "Build it with twostep.hotswap.dkms.")
        return replace(
            common,
            old_module=slot.module or common.old_module,
            mode=mode,
            deadline_ms=wanted.deadline_ms,
            release_first=step.release_first,
            path=checked.path,
            module=checked.candidate.name,
            srcversion=checked.candidate.srcversion,
            depends=checked.candidate.depends,
            state_schema=checked.verdict.schema,
            one_way=wanted.one_way,
            units=wanted.units if mode == "warm" else (),
        )

    def _wait(self, request: SwapRequest) -> SwapResult:
        world = self._world
        result = unit.wait(
            lambda: swap_folder.read_result(world.paths, request.swap_id),
            world.run,
            request.swap_id,
            self._wanted.timeout_s,
            world.monotonic_s,
            world.sleep,
        )
        if result is not None:
            return result
        with request_folder.locked(world.paths, f"a swap of slot {request.slot}"):
            return swap_folder.read_result(world.paths, request.swap_id) or aftermath.settle(world, request)

    def _prove(self) -> None:
        """Look at the slot ourselves: what the agent says is not enough."""
        slot = self._slot()
        if slot.state != "serving" or slot.version != self._wanted.version or (self._wanted.commit and slot.parked):
            raise TwostepError(
                "not_proven",
                f"Slot {slot.slot} is not where it should be. {what_stands(slot)}",
                "Read the kernel log of the host, and look whether somebody else works on the slot.",
                {"state": slot.state, "version": slot.version, "generation": slot.generation},
            )
