# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel is installed: has it the versions that the boot configuration names? DKMS builds only the newest one of each package by itself.

Runs from /etc/kernel/postinst.d, after DKMS's own script and before the initramfs is made; run-parts(8) goes by names.
"""

from __future__ import annotations

import os

from ..core import names
from ..core.boot import render_kernel_script
from ..core.errors import TwostepError
from . import boot, dkms_lock, module_tree, whole_file
from .paths import Paths
from .runner import Run

_SCRIPT = "/etc/kernel/postinst.d/dkms-twostep"
_TIMEOUT_S = 3600.0


def prepare(paths: Paths, run: Run, release: str) -> list[TwostepError]:
    """Have DKMS build and install for a kernel what it has not yet; return what could not be had. Nothing else is touched.

    :raises TwostepError: `bad_boot_config`, `dkms_busy`.
    """
    problems = []
    with dkms_lock.held(paths):
        for family, version in sorted({(slot.family, slot.version) for slot in boot.read_slots(paths)}):
            try:
                _install(paths, run, release, family, version)
            except TwostepError as error:
                problems.append(error)
    return problems


def _install(paths: Paths, run: Run, release: str, family: str, version: str) -> None:
    module = names.child_module(family, version)
    if module_tree.has(paths, release, module):
        return
    argv = ["dkms", "install", "-m", names.child_package(family), "-v", version, "-k", names.kernel(release)]
    answer = run(argv, timeout_s=_TIMEOUT_S)
    if not module_tree.has(paths, release, module):
        said = (answer.stderr or answer.stdout).strip()[-300:]
        raise TwostepError(
            "not_built",
            f"{module} is not there for {release}: dkms install exited {answer.rc}: {said}.",
            f"Build it with twostep.hotswap.dkms and {release} in kernels, before this kernel is booted.",
            {"module": module, "kernel": release},
        )


def _belongs(paths: Paths) -> bool:
    """Return whether the host's packages of kernels run such scripts."""
    return os.path.isdir(os.path.dirname(paths.at(_SCRIPT)))


def is_current(paths: Paths, agent: str) -> bool:
    """Return whether the script is in place, where there is a place for it, and runs `agent`."""
    return not _belongs(paths) or whole_file.read(paths.at(_SCRIPT)) == render_kernel_script(agent, boot.PYTHON)


def install(paths: Paths, agent: str) -> None:
    """Put the script in place, where there is a place for it.

    :raises TwostepError: `write_failed`.
    """
    if _belongs(paths):
        whole_file.write(paths.at(_SCRIPT), render_kernel_script(agent, boot.PYTHON), 0o755, 0o755)


def remove(paths: Paths) -> None:
    """Remove the script; it may be gone already."""
    whole_file.remove(paths.at(_SCRIPT))
