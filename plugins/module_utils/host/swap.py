# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction of one swap on this host: preload, swap, verify, commit, each with a ledger line before and after.

Warm: preload, take_down, replace, bring_back, verify, redundancy, commit. Cold: arm; the boot that follows tries it, and a later
request commits.

A failure before the commit ends with the old child serving, or the result says exactly what stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..core import boot as boot_config
from ..core.boot import BootSlot
from ..core.errors import TwostepError
from ..core.slots import LastSwap, Slot
from ..core.swap_request import SwapRequest, SwapResult
from ..core.trial import Trial
from . import boot, early, kernel_module, settled, trials
from .kernel_control import SwapLine
from .phases import Phases
from .preload import Preload, load
from .two_step import Successor
from .warm import Warm
from .world import World

# The kernel took nothing up: no hold, and the slot's last report is still that of an earlier swap.
_NOT_TAKEN_UP = ("bad_request", "bad_deadline", "not_registered", "stale_generation", "slot_busy", "no_slot", "not_permitted")


def what_stands(slot: Slot) -> str:
    """Return one sentence about a slot."""
    parked = f"; {slot.parked} is parked" if slot.parked else ""
    if slot.state == "serving":
        return f"Slot {slot.slot} serves {slot.version} at generation {slot.generation}{parked}."
    child = f"with {slot.version}" if slot.version else "without a child"
    return f"Slot {slot.slot} is {slot.state} {child} at generation {slot.generation}{parked}."


class Transaction:
    """One request, performed once."""

    def __init__(self, world: World, request: SwapRequest) -> None:
        self._world = world
        self._request = request
        self._phases = Phases(world, request.run_id, request.swap_id, request.slot)
        self._notes: list[str] = []
        self._preload = Preload()
        self._taken_up = False
        self._warm: Warm | None = None  # while there is something to bring back

    def perform(self) -> SwapResult:
        """Do what was asked and return how it ended; a failure is a result too.

        :raises TwostepError: when nothing can be said about the slot at all, or when what was stopped for it is not back.
        """
        request = self._request
        before = self._slot()
        try:
            self._refuse_stale(before)
            if request.swap and request.mode == "cold":
                with self._phases.phase("arm") as told:
                    self._arm(told)
                return self._result(before, self._slot(), "armed")
            if request.swap:
                self._swap(before)
            if request.commit:
                with self._phases.phase("commit") as told:
                    self._commit(told)
        except TwostepError as error:
            return self._failed(before, error)
        return self._result(before, self._slot(), "committed" if request.commit else "swapped")

    def _slot(self) -> Slot:
        return self._world.status.slot(self._request.slot)

    def _refuse_stale(self, before: Slot) -> None:
        request = self._request
        serves = request.from_version if request.swap else request.to_version
        if before.generation != request.generation or before.version != serves:
            raise TwostepError(
                "stale_generation",
                f"The request is for {serves} at generation {request.generation}; it is no longer so.",
                "Run the same task again: it reads the slot afresh.",
            )

    def _swap(self, before: Slot) -> None:
        world, request = self._world, self._request
        if request.release_first:
            with self._phases.phase("release"):
                world.control.commit(request.slot, request.generation)
        if request.mode == "warm":
            self._take_warm_way(before)
            return
        successor = Successor(world, request) if request.mode == "two_step" else None
        with self._phases.phase("preload") as told:
            if successor:
                successor.prepare()
            else:
                self._preload = load(world, request)
            told["loaded"] = self._preload.loaded
        line = SwapLine(request.to_version, request.generation, request.mode, request.deadline_ms, request.state_schema, request.one_way)
        with self._phases.phase("swap") as told:
            told["line"] = line.text()
            try:
                world.control.swap(request.slot, line)
            except TwostepError as error:
                self._taken_up = error.code not in _NOT_TAKEN_UP
                raise
            self._taken_up = True
            if successor:
                successor.replace()
        with self._phases.phase("verify") as told:
            self._verify(before, told)

    def _take_warm_way(self, before: Slot) -> None:
        warm = Warm(self._world, self._request)
        with self._phases.phase("preload") as told:
            self._preload = load(self._world, self._request)
            told.update(loaded=self._preload.loaded, consumers=warm.prepare())
        self._warm = warm
        with self._phases.phase("take_down"):
            warm.take_down()
        with self._phases.phase("replace"):
            warm.replace()
        with self._phases.phase("bring_back"):
            warm.bring_back()
        with self._phases.phase("verify") as told:
            self._verify(before, told, 2)
        self._warm = None
        with self._phases.phase("redundancy"):
            warm.await_redundancy()

    def _arm(self, told: dict[str, Any]) -> None:
        """Have the next boot try the version. Nothing else changes, and until the commit the old version stays the committed one."""
        paths, request = self._world.paths, self._request
        told["boot_id"] = trials.boot_id(paths)
        wanted = Trial(request.slot, request.to_version, request.from_version, request.swap_id, request.run_id, told["boot_id"])
        trials.write(paths, wanted)
        if trials.read(paths, request.slot) != wanted:
            raise TwostepError("not_proven", f"The trial of slot {request.slot} does not read back.", "Look at the filesystem of the host.")

    def _verify(self, before: Slot, told: dict[str, Any], steps: int = 1) -> None:
        """Prove the swap from what the kernel tells; the write's success proves nothing."""
        slot = settled.look(self._world, self._request.slot, self._request.deadline_ms)
        wanted = {
            "version": self._request.to_version,
            "module": self._request.module,
            "generation": before.generation + steps,
            "state": "serving",
            "result": "ok",
        }
        found = {
            "version": slot.version,
            "module": slot.module,
            "generation": slot.generation,
            "state": slot.state,
            "result": slot.last_swap.result,
        }
        told.update(found)
        wrong = [f"{key} is {found[key]}, not {wanted[key]}" for key in wanted if found[key] != wanted[key]]
        if slot.last_swap.result == "returned":
            raise _taken_back(slot, self._request.to_version)
        if wrong:
            raise TwostepError("not_proven", f"The swap is not proven: {'; '.join(wrong)}.", "Read the kernel log of the host.", found)

    def _commit(self, told: dict[str, Any]) -> None:
        world, request = self._world, self._request
        slot = self._slot()
        if slot.version != request.to_version:
            raise _taken_back(slot, request.to_version)
        self._boot_into(request.to_version, told)
        try:
            world.control.commit(request.slot, slot.generation)
        except TwostepError:
            # The probation ended otherwise in this very moment: boot what serves.
            self._boot_back(self._slot().version or request.from_version)
            raise
        after = self._slot()
        if after.parked or after.version != request.to_version:
            raise TwostepError("not_proven", f"The commit is not proven. {what_stands(after)}", "Read the kernel log of the host.")
        trials.remove(world.paths, request.slot)
        told["unloaded"] = self._unload_old(after)

    def _boot_into(self, version: str, told: dict[str, Any]) -> None:
        """Make ``version`` the committed one, in the initramfs, too, where that brings the slot up.

        Before the commit: a crash right after it boots what serves now, or what served before.
        """
        paths, run, release = self._world.paths, self._world.run, self._world.release
        before = boot.read_slot(paths, self._request.slot)
        told["boot"] = self._write_boot(version)
        if before is None or not before.early:
            return
        try:
            told["initramfs"] = early.make(paths, run, release)
        except TwostepError:
            self._boot_back(before.version)
            raise
        self._notes += [
            f"Kernel {other} lacks a module of its slots: its initramfs brings up what it did before."
            for other in early.left_out(paths, release)
        ]

    def _boot_back(self, version: str) -> None:
        """Make ``version`` the committed one again, as far as that can be had: why is told already, what is not back is a note."""
        try:
            self._write_boot(version)
            found = boot.read_slot(self._world.paths, self._request.slot)
            if found is not None and found.early:
                early.make(self._world.paths, self._world.run, self._world.release)
        except TwostepError as error:
            self._notes.append(f"The next boot may not bring up {version}: {error}")

    def _write_boot(self, version: str) -> bool:
        """Write ``version`` into the boot configuration; return whether the slot has one."""
        paths, request = self._world.paths, self._request
        present = boot.read_slot(paths, request.slot)
        if present is None:
            self._notes.append(f"Slot {request.slot} has no boot configuration; at the next boot it is not brought up.")
            return False
        wanted = self._with_room(present.with_version(version))
        boot.write_slot(paths, wanted)
        if boot.read_slot(paths, request.slot) != wanted:
            raise TwostepError(
                "not_proven", f"The boot configuration of slot {request.slot} does not read back.", "Look at the filesystem of the host."
            )
        return True

    def _with_room(self, wanted: BootSlot) -> BootSlot:
        """A warm upgrade may have given the slot more room for each request than it would have after a reboot."""
        room = self._world.control.room(self._request.slot)
        if room is None or room == (boot_config.REQUEST_BYTES if wanted.request_bytes is None else wanted.request_bytes):
            return wanted
        return replace(wanted, request_bytes=room)

    def _unload_old(self, slot: Slot) -> bool:
        """Unload the old module if nothing uses it. That it stays is no failure: what was asked for stands."""
        old = self._request.old_module
        if old == slot.module:
            return False
        child = self._world.status.child(old)
        if child is None:
            return False
        if child.users:
            self._notes.append(f"Module {old} stays loaded: another slot uses it.")
            return False
        try:
            kernel_module.unload(self._world.paths, self._world.run, old)
        except TwostepError as error:
            self._notes.append(f"Module {old} stays loaded: {error.message}")
            return False
        return True

    def _failed(self, before: Slot, error: TwostepError) -> SwapResult:
        """Take back what can be taken back, and say what stands."""
        at, has_gone_back = self._phases.current, self._go_back(error)
        after = self._slot()
        if self._preload.loaded and after.version != self._request.to_version:
            try:
                kernel_module.unload(self._world.paths, self._world.run, self._request.module)
            except TwostepError as stays:
                self._notes.append(f"Module {self._request.module} stays loaded: {stays.message}")
            after = self._slot()
        is_back = has_gone_back or (self._taken_up and after.last_swap.result == "returned")
        if is_back and after.version == self._request.from_version:
            outcome = "returned"
        elif at == "" or (at == "swap" and not self._taken_up):
            outcome = "refused"
        else:
            outcome = "failed"
        result = self._result(before, after, outcome)
        return replace(result, code=error.code, message=f"{error.message} {what_stands(after)}", next_step=error.next_step)

    def _go_back(self, cause: TwostepError) -> bool:
        """Bring a slot that was taken down, and its users, back to where they were; return whether there was one.

        :raises TwostepError: not everything is back. Without a result whoever comes next goes on with that, before anything else.
        """
        warm, self._warm = self._warm, None
        if warm is None:
            return False
        try:
            with self._phases.phase("go_back", recorded=False):
                warm.go_back()
        except TwostepError as stuck:
            raise TwostepError(
                stuck.code, f"{cause.message} Not everything is back: {stuck.message}", stuck.next_step, stuck.data
            ) from None
        return True

    def _result(self, before: Slot, after: Slot, outcome: str) -> SwapResult:
        request = self._request
        last = after.last_swap if self._taken_up else None
        return SwapResult(
            swap_id=request.swap_id,
            run_id=request.run_id,
            slot=request.slot,
            from_version=request.from_version,
            to_version=request.to_version,
            mode=request.mode,
            outcome=outcome,
            generation_before=before.generation,
            generation_after=after.generation,
            hold_ms=_milliseconds(last),
            held_requests=last.held_requests if last else None,
            phases=tuple(self._phases.done),
            kernel_phases=last.times() if last else {},
            notes=tuple(self._notes),
        )


def _taken_back(slot: Slot, version: str) -> TwostepError:
    return TwostepError(
        "returned",
        f"The kernel took {version} back: {slot.last_swap.reason}.",
        "Keep the old version, and correct what the kernel saw in the probation.",
    )


def _milliseconds(last: LastSwap | None) -> float | None:
    return round(last.hold_ns / 1_000_000, 6) if last else None
