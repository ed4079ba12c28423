# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of a rehearsal: a scratch device, the scratch slot on it, and an application that uses the slot through all of it."""

from __future__ import annotations

import contextlib
from typing import Any, Callable

from ..core import carried, durability, exercise, rehearsal
from ..core.durability import Arrival
from ..core.errors import TwostepError
from ..core.exercise import Offers
from ..core.rehearsal import Step, Wish
from ..core.rehearsal_result import Findings, Hold
from ..core.slots import Slot
from . import scratch_disk
from .exerciser import Exerciser
from .rehearsal_facts import Facts
from .scratch_disk import Disk, Hire
from .scratch_slot import ScratchSlot
from .servant import Servant
from .world import World

_PROBES = 3
_IO_S = 60.0
# A request that is older brings the parked child back, when that is what is rehearsed.
_SHORT_STALL_MS = 100
_POLL_S = 0.005


class Stage:
    """Slot and device of one part of the rehearsal; what it sees goes into `found`.

    :param versions: the running one and the candidate.
    :param left_s: seconds that the rehearsal still has.
    """

    def __init__(
        self,
        world: World,
        slot: ScratchSlot,
        disk: Disk,
        found: Findings,
        versions: tuple[str, str],
        seed: int,
        hired: Hire,
        left_s: Callable[[], float],
    ) -> None:
        self._world = world
        self._slot = slot
        self._disk = disk
        self._found = found
        self._versions = versions
        self._seed = seed
        self._hire = hired
        self._left_s = left_s
        self._user: Servant | None = None
        self._round = 0
        self._seen = 0
        self._measure: dict[str, int] = {}
        self._blocks = 0
        self._block_bytes = 0
        self._offers = Offers()

    def make(self, facts: Facts, wanted: Wish) -> None:
        """Make the device, and the slot without its child."""
        path = self._disk.make()
        self._block_bytes = facts.block_bytes
        self._blocks = (wanted.size_mib << 20) // facts.block_bytes
        self._slot.make(wanted.slot, facts.slot.family or "", rehearsal.params_for(facts.template, path))

    def take(self, step: Step, one_way: bool) -> None:
        """Take one step."""
        if step.action == "adopt":
            self._adopt(step)
        elif step.action == "swap":
            self._swap(step, one_way)
        elif step.action == "return":
            self._return(step)
        elif step.action == "commit":
            self._slot.commit()
        elif step.action == "verify":
            self._use("verify")
        else:
            self._exercise(step)

    def remove(self) -> list[str]:
        """Take everything down and return what stays."""
        left = []
        with contextlib.suppress(TwostepError):
            self._disk.release()
        if self._user is not None:
            with contextlib.suppress(TwostepError):
                self._user.order("close", 2.0)
            if not self._user.end():
                left.append(f"process {self._user.pid}")
            self._user = None
        if self._slot.name in self._world.status.slot_names():
            left += self._slot.remove()
        return left + self._disk.remove()

    def _use(self, order: str, **words: Any) -> Any:
        if self._user is None:
            raise ValueError(order)
        try:
            answer = self._user.order(order, min(_IO_S, max(0.0, self._left_s())), **words)
        except TwostepError:
            # The cause behind a failure that the application saw is what the kernel says, if it says anything.
            self._slot.refuse_return(self._versions[1])
            raise
        if isinstance(answer, dict):
            self._found.operations += answer["operations"] - self._seen
            self._seen = answer["operations"]
            self._found.max_latency_ms = max(self._found.max_latency_ms, answer["max_latency_ms"])
        return answer

    def _adopt(self, step: Step) -> None:
        self._slot.swap(step.version)
        name = f"twostep!{self._slot.name}"
        self._offers = scratch_disk.offers(self._world, name)
        self._found.exercised.update(self._offers.words())
        path = self._world.paths.at(f"/dev/twostep/{self._slot.name}")
        self._user = self._hire(
            "the slot's I/O",
            lambda: Exerciser(path, self._seed, self._blocks, self._block_bytes, self._offers).handlers(),
            (),
        )

    def _swap(self, step: Step, one_way: bool) -> None:
        ran, before = self._ran(), self._slot.look()
        if step.busy:
            self._use("begin_load")
        try:
            self._slot.swap(step.version, one_way)
        except TwostepError as error:
            with contextlib.suppress(TwostepError):  # the first failure is the one that says why
                self._use("end_load")
            raise self._refused(step, error) from None
        if step.busy:
            self._use("end_load")
        self._slot.refuse_return(step.version)
        after = self._slot.look()
        self._changed(step, before, after, is_quiet=not step.busy and ran == self._ran())

    def _ran(self) -> str:
        """Return what the block layer counts of the slot: the same text twice means that nobody, not even udev, did I/O between."""
        return self._world.status.read_text(f"{self._world.paths.sys}/class/block/twostep!{self._slot.name}/stat")

    def _refused(self, step: Step, error: TwostepError) -> TwostepError:
        if step.version == self._versions[0]:
            return TwostepError(
                "no_way_back",
                f"The running version does not take over from the candidate: {error.message}",
                "Keep the old version, or consent with one_way if that is meant.",
                {**error.data, "cause": error.code},
            )
        if error.code == "child_refused":
            return TwostepError("adopt_failed", error.message, error.next_step, error.data)
        return error

    def _changed(self, step: Step, before: Slot, after: Slot, is_quiet: bool) -> None:
        """Note the hold, and refuse a change of the child that lost what it tells."""
        last = after.last_swap
        hold_ns = self._return_hold_ns() if step.action == "return" else last.hold_ns
        held = 0 if step.action == "return" else last.held_requests
        old = before.version or ""
        self._found.holds.append(Hold(step.action, step.device, old, step.version, round(hold_ns / 1_000_000, 6), held, step.busy))
        compared = carried.compare(before.child, after.child, is_quiet)
        self._found.state.append({"device": step.device, "from": old, "to": step.version, "files": [entry.as_dict() for entry in compared]})
        carried.refuse_lost(compared, old, step.version)

    def _return_hold_ns(self) -> int:
        text = self._world.status.read_text(f"{self._world.paths.status}/slots/{self._slot.name}/last_swap/return_hold_ns").strip()
        return int(text) if text.isascii() and text.isdigit() else 0

    def _return(self, step: Step) -> None:
        """Let a request stall in the device below: the kernel brings the parked child back, and the request ends well."""
        before = self._slot.look()
        if self._user is None:
            raise ValueError(step)
        self._slot.bound_stalls(_SHORT_STALL_MS)
        self._disk.stall()
        try:
            self._user.begin("read", block=0)
            end = self._world.monotonic_s() + min(10.0, self._left_s())
            self._disk.stalled(5.0)
            # The hold waits for this request; as soon as it has begun, the device may answer.
            while self._slot.look().state == "serving" and self._world.monotonic_s() < end:
                if self._slot.look().version == step.version:
                    break
                self._world.sleep(_POLL_S)
        finally:
            self._disk.release()
        self._user.finish(min(_IO_S, max(0.0, self._left_s())))
        while self._slot.look().last_swap.result != "returned" and self._world.monotonic_s() < end:
            self._world.sleep(_POLL_S)
        self._slot.bound_stalls()
        after = self._slot.look()
        if (after.state, after.version, after.last_swap.result) != ("serving", step.version, "returned"):
            raise TwostepError(
                "no_way_back",
                f"A request stalled in the probation, and {step.version} did not come back: {after.last_swap.reason}.",
                "Keep the old version and report this to the makers of the child.",
                {"state": after.state, "version": after.version, "reason": after.last_swap.reason},
            )
        self._await_end_of_probation(end)
        self._changed(step, before, after, is_quiet=False)

    def _await_end_of_probation(self, end: float) -> None:
        """The failed child's release takes a moment after the old one serves; until then the slot takes no new swap."""
        while self._slot.look().probation != "none" and self._world.monotonic_s() < end:
            self._world.sleep(_POLL_S)

    def _exercise(self, step: Step) -> None:
        # First what the predecessor wrote, before any of it is written over.
        self._use("verify")
        for what in self._probed():
            count = min(self._probe(what, number) for number in range(_PROBES))
            if step.version == self._versions[0]:
                self._measure.setdefault(what, count)
            else:
                durability.compare(what, self._measure.get(what, 0), count, self._versions)
        self._round += 1
        self._use("round", number=self._round)
        if step.version == self._versions[1]:
            self._slot.refuse_return(step.version)

    def _probed(self) -> tuple[str, ...]:
        found = ("flush",) if self._offers.flush else ()
        return (*found, "fua") if self._offers.fua else found

    def _probe(self, what: str, number: int) -> int:
        """Return how often a durable write was made durable below the child."""
        block = exercise.quiet_blocks(self._blocks) - 1 - number
        self._disk.mark()
        offset = self._use("probe", what=what, block=block)
        return durability.guarantees([Arrival.of(entry) for entry in self._disk.taken()], offset, self._block_bytes)
