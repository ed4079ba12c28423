# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVMe multipath: is every namespace reached over two paths, through two addresses?

Judges a snapshot of sysfs; its words follow drivers/nvme/host/{sysfs,multipath,fabrics}.c of Linux 6.1 and newer. The kernel uses a path
whose controller is live and whose ANA state is optimized or non-optimized; one of a target without ANA has no such state.
"""

from __future__ import annotations

from dataclasses import dataclass

from .health import NOT_OK, OK, UNKNOWN, Finding, combine

# What is plugged into this host; everything else is a fabric.
LOCAL = ("pcie", "apple-nvme")
DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"
NO_ANA = "no ANA"
_USABLE = (NO_ANA, "optimized", "non-optimized")
_ANA = (*_USABLE, "inaccessible", "persistent-loss", "change")
_STATES = ("live", "new", "resetting", "connecting", "deleting", "deleting (no IO)", "dead")


@dataclass(frozen=True)
class Controller:
    """One controller of a subsystem as its files say; None where one cannot be read."""

    name: str
    transport: str | None
    state: str | None
    address: str | None


@dataclass(frozen=True)
class Path:
    """One path to a namespace; ``ana`` is `NO_ANA` where its target has none, None where it cannot be read."""

    name: str
    controller: str
    ana: str | None


@dataclass(frozen=True)
class Namespace:
    """A namespace, with all controllers of its subsystem. One without a ``head`` is used over a single path, whatever there is."""

    name: str
    head: bool
    controllers: tuple[Controller, ...]
    paths: tuple[Path, ...]


def is_local(controllers: tuple[Controller, ...]) -> bool:
    """Return whether all controllers are devices of this host."""
    return all(controller.transport in LOCAL for controller in controllers)


def target(controller: Controller) -> str | None:
    """Return the address of the port at the far end, or None where it is not told."""
    if controller.transport in LOCAL:
        return controller.address or None
    parts = dict(part.split("=", 1) for part in (controller.address or "").split(",") if "=" in part)
    return parts.get("traddr") or None


def told(namespace: Namespace) -> Finding:
    """Do all controllers and paths tell their state in words that are known?"""
    for controller in namespace.controllers:
        if not controller.transport or controller.state not in _STATES:
            return Finding(UNKNOWN, f"Controller {controller.name} of {namespace.name} does not tell its state.")
    known = [controller.name for controller in namespace.controllers]
    for path in namespace.paths:
        if path.controller not in known:
            return Finding(UNKNOWN, f"Path {path.name} has no controller in the subsystem of {namespace.name}.")
        if path.ana not in _ANA:
            return Finding(UNKNOWN, f"Path {path.name} does not tell its state.")
    return Finding(OK, f"All {len(namespace.paths)} paths of {namespace.name} tell their state.")


def live(namespace: Namespace) -> Finding:
    """Are all controllers of the subsystem live?"""
    troubles = [
        Finding(NOT_OK, f"Controller {controller.name} of {namespace.name} is {controller.state}, not live.")
        for controller in namespace.controllers
        if controller.state != "live"
    ]
    return combine(troubles or [Finding(OK, f"All {len(namespace.controllers)} controllers of {namespace.name} are live.")])


def usable(namespace: Namespace) -> list[Controller]:
    """Return the controllers over which the kernel can use the namespace now."""
    by_name = {controller.name: controller for controller in namespace.controllers if controller.state == "live"}
    return [by_name[path.controller] for path in namespace.paths if path.controller in by_name and path.ana in _USABLE]


def redundant(namespace: Namespace) -> Finding:
    """Are two paths in use, through two addresses? Then one stays, whichever host stalls."""
    name, ways = namespace.name, usable(namespace)
    if len(ways) < 2:
        states = ", ".join(f"{path.name}: {path.ana}" for path in namespace.paths[:16])
        return Finding(NOT_OK, f"{name} has {len(ways)} usable paths of {len(namespace.paths)}, and needs 2 ({states}).")
    addresses = [target(controller) for controller in ways]
    different = sorted({address for address in addresses if address is not None})
    if len(different) > 1:
        return Finding(OK, f"{name} has {len(ways)} usable paths through {len(different)} addresses.")
    if None in addresses:
        return Finding(UNKNOWN, f"The paths of {name} do not all tell their address.")
    through = f"both go through {different[0]}" if len(ways) == 2 else f"all {len(ways)} go through {different[0]}"
    return Finding(NOT_OK, f"{name} has {len(ways)} usable paths, but {through}.")


def judge(namespace: Namespace) -> Finding:
    """Return the finding of one sample."""
    all_told = told(namespace)
    if all_told.verdict != OK:
        return all_told
    if not namespace.head:
        return Finding(NOT_OK, f"{namespace.name} has one path only: the kernel's multipath does not hold it.")
    if not namespace.paths:
        return Finding(NOT_OK, f"{namespace.name} has no path.")
    return combine([all_told, live(namespace), redundant(namespace)])


def evidence(namespace: Namespace) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    return {
        "controllers": [[one.name, one.transport, one.state, one.address] for one in namespace.controllers[:16]],
        "paths": [[path.name, path.ana] for path in namespace.paths[:16]],
    }
