# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module `reload`: keep copies, or find an unfinished reload or start one, wait for it, prove it. The agent does it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Callable

from ..core import linkage, names, reload
from ..core.compat_facts import Kernel
from ..core.errors import TwostepError
from ..core.reload import PARENT, ModuleFacts, Part, Wish
from ..core.reload_request import ReloadRequest, ReloadResult
from . import (
    boot,
    initramfs_builds,
    kept_modules,
    modinfo,
    module_state,
    module_tree,
    reload_folder,
    request_folder,
    swap_folder,
    trials,
    unit,
)
from . import reload as reloads
from .initramfs_builds import Carried
from .world import World

_COMMAND = "reload"


@dataclass(frozen=True)
class Outcome:
    """What a call found and did; `parts` are what is, or would be, replaced, `result` is None where no agent had anything to do.

    `reattached` says that a reload was found that had no result: one that runs, or one whose agent had died. `remade` says that the
    initramfs has, or had, another build than is installed, though all that is installed is loaded: it was, or would be, made again.
    """

    before: tuple[ModuleFacts, ...]
    after: tuple[ModuleFacts, ...]
    parts: tuple[Part, ...] = ()
    consumers: tuple[str, ...] = ()
    result: ReloadResult | None = None
    reattached: bool = False
    notes: tuple[str, ...] = ()
    remade: bool = False


class Job:
    """A wish for some modules.

    :param agent: installs the agent and returns its path.
    :param token: gives eight hex digits that tell two reloads of one second apart.
    """

    def __init__(
        self,
        world: World,
        wanted: Wish,
        python: str,
        agent: Callable[[], str],
        token: Callable[[], str],
    ) -> None:
        self._world = world
        self._wanted = wanted
        self._python = python
        self._agent = agent
        self._token = token
        self._holder = f"a reload of {', '.join(wanted.modules)}"
        self._notes: list[str] = []

    def keep(self, check: bool) -> Outcome:
        """Copy the files of the loaded modules; in check mode say which. While a reload runs its copies are left alone."""
        world = self._world
        with contextlib.nullcontext() if check else request_folder.locked(world.paths, self._holder):
            pending = reload_folder.unfinished(world.paths)
            if pending is not None and not set(pending.modules) & set(self._wanted.modules):
                pending = None
            is_left = pending is not None and (check or unit.is_running(world.run, pending.reload_id, _COMMAND))
            if not is_left:
                self._settle(pending)
            before = self._look()
            after = []
            for module in before:
                after.append(module)
                if module.state != "live" or module.kept or (is_left and pending and module.name in pending.modules):
                    continue
                if module.loaded.is_same(module.file) is not True:
                    raise reload.no_way_back(module)
                if not check:
                    kept_modules.keep(world.paths, world.run, world.release, module)
                after[-1] = replace(module, kept=kept_modules.place(world.paths, world.release, module))
            return Outcome(before, tuple(after) if check else self._look(), reattached=pending is not None, notes=tuple(self._notes))

    def check(self) -> Outcome:
        """Return what would be done; changes nothing. What an agent that has died has left is ended before anything else is planned."""
        pending = reload_folder.unfinished(self._world.paths)
        if pending is not None and unit.is_running(self._world.run, pending.reload_id, _COMMAND):
            self._refuse_other(pending)
        before = self._look()
        parts = () if pending else self._plan(before)
        warm = parts and not self._wanted.cold
        stopped = tuple(str(one) for one in reloads.who_uses(self._world, self._request(parts))) if warm else ()
        remade = not parts and not pending and self._is_stale(initramfs_builds.look)
        return Outcome(before, before, parts, stopped, reattached=pending is not None, notes=tuple(self._notes), remade=remade)

    def make_bootable(self, check: bool) -> Outcome:
        """Have the initramfs of the running kernel carry what is installed, or in check mode say whether it does not."""
        found = self._look()
        remade = self._is_stale(initramfs_builds.look if check else initramfs_builds.follow)
        return Outcome(found, found, notes=tuple(self._notes), remade=remade)

    def apply(self) -> Outcome:
        """Do it, and return it proven.

        :raises TwostepError: when nothing was started; once it was, its failure is in the result.
        """
        world = self._world
        if self._wanted.cold:
            found = self._look()
            reload.check_booted(self._wanted, found, self._kernel())
            return Outcome(found, found)
        with request_folder.locked(world.paths, self._holder):
            before = self._look()
            request, reattached = self._begin(before)
        if request is None:
            remade = self._is_stale(initramfs_builds.follow)
            return Outcome(before, self._look(), reattached=reattached, notes=tuple(self._notes), remade=remade)
        result = self._wait(request)
        with request_folder.locked(world.paths, self._holder):
            reload_folder.requests(world.paths).prune()
        after = self._look()
        if result.is_good:
            self._prove(after)
        return Outcome(before, after, request.parts, (), result, reattached, tuple(self._notes))

    def _is_stale(self, act: Callable[..., Carried]) -> bool:
        """Look at the initramfs, or have it made again; return whether it has, or had, another build than is installed."""
        world = self._world
        found = act(world.paths, world.run, world.release, self._wanted.modules)
        if found.problem:
            self._notes.append(f"Whether {found.path} has the modules was not looked at: {found.problem}.")
        return bool(found.stale)

    def _look(self) -> tuple[ModuleFacts, ...]:
        world = self._world
        found = (module_state.look(world.paths, world.run, world.release, name) for name in self._wanted.modules)
        return tuple(replace(module, kept=kept_modules.find(world.paths, world.run, world.release, module)) for module in found)

    def _begin(self, before: tuple[ModuleFacts, ...]) -> tuple[ReloadRequest | None, bool]:
        """Find the reload that runs, or start one. Returns its request, None where nothing is to be done, and whether it was found."""
        world = self._world
        pending = reload_folder.unfinished(world.paths)
        if pending is not None:
            if unit.is_running(world.run, pending.reload_id, _COMMAND):
                self._refuse_other(pending)
                return pending, True
            self._settle(pending)
            before = self._look()
        parts = self._plan(before)
        if not parts:
            return None, pending is not None
        request = self._request(parts)
        reloads.who_uses(world, request)  # a refusal is told before anything is written
        agent = self._agent()
        reload_folder.write_request(world.paths, request)
        try:
            unit.start(world.run, self._python, agent, request.reload_id, _COMMAND)
        except TwostepError as error:
            stands = ReloadResult(request.reload_id, request.run_id, "failed", error.code, error.message, error.next_step)
            reload_folder.write_result(world.paths, stands)
            raise
        return request, pending is not None

    def _settle(self, pending: ReloadRequest | None) -> None:
        """End a reload whose agent has died, unless it has left its result in this moment."""
        if pending is not None and not reload_folder.requests(self._world.paths).is_finished(pending.reload_id):
            ended = reloads.settle(self._world, pending)
            self._notes += [ended.message, *ended.notes]

    def _refuse_other(self, pending: ReloadRequest) -> None:
        # One that is not loaded is wanted, but not in the request.
        if not set(pending.modules) <= set(self._wanted.modules):
            raise TwostepError(
                "reload_in_progress",
                f"Reload {pending.reload_id} replaces {', '.join(pending.modules)}.",
                "Wait until it has ended, then run again.",
                {"reload_id": pending.reload_id},
            )

    def _plan(self, found: tuple[ModuleFacts, ...]) -> tuple[Part, ...]:
        parts = reload.plan(self._wanted, found, self._kernel())
        if parts and self._wanted.is_parent and not self._wanted.cold:
            self._check_parent(found[0])
        return parts

    def _kernel(self) -> Kernel:
        world = self._world
        return module_tree.kernel_facts(world.paths, world.release, world.release, world.run, world.status.read_text)

    def _check_parent(self, found: ModuleFacts) -> None:
        world = self._world
        for swap_id in swap_folder.requests(world.paths).unfinished():
            raise TwostepError(
                "swap_in_progress", f"Swap {swap_id} has no result yet.", "Run that swap again to end it, then this.", {"swap_id": swap_id}
            )
        slots = {name: world.status.slot(name) for name in world.status.slot_names()}
        configured = {slot.slot: slot for slot in boot.read_slots(world.paths)}
        armed = [name for name in slots if (trial := trials.read(world.paths, name)) and trial.state == "armed"]
        reload.check_slots(slots, configured, armed)
        wanted = sorted({slot.module for slot in slots.values() if slot.module})
        files = {PARENT: world.paths.at(found.path or ""), **{name: self._file_of(name) for name in wanted}}
        unreadable = [path for path in files.values() if path.endswith(".zst")]
        if unreadable:
            # As with children by themselves, the kernel has the word then; there is a way back.
            self._notes.append(f"Whether the children fit the new parent was not looked at: {unreadable[0]} is compressed with zstd.")
            return
        linked = {name: linkage.parse(modinfo.uncompressed(path)) for name, path in files.items()}
        reload.check_children(linked.pop(PARENT), linked)

    def _file_of(self, module: str) -> str:
        path = module_tree.find(self._world.paths, self._world.release, module)
        if path is None:
            raise TwostepError(
                "no_module_file", f"No file of {module}, which serves, is installed.", "Build and install it with twostep.hotswap.dkms."
            )
        return path

    def _request(self, parts: tuple[Part, ...]) -> ReloadRequest:
        wanted, now = self._wanted, self._world.now()
        moment = "".join(mark for mark in now[:19] if mark.isdigit())
        reload_id = names.identifier(f"reload-{moment}-{self._token() or '0'}")
        return ReloadRequest(reload_id, wanted.run_id, now, parts, wanted.devices, wanted.units, wanted.device_units)

    def _wait(self, request: ReloadRequest) -> ReloadResult:
        world = self._world
        result = unit.wait(
            lambda: reload_folder.read_result(world.paths, request.reload_id),
            world.run,
            request.reload_id,
            self._wanted.timeout_s,
            world.monotonic_s,
            world.sleep,
            _COMMAND,
        )
        if result is not None:
            return result
        with request_folder.locked(world.paths, self._holder):
            return reload_folder.read_result(world.paths, request.reload_id) or reloads.settle(world, request)

    def _prove(self, after: tuple[ModuleFacts, ...]) -> None:
        """Look ourselves: what the agent says is not enough."""
        for module in after:
            if module.state == "live" and module.loaded.is_same(module.file) is not True:
                raise TwostepError(
                    "not_proven",
                    f"Module {module.name} is {module.loaded}, and its installed file is {module.file}.",
                    "Look whether somebody else works on the modules of this host.",
                )
            wanted = self._wanted.version
            if module.state == "live" and wanted is not None and module.loaded.version not in ("", wanted):
                raise TwostepError(
                    "not_proven",
                    f"Module {module.name} is {module.loaded}, not {wanted}.",
                    "Install that version, and run again: the reload that was found running was for another.",
                )
