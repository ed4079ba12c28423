# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsal: takes the planned steps on scratch devices, one after the other, and takes everything away, however it ends."""

from __future__ import annotations

import contextlib
import signal
from typing import Callable, Iterator, Mapping

from ..core import rehearsal
from ..core.errors import TwostepError
from ..core.rehearsal import Step, Wish
from ..core.rehearsal_result import Done, Findings
from ..core.swap_request import SwapRequest
from . import kernel_module, preload, rehearsal_facts, rehearsal_marker, scratch_disk
from .nbd_disk import NbdDisk
from .rehearsal_facts import Facts
from .rehearsal_marker import Marker
from .scratch_disk import Disk, Hire, LoopDisk
from .scratch_slot import ScratchSlot
from .stage import Stage
from .world import World

MakeDisk = Callable[[World, "str | None", int, int], Disk]
DISKS: Mapping[str, MakeDisk] = {"nbd": NbdDisk, "loop": LoopDisk}
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)  # that ask a process to end


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals that ask this process to end wait until the block has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Rehearsal:
    """A wish for one slot of this host.

    :param token: hexadecimal digits that no other rehearsal has.
    :param hired: starts the processes that do what may hang.
    """

    def __init__(
        self, world: World, wanted: Wish, token: str, hired: Hire = scratch_disk.hire, disks: Mapping[str, MakeDisk] | None = None
    ) -> None:
        self._world = world
        self._wanted = wanted
        self._hire = hired
        self._disks = disks or DISKS
        self._slot_name = rehearsal.scratch_slot(token)
        self._seed = int(token[:7], 16)
        self._end_s = 0.0
        self._has_loaded = False
        self._stage: Stage | None = None
        self.found = Findings()

    def plan(self) -> tuple[Facts, tuple[Step, ...]]:
        """Return the facts and the steps; changes nothing.

        :raises TwostepError: what rules the rehearsal out.
        """
        facts = rehearsal_facts.gather(self._world, self._wanted)
        if facts.candidate is None:
            return facts, ()
        return facts, rehearsal.plan(facts.running, self._wanted.version, facts.devices, facts.has_way_back, facts.is_loaded)

    def perform(self) -> tuple[Facts, tuple[Step, ...], Findings]:
        """Rehearse. What the candidate does wrong is in the findings.

        :raises TwostepError: what rules the rehearsal out; then nothing was begun.
        """
        with rehearsal_marker.alone(self._world.paths):
            self._end_s = self._world.monotonic_s() + self._wanted.timeout_s
            self._sweep()
            facts, steps = self.plan()
            if steps:
                before = rehearsal_facts.generations(self._world)
                self._begin(facts)
                try:
                    self._take(facts, steps)
                    self.found.notes += rehearsal.refuse_unexercised(facts.features, facts.relied_on, sorted(self.found.exercised))
                except TwostepError as error:
                    self.found.reasons.append(error)
                finally:
                    with undisturbed():
                        self._clean_up(facts)
                try:
                    rehearsal_facts.refuse_touched(before, rehearsal_facts.generations(self._world))
                except TwostepError as error:
                    self.found.reasons.append(error)
        return facts, steps, self.found

    def _left_s(self) -> float:
        return self._end_s - self._world.monotonic_s()

    def _sweep(self) -> None:
        """Remove what a killed rehearsal has left, or raise `leftovers`."""
        marker = rehearsal_marker.read(self._world.paths)
        if marker is None:
            return
        if marker.slot and marker.slot in self._world.status.slot_names():
            left = ScratchSlot(self._world, marker.slot, self._wanted.deadline_ms, self._hire, self._left_s).remove()
            if left:
                raise TwostepError(
                    "leftovers",
                    f"An earlier rehearsal has left {', '.join(left)}, which cannot be removed.",
                    "Look at the kernel log; if a child keeps requests for ever, the host has to be rebooted.",
                    {"left_behind": left},
                )
            self.found.swept.append(f"slot {marker.slot}")
        self.found.swept += rehearsal_marker.unload(self._world, marker.modules)
        rehearsal_marker.remove(self._world.paths)

    def _begin(self, facts: Facts) -> None:
        modules = ([] if facts.is_loaded or facts.candidate is None else [facts.candidate.name]) + list(facts.absent_drivers)
        rehearsal_marker.write(self._world.paths, Marker(self._slot_name, tuple(modules)))

    def _take(self, facts: Facts, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if self._left_s() <= 0:
                raise TwostepError(
                    "too_slow",
                    f"The rehearsal has used up its {self._wanted.timeout_s:g} s before the step {step.action}.",
                    "Raise timeout_s, or look at what else the host does.",
                )
            begun_ns = self._world.monotonic_ns()
            code = "interrupted"
            try:
                self._do(facts, step)
                code = ""
            except TwostepError as error:
                code = error.code
                raise
            finally:
                duration_ms = round((self._world.monotonic_ns() - begun_ns) / 1_000_000, 3)
                self.found.done.append(Done(step.action, step.device, step.version, duration_ms, code))

    def _do(self, facts: Facts, step: Step) -> None:
        if step.action == "load":
            self._load(facts)
        elif step.action == "unload":
            self._unload(facts)
        elif step.action == "scratch":
            disk = self._disks[step.device](self._world, self._wanted.folder, self._wanted.size_mib << 20, facts.block_bytes)
            slot = ScratchSlot(self._world, self._slot_name, self._wanted.deadline_ms, self._hire, self._left_s)
            versions = (facts.running, self._wanted.version)
            self._stage = Stage(self._world, slot, disk, self.found, versions, self._seed, self._hire, self._left_s)
            self._stage.make(facts, self._wanted)
        elif self._stage is not None:
            if step.action == "take_down":
                self._take_down()
            else:
                self._stage.take(step, self._wanted.one_way)

    def _load(self, facts: Facts) -> None:
        candidate = facts.candidate
        if candidate is None:
            return
        request = SwapRequest(
            swap_id=self._slot_name,
            run_id=self._slot_name,
            slot=self._slot_name,
            family=candidate.family,
            from_version=facts.running,
            to_version=self._wanted.version,
            generation=0,
            requested_at=self._world.now(),
            path=facts.path,
            module=candidate.name,
            srcversion=candidate.srcversion,
        )
        self._has_loaded = preload.load(self._world, request).loaded

    def _unload(self, facts: Facts) -> None:
        if self._has_loaded and facts.candidate is not None:
            kernel_module.unload(self._world.paths, self._world.run, facts.candidate.name)
            self._has_loaded = False

    def _take_down(self) -> None:
        """Take the stage down; what stays is in the findings, and nothing is built on it."""
        stage, self._stage = self._stage, None
        if stage is not None:
            left = stage.remove()
            self.found.left_behind += left
            if left:
                raise TwostepError(
                    "left_behind",
                    f"The rehearsal could not remove {', '.join(left)}.",
                    "Look at the kernel log; the next rehearsal tries again.",
                    {"left_behind": left},
                )

    def _clean_up(self, facts: Facts) -> None:
        """Take away what is still there. The marker stays as long as something of it does."""
        with contextlib.suppress(TwostepError):  # what stays is in the findings
            self._take_down()
        try:
            self._unload(facts)
        except TwostepError as error:
            self.found.left_behind.append(f"module {facts.candidate.name if facts.candidate else ''} ({error.code})")
        if not self.found.left_behind:
            rehearsal_marker.remove(self._world.paths)
