# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules whose name does not change are replaced warm: unloaded and loaded again from their installed files. Decides only.

That is how the parent is upgraded, and any vendor's module that has no parent. `host/reload.py` acts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Mapping, Sequence

from . import consumers, names
from .boot import BootSlot
from .compat_facts import Kernel
from .errors import TwostepError
from .linkage import Linkage
from .module_identity import Identity
from .slots import Slot

PARENT = "twostep"
_DEVICE = re.compile(r"/dev/[A-Za-z0-9][A-Za-z0-9_.:@+/-]{0,199}")
_VERSION = re.compile(r"[!-~]{1,64}")
_MOST_MODULES = 16


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    :ivar modules: in the order in which they are loaded; the other way round they are unloaded.
    :ivar devices: disks that the modules serve, `/dev/...`; who uses them is stopped and brought back.
    :ivar units: of systemd, that use the devices or the modules; stopped first.
    :ivar device_units: of systemd, that make the devices; stopped last.
    :ivar version: that the loaded modules must have afterwards, None for any.
    :ivar one_way: consent to a reload without a way back.
    :ivar cold: a boot of the host does it.
    """

    modules: tuple[str, ...]
    devices: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    device_units: tuple[str, ...] = ()
    version: str | None = None
    one_way: bool = False
    run_id: str = "manual"
    timeout_s: float = 600.0
    cold: bool = False

    @property
    def is_parent(self) -> bool:
        """Return whether it is the parent that is replaced."""
        return self.modules == (PARENT,)


@dataclass(frozen=True)
class ModuleFacts:
    """One module as the kernel has it, and its installed file.

    :ivar state: `absent`, `builtin`, `live`, `coming` or `going`.
    :ivar holders: modules that use it.
    :ivar kept: a copy of the file of what is loaded, None without one.
    :ivar problem: why the file cannot be read.
    :ivar vermagic: of the file, and whether it is `signed`.
    """

    name: str
    state: str = "absent"
    loaded: Identity = field(default_factory=Identity)
    path: str | None = None
    file: Identity = field(default_factory=Identity)
    holders: tuple[str, ...] = ()
    kept: str | None = None
    problem: str = ""
    vermagic: str = ""
    signed: bool = False


@dataclass(frozen=True)
class Part:
    """One module that is replaced: the builds before and after, the installed file, and a copy of the old one (empty without)."""

    name: str
    old: Identity
    new: Identity
    path: str
    kept: str = ""


def wish(
    modules: object,
    devices: Sequence[object] = (),
    units: Sequence[object] = (),
    device_units: Sequence[object] = (),
    version: object = None,
    one_way: bool = False,
    run_id: object = None,
    timeout_s: float = 600.0,
    cold: bool = False,
) -> Wish:
    """Return the checked wish.

    :raises TwostepError: `no_modules`, `bad_module`, `module_twice`, `parent_alone`, `bad_device`, `bad_unit`, `bad_module_version`, or
        `bad_id`.
    """
    if not isinstance(modules, (list, tuple)) or not 0 < len(modules) <= _MOST_MODULES:
        raise TwostepError("no_modules", f"modules is not a list of 1 to {_MOST_MODULES} names.", "Name the modules in their load order.")
    found = tuple(names.kernel_module(name) for name in modules)
    if len(set(found)) != len(found):
        raise TwostepError("module_twice", "A module is named twice.", "Name each module once, in the order in which they are loaded.")
    if any(name == PARENT or name.startswith(f"{PARENT}_") for name in found) and (found != (PARENT,) or devices or device_units):
        raise TwostepError(
            "parent_alone",
            "The parent is upgraded alone: no module beside it, and no devices, for it knows its slots.",
            "Reload twostep by itself; children are upgraded with twostep.hotswap.swap.",
        )
    for device in devices:
        if not isinstance(device, str) or _DEVICE.fullmatch(device) is None or ".." in device:
            raise TwostepError(
                "bad_device", f"device {str(device)[:80]!r} is no path below /dev.", "Write the path of a disk, e.g. /dev/sdb."
            )
    if version is not None and (not isinstance(version, str) or _VERSION.fullmatch(version) is None):
        raise TwostepError(
            "bad_module_version", f"version {str(version)[:80]!r} is no version.", "Quote what modinfo shows as the version of the file."
        )
    return Wish(
        found,
        tuple(str(device) for device in devices),
        tuple(consumers.unit(unit) for unit in units),
        tuple(consumers.unit(unit) for unit in device_units),
        version,
        one_way,
        "manual" if run_id is None else names.identifier(run_id),
        timeout_s,
        cold,
    )


def plan(wanted: Wish, found: Sequence[ModuleFacts], kernel: Kernel) -> tuple[Part, ...]:
    """Return what is to be replaced, in the order in which it is loaded; empty where the kernel has what is installed.

    If one of the loaded modules differs, all of them go: those above it use it. A module that is not loaded is left alone. For the cold way
    nothing needs to let go, and no copy is asked for.

    :raises TwostepError: `module_builtin`, `module_unsettled`, `no_module_file`, `identity_unknown`, `other_module_version`,
        `wrong_kernel`, `unsigned`; for the warm way `modules_disabled`, `module_held`, `no_way_back`, too.
    """
    live = [module for module in found if module.state != "absent"]
    for module in live:
        _check_file(module)
    for module in found if wanted.version is not None else []:
        if module.file.version not in ("", wanted.version):
            raise TwostepError(
                "other_module_version",
                f"The installed file of {module.name}, {module.path}, is {module.file.version}, not {wanted.version}.",
                "Install that version first; after a way back the package may have to be installed again.",
                {"module": module.name, "found": module.file.version},
            )
    if all(module.loaded.is_same(module.file) for module in live):
        return ()
    if kernel.modules_disabled and not wanted.cold:
        raise TwostepError(
            "modules_disabled",
            "kernel.modules_disabled is 1: no module can be unloaded or loaded until the next boot.",
            "Take the cold way: it installs, and boots the host.",
        )
    for module in live:
        if not module.loaded.is_same(module.file):
            _check_kernel(module, kernel)
    for module in [] if wanted.cold else live:
        others = [name for name in module.holders if name not in wanted.modules and not (wanted.is_parent and _is_child(name))]
        if others:
            raise TwostepError(
                "module_held",
                f"Module {module.name} is used by {', '.join(others)}.",
                "Name those among the modules, too, after it; or unload them with a hook.",
                {"module": module.name, "holders": others},
            )
        # A module that does not change is its own way back.
        if not module.kept and not module.loaded.is_same(module.file) and not wanted.one_way:
            raise no_way_back(module)
    return tuple(Part(module.name, module.loaded, module.file, module.path or "", module.kept or "") for module in live)


def check_booted(wanted: Wish, found: Sequence[ModuleFacts], kernel: Kernel) -> None:
    """See that the kernel has what is installed, all of it.

    :raises TwostepError: `not_booted`, or as `plan`.
    """
    missing = {module.name for module in found if module.state == "absent"} | {part.name for part in plan(wanted, found, kernel)}
    if missing:
        raise TwostepError(
            "not_booted",
            f"The kernel has not the installed {', '.join(sorted(missing))}.",
            "Boot the host; after a boot, see in its kernel log why they were not loaded.",
            {"modules": sorted(missing)},
        )


def _check_kernel(module: ModuleFacts, kernel: Kernel) -> None:
    """Find out before anybody is stopped what the kernel would refuse."""
    data = {"module": module.name}
    if kernel.vermagic and module.vermagic and _magic(kernel.vermagic) != _magic(module.vermagic):
        raise TwostepError(
            "wrong_kernel",
            f"The installed file of {module.name}, {module.path}, is built for {module.vermagic!r}; the kernel wants {kernel.vermagic!r}.",
            "Build it for the running kernel.",
            data,
        )
    if kernel.wants_signature and not module.signed:
        raise TwostepError(
            "unsigned",
            f"The installed file of {module.name}, {module.path}, is not signed, and {kernel.wants_signature}.",
            "Sign it with a key that the kernel trusts.",
            data,
        )


def _magic(text: str) -> list[str]:
    """Return what the kernel compares: without the release, where symbols have checksums (kernel/module/version.c, same_magic)."""
    words = text.split()
    return words[1:] if "modversions" in words else words


def _is_child(name: str) -> bool:
    return name.startswith(f"{PARENT}_")


def _check_file(module: ModuleFacts) -> None:
    data = {"module": module.name}
    if module.state == "builtin":
        raise TwostepError("module_builtin", f"{module.name} is built into the kernel.", "It changes with the kernel only.", data)
    if module.state != "live":
        raise TwostepError(
            "module_unsettled", f"Module {module.name} is {module.state} at this moment.", "Look at the kernel log, and run again.", data
        )
    if module.path is None or module.problem:
        raise TwostepError(
            "no_module_file",
            f"Module {module.name} is loaded, but its file cannot be had: {module.problem or 'modinfo finds none'}.",
            "Install the module for the running kernel, and run depmod.",
            data,
        )
    if module.loaded.is_same(module.file) is None:
        raise TwostepError(
            "identity_unknown",
            f"Whether the kernel has the {module.name} of {module.path} cannot be told: there is no build ID, nor a srcversion.",
            "Build it with a linker that writes build IDs (--build-id), as the kernel's own Makefile asks for.",
            data,
        )


def no_way_back(module: ModuleFacts) -> TwostepError:
    """Return the error for a loaded module of which no file is left."""
    return TwostepError(
        "no_way_back",
        f"No file of the {module.name} that is loaded, {module.loaded}, is kept or installed: it could not be brought back.",
        "Keep it (state: kept) before another version is installed; or consent with one_way.",
        {"module": module.name},
    )


def check_slots(slots: Mapping[str, Slot], boot: Mapping[str, BootSlot], trials: Sequence[str]) -> None:
    """See that the parent's slots come back as they are, since they are brought up again from their boot configuration.

    What does not come up keeps everybody down, so that none may be configured either that is not up now.

    :raises TwostepError: `slot_not_up`, `slot_unsettled`, `slot_not_configured`.
    """
    for name in sorted(set(boot) - set(slots)):
        raise TwostepError(
            "slot_not_up",
            f"Slot {name} is in the boot configuration, but does not exist: whether it can be brought up is unknown.",
            "Bring it up, or remove it, with twostep.hotswap.parent.",
            {"slot": name},
        )
    for name, slot in sorted(slots.items()):
        if slot.state != "serving" or slot.parked or name in trials:
            what = f"{slot.parked} is parked" if slot.parked else "a version is on trial" if name in trials else f"it is {slot.state}"
            raise TwostepError(
                "slot_unsettled",
                f"Slot {name} is not settled: {what}.",
                "End that first: commit the swap, or take it back; slots of a rehearsal go with it.",
                {"slot": name},
            )
        wanted = boot.get(name)
        if wanted is None or (wanted.family, wanted.version, wanted.params) != (slot.family, slot.version, slot.params or ""):
            raise TwostepError(
                "slot_not_configured",
                f"Slot {name} serves {slot.family} {slot.version}, which is not what its boot configuration has.",
                "Write it with twostep.hotswap.parent and boot: true, or commit what serves with twostep.hotswap.swap.",
                {"slot": name},
            )


def check_children(parent: Linkage, children: Mapping[str, Linkage]) -> None:
    """See that the files of the children can be loaded above the new parent.

    :raises TwostepError: `child_does_not_fit`.
    """
    for name, child in sorted(children.items()):
        for symbol in child.needs:
            if not symbol.startswith(f"{PARENT}_"):
                continue
            built, given = (child.versions or {}).get(symbol), parent.exported.get(symbol)
            if symbol in parent.exported and (built is None or given is None or built == given):
                continue
            why = "has another checksum for" if symbol in parent.exported else "does not export"
            raise TwostepError(
                "child_does_not_fit",
                f"The installed parent {why} {symbol}, which {name} needs.",
                "Build that child against the new parent under a version of its own, and go there cold; or keep the old parent.",
                {"module": name, "symbol": symbol},
            )
