# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the initramfs of a kernel made again by what makes it on this host. The old one stands, whole, until the new one is proven."""

from __future__ import annotations

import contextlib
import os
from typing import Callable

from ..core import names
from ..core.early_scripts import DRACUT, INITRAMFS_TOOLS
from ..core.errors import TwostepError
from . import initramfs
from .ledger import sync_folder
from .paths import Paths
from .runner import Run

_MAKERS = {INITRAMFS_TOOLS: "/usr/share/initramfs-tools/hook-functions", DRACUT: "/usr/lib/dracut/dracut-functions.sh"}
_TIMEOUT_S = 900
# timeout(1) ends all that a maker has started: one that goes on alone would write into the file of the next.
BOUNDED = ["timeout", "--kill-after=30", str(_TIMEOUT_S)]


def maker(paths: Paths) -> str:
    """Return what makes the initramfs of this host.

    :raises TwostepError: `no_initramfs_maker`.
    """
    for name, proof in _MAKERS.items():
        if os.path.exists(paths.at(proof)):
            return name
    raise TwostepError(
        "no_initramfs_maker",
        "Neither initramfs-tools nor dracut is installed.",
        "Install one of them; slots can also do without early: true, and an initramfs without the modules.",
    )


def make(paths: Paths, run: Run, release: str, prove: Callable[[str], None]) -> None:
    """Make it again. One at a time: the caller holds the lock of `early.locked`.

    update-initramfs makes a file beside the old one, and moves it there; only it knows what a boot loader wants done after that. dracut
    copies over the old one, so it is given a file beside it, which replaces the old one once it is proven.

    :param prove: is given the path of the new one, and raises what is wrong with it.
    :raises TwostepError: `no_initramfs_maker`, `initramfs_failed`, `write_failed`, or what `prove` raises.
    """
    path, tool = initramfs.path_of(paths, release), maker(paths)
    if tool == DRACUT and path is not None:
        _beside(path, run, release, prove)
        return
    argv = ["update-initramfs", "-u", "-k", names.kernel(release)]
    _run(run, argv if tool == INITRAMFS_TOOLS else ["dracut", "--force", "--kver", names.kernel(release)], release)
    made = initramfs.path_of(paths, release)
    if made is None:
        raise TwostepError(
            "not_proven",
            f"The initramfs of {release} was made, but there is none in {paths.boot}.",
            "Look where the boot loader of this host has it.",
            {"kernel": release},
        )
    _sync(made)
    prove(made)


def _beside(path: str, run: Run, release: str, prove: Callable[[str], None]) -> None:
    draft = f"{path}.twostep-new"
    try:
        _run(run, ["dracut", "--force", draft, names.kernel(release)], release)
        prove(draft)
        _sync(draft)
        os.replace(draft, path)
        sync_folder(os.path.dirname(path))
    except OSError as error:
        raise _not_written(path, error) from None
    finally:
        with contextlib.suppress(OSError):  # it has replaced the old one, or dracut has not come so far
            os.unlink(draft)


def _run(run: Run, argv: list[str], release: str) -> None:
    answer = run([*BOUNDED, *argv], timeout_s=_TIMEOUT_S + 60.0)
    if answer.rc != 0:
        said = (answer.stderr or answer.stdout).strip()[-300:].rstrip(".")
        raise TwostepError(
            "initramfs_failed",
            f"{argv[0]} exited {answer.rc} for {release}: {said}.",
            f"See that there is room in /boot, and run it by hand: {' '.join(argv)}.",
            {"kernel": release, "output": (answer.stdout + answer.stderr)[-2000:]},
        )


def _sync(path: str) -> None:
    """Have a new file on the disk, with its name."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(os.path.dirname(path))
    except OSError as error:
        raise _not_written(path, error) from None


def _not_written(path: str, error: OSError) -> TwostepError:
    return TwostepError(
        "write_failed", f"{path} cannot be written: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
    )
