# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction of one reload on this host, a phase after the other, each with its lines in the ledger: prepare, take_down, unload, load,
bring_back, initramfs, redundancy.

A failure before `initramfs` ends with the old modules loaded and everybody back, or the result says exactly what stands. Who is stopped is
written down before the first is; whoever finds that without a result brings everybody back.
"""

from __future__ import annotations

from ..core import consumers as lists
from ..core.consumers import Consumer
from ..core.errors import TwostepError
from ..core.reload_request import ReloadRequest, ReloadResult
from . import consumers, initramfs_builds, kept_modules, module_set, module_state, reload_folder
from .phases import Phases
from .preload import kernel_log
from .world import World

_REDUNDANCY_S = 3600.0


def who_uses(world: World, request: ReloadRequest) -> tuple[Consumer, ...]:
    """Return who is stopped for a reload, in that order: the users of the disks, then the units that make the disks.

    :raises TwostepError: what cannot be stopped, or not without losing the last copy of something.
    """
    disks = [consumers.disk_at(world.paths, device) for device in request.devices]
    if request.is_parent:
        disks = [consumers.disk_of(slot) for slot in world.status.slot_names()]
    found = lists.plan(consumers.look(world, disks, request.units))
    makers = (Consumer("unit", name) for name in request.device_units)
    return (*found, *(one for one in makers if consumers.is_there(world, one)))


def stands(world: World, request: ReloadRequest) -> str:
    """Return one sentence about the modules."""
    told = []
    for part in request.parts:
        found = module_state.look(world.paths, world.run, world.release, part.name)
        which = ", the old one" if found.loaded.is_same(part.old) else ""
        told.append(f"{part.name} is {found.loaded}{which}" if found.state == "live" else f"{part.name} is not loaded")
    return f"{'; '.join(told)}."


class Transaction:
    """One request, performed once."""

    def __init__(self, world: World, request: ReloadRequest) -> None:
        self._world = world
        self._request = request
        self._set = module_set.of(world, request.modules)
        self._phases = Phases(world, request.run_id, request.reload_id)
        self._consumers: tuple[Consumer, ...] = ()
        self.notes: list[str] = []  # for the result

    def perform(self) -> ReloadResult:
        """Do what was asked and return how it ended; a failure is a result too.

        :raises TwostepError: when what was stopped for it is not back; the next call goes on with that.
        """
        phase = self._phases.phase
        try:
            with phase("prepare") as told:
                told["consumers"] = self._prepare()
        except TwostepError as error:
            return self._result("failed", error)
        try:
            with phase("take_down"):
                self._take_down()
            with phase("unload"):
                self._set.remove()
            with phase("load") as told:
                told["modules"] = self._load()
            with phase("bring_back"):
                consumers.restore_all(self._world, self._consumers)
        except TwostepError as error:
            return self._go_back(self._phases.current, error)
        try:
            # Before the copies, which may take an hour: a boot in it has to load what has served meanwhile.
            with phase("initramfs") as told:
                told["made"] = self._follow()
            with phase("redundancy"):
                consumers.await_redundancy(self._world, self._consumers, _REDUNDANCY_S)
        except TwostepError as error:
            return self._result("failed", error)
        return self._result("reloaded")

    def recover(self) -> str:
        """After a death at any point: modules are loaded, and everybody is back. Return one sentence about it.

        It goes on to the new modules, unless a way back had begun, some of the old ones are left, or the new ones do not do.

        :raises TwostepError: what could not be brought back; it can be tried again.
        """
        text = reload_folder.requests(self._world.paths).read(self._request.reload_id, "consumers.json")
        if text is None:
            return ""
        where = reload_folder.requests(self._world.paths).path(self._request.reload_id, "consumers.json")
        self._consumers = lists.parse(text, where)
        missing = [one for one in self._consumers if not consumers.is_there(self._world, one)]
        if self._is_torn() or not self._goes_on():
            self._fall_back()
        self._try_to_follow()
        return f" Brought back: {', '.join(map(str, missing))}." if missing else ""

    def _goes_on(self) -> bool:
        """Load what is not loaded, and bring everybody back; return whether that could be had, with the new modules."""
        try:
            self._set.insert()
            consumers.restore_all(self._world, self._consumers)
        except TwostepError:
            if self._is_old():
                raise
            return False
        return True

    def _prepare(self) -> list[str]:
        """See that all is as it was when the request was made, and write down who is stopped; changes nothing else."""
        world, request = self._world, self._request
        for part in request.parts:
            found = module_state.look(world.paths, world.run, world.release, part.name)
            if found.state != "live" or not found.loaded.is_same(part.old) or not found.file.is_same(part.new):
                raise TwostepError(
                    "stale_reload",
                    f"{part.name} is no longer as it was when this was asked for.",
                    "Run the same task again: it looks afresh.",
                )
        self._consumers = who_uses(world, request)
        reload_folder.requests(world.paths).put(request.reload_id, "consumers.json", lists.render(self._consumers))
        return [str(one) for one in self._consumers]

    def _take_down(self) -> None:
        """Stop everybody; a unit that was to remove a disk has failed where that is still there, whatever systemd says of the unit."""
        consumers.release_all(self._world, self._consumers)
        for device in self._request.devices if self._request.device_units else ():
            if consumers.is_disk(self._world.paths, device):
                raise TwostepError(
                    "consumer_not_stopped",
                    f"{device} is still there after {', '.join(self._request.device_units)} was stopped.",
                    "See what keeps it open (fuser, lsof), stop that with twostep_hook_before_swap, and run again.",
                    {"device": device},
                )

    def _load(self) -> dict[str, str]:
        world = self._world
        try:
            self._set.insert()
        except TwostepError as error:
            lines = kernel_log(world, self._request.modules[0])
            said = f" The kernel log says: {' | '.join(lines)}" if lines else ""
            raise TwostepError("load_failed", f"{error.message}{said}", error.next_step, {"cause": error.code}) from None
        for part in self._request.parts:
            found = module_state.loaded(world.paths, part.name)
            if found.is_same(part.new) is not True:
                raise TwostepError(
                    "not_proven",
                    f"Module {part.name} was loaded, but is {found}, not the {part.new} of {part.path}.",
                    "Run depmod, and look for a second file of that name below /lib/modules.",
                )
        return {part.name: str(part.new) for part in self._request.parts}

    def _go_back(self, failed: str, cause: TwostepError) -> ReloadResult:
        try:
            with self._phases.phase("go_back", recorded=False):
                if not self._is_old():
                    self._fall_back()
                else:
                    if failed != "take_down":
                        self._set.insert()  # slots of the parent may be down though it is loaded
                    consumers.restore_all(self._world, self._consumers)
        except TwostepError as stuck:
            # Without a result whoever comes next goes on with that, before anything else.
            raise TwostepError(
                stuck.code, f"{cause.message} Not everything is back: {stuck.message}", stuck.next_step, stuck.data
            ) from None
        self._try_to_follow()
        return self._result("returned" if self._is_old() else "failed", cause)

    def _fall_back(self) -> None:
        """Have the old modules, and everybody back on them."""
        consumers.release_all(self._world, self._consumers)
        self._restore_old()
        consumers.restore_all(self._world, self._consumers)

    def _restore_old(self) -> None:
        """Load the old modules from their copies, which also are installed again; without copies what is installed has to do."""
        world, request = self._world, self._request
        found = [(part, module_state.look(world.paths, world.run, world.release, part.name)) for part in request.parts]
        # One that is gone and has no copy comes back as a new one, and old and new must not stand side by side.
        is_had = all(part.kept or part.old.is_same(part.new) or module.loaded.is_same(part.old) for part, module in found)
        if any(module.state != "absent" and not (is_had and module.loaded.is_same(part.old)) for part, module in found):
            self._set.remove()
        for part in request.parts:
            if is_had and part.kept and not part.old.is_same(part.new):
                kept_modules.put_back(world.paths, world.run, world.release, part)
                self.notes.append(f"The file {part.path} is {part.old} again: install the package again before the next try.")
        self._set.insert()

    def _follow(self) -> bool:
        """See that the initramfs of the running kernel has what is installed; return whether it was made again."""
        found = initramfs_builds.follow(self._world.paths, self._world.run, self._world.release, self._request.modules)
        if found.problem:
            self.notes.append(f"Whether {found.path} has the modules was not looked at: {found.problem}.")
        return bool(found.stale)

    def _try_to_follow(self) -> None:
        """As `_follow` after a way back, which it cannot fail any more: everybody is back. The next call makes up for it."""
        world = self._world
        found = [module_state.look(world.paths, world.run, world.release, name) for name in self._request.modules]
        if not all(module.loaded.is_same(module.file) for module in found):
            return  # what is installed is still to be loaded, and then the initramfs follows
        try:
            with self._phases.phase("initramfs", recorded=False) as told:
                told["made"] = self._follow()
        except TwostepError as error:
            self.notes.append(f"{error.message} Next: {error.next_step}")

    def _is_torn(self) -> bool:
        """Return whether some of the old modules are loaded or installed, but not all: what is installed may not fit what is loaded.

        After a boot all may be loaded though not all are installed again: by the initramfs.
        """
        world = self._world
        parts = [part for part in self._request.parts if not part.old.is_same(part.new)]
        found = [(part, module_state.look(world.paths, world.run, world.release, part.name)) for part in parts]
        installed = [module.file.is_same(part.old) is True for part, module in found]
        if self._is_old():
            return any(installed) and not all(installed)
        return any(installed) or any(module.loaded.is_same(part.old) for part, module in found)

    def _is_old(self) -> bool:
        paths = self._world.paths
        return all(module_state.loaded(paths, part.name).is_same(part.old) is True for part in self._request.parts)

    def _result(self, outcome: str, error: TwostepError | None = None) -> ReloadResult:
        request = self._request
        return ReloadResult(
            reload_id=request.reload_id,
            run_id=request.run_id,
            outcome=outcome,
            code=error.code if error else "",
            message=f"{error.message} {stands(self._world, request)}" if error else "",
            next_step=error.next_step if error else "",
            phases=tuple(self._phases.done),
            notes=tuple(self.notes),
        )


def settle(world: World, request: ReloadRequest) -> ReloadResult:
    """Write and return a result for a request whose agent is gone.

    :raises TwostepError: what it stopped cannot be brought back; then there is no result, and the next call tries again.
    """
    transaction = Transaction(world, request)
    phases = Phases(world, request.run_id, request.reload_id)
    with phases.phase("settle", recorded=False) as told:
        brought_back = transaction.recover()
        message = f"The agent of reload {request.reload_id} ended without an answer. {stands(world, request)}{brought_back}"
        told["message"] = message[:1000]
    result = ReloadResult(
        request.reload_id,
        request.run_id,
        "failed",
        "agent_died",
        message,
        "Run the same task again: it looks afresh.",
        tuple(phases.done),
        tuple(transaction.notes),
    )
    reload_folder.write_result(world.paths, result)
    return result
