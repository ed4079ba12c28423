# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the candidate beside the child that serves, and proves that the kernel has the very build that was checked."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ..core.errors import TwostepError
from ..core.swap_request import SwapRequest
from . import kernel_module
from .world import World

_LOG_LINES = 5


@dataclass(frozen=True)
class Preload:
    """What was done; `loaded` says that the module is ours to unload after a failure."""

    loaded: bool = False


def load(world: World, request: SwapRequest) -> Preload:
    """Load the candidate unless it is there.

    :raises TwostepError: `load_failed`, `other_build`, `not_registered`; then nothing more is loaded than before.
    """
    module = request.module
    if world.status.is_loaded(module):
        if _is_wanted(world, request):
            return Preload()
        child = world.status.child(module)
        if child is not None and child.users:
            raise TwostepError(
                "other_build",
                f"The kernel has another build of {module}, and a slot uses it.",
                "Swap that slot away from it first, or give the new build a version of its own.",
            )
        kernel_module.unload(world.paths, world.run, module)
    try:
        kernel_module.load(world.paths, world.run, module)
    except TwostepError as error:
        raise load_failed(world, module, error) from None
    if not _is_wanted(world, request):
        with contextlib.suppress(TwostepError):
            kernel_module.unload(world.paths, world.run, module)
        raise TwostepError(
            "not_registered",
            f"The module {module} that modprobe loaded is not the {request.family} {request.to_version} of {request.path}.",
            "Run depmod, and look for a second file of that name below /lib/modules.",
        )
    return Preload(True)


def load_failed(world: World, module: str, error: TwostepError) -> TwostepError:
    """Return the error for a module that the kernel did not take, with what the kernel log says about it."""
    lines = kernel_log(world, module)
    return TwostepError(
        "load_failed",
        f"{error.message}{' The kernel log says: ' + ' | '.join(lines) if lines else ''}",
        error.next_step,
        {"cause": error.code, "kernel_log": lines},
    )


def kernel_log(world: World, module: str) -> list[str]:
    """Return the last lines of the kernel log that name a module or the parent."""
    try:
        text = world.run(["dmesg"], timeout_s=10.0).stdout
    except TwostepError:
        return []
    found = [line.strip()[:200] for line in text.splitlines() if module in line or "twostep:" in line]
    return found[-_LOG_LINES:]


def _is_wanted(world: World, request: SwapRequest) -> bool:
    child = world.status.child(request.module)
    if child is None or (child.family, child.version) != (request.family, request.to_version):
        return False
    return not request.srcversion or world.status.loaded_srcversion(request.module) == request.srcversion
