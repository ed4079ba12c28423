# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has an initramfs the builds of modules that are installed? Where it carries another one, it is made again: a boot would load that one.

The files themselves are compared, as what is loaded is: neither times nor versions tell builds apart. For that it is unpacked.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import Iterator, Sequence

from ..core.errors import TwostepError
from ..core.initramfs import module_of, which_in
from . import early, initramfs, initramfs_maker, module_state
from .paths import Paths
from .runner import Run

_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Carried:
    """What an initramfs carries of some modules.

    :ivar stale: those of which it has another build than the installed one.
    :ivar problem: why that cannot be told: no program is there that lists it.
    """

    path: str = ""
    stale: tuple[str, ...] = ()
    problem: str = ""


def look(paths: Paths, run: Run, release: str, modules: Sequence[str]) -> Carried:
    """Return what the initramfs of a kernel carries of modules. It takes seconds.

    :raises TwostepError: `initramfs_unreadable`, or as `early.locked`.
    """
    path = initramfs.path_of(paths, release)
    if path is None:
        return Carried()
    listed = _list(path, run, modules)
    if not listed.inside:
        return Carried(path, problem=listed.problem)
    with early.locked(paths):
        return Carried(path, _stale(paths, run, release, listed, path))


def follow(paths: Paths, run: Run, release: str, modules: Sequence[str]) -> Carried:
    """Make the initramfs again if it has other builds than are installed; return what it carried before.

    :raises TwostepError: `initramfs_lags`, or as `look` and `initramfs_maker.make`; the old one is there then.
    """
    found = look(paths, run, release, modules)
    if found.stale:
        with early.locked(paths):
            initramfs_maker.make(paths, run, release, lambda path: _prove(paths, run, release, modules, path))
    return found


def _prove(paths: Paths, run: Run, release: str, modules: Sequence[str], path: str) -> None:
    listed = _list(path, run, modules)
    left = _stale(paths, run, release, listed, path) if listed.inside else ()
    if left:
        raise TwostepError(
            "initramfs_lags",
            f"{path} was made again, but has still another build of {', '.join(left)} than is installed.",
            "Look at the hooks of the initramfs for the file that they take, and make it again.",
            {"modules": list(left)},
        )


@dataclass(frozen=True)
class _Listed:
    program: str = ""
    inside: tuple[str, ...] = ()
    problem: str = ""


def _list(path: str, run: Run, modules: Sequence[str]) -> _Listed:
    listed = initramfs.listing(path, run)
    if listed.lines is not None:
        return _Listed(listed.program, which_in(listed.lines, modules))
    if listed.program:
        raise _unreadable(path, listed.problem)
    return _Listed(problem=listed.problem.rstrip("."))


def _stale(paths: Paths, run: Run, release: str, listed: _Listed, path: str) -> tuple[str, ...]:
    """Return the modules of which an initramfs has another build than the installed one. The caller holds the lock."""
    with _unpacked(paths, run, listed.program, path) as folder:
        files = _files(folder, listed.inside)
        missing = sorted(set(listed.inside) - {module for module, _file in files})
        if missing:
            raise _unreadable(path, f"it lists {missing[0]}, but that was not unpacked.")
        return tuple(sorted({module for module, file in files if not _is_installed(paths, run, release, module, file)}))


def _is_installed(paths: Paths, run: Run, release: str, module: str, file: str) -> bool:
    installed = module_state.installed(run, release, module)
    if installed is None:
        return False
    try:
        return module_state.identity_of(file, run).is_same(module_state.identity_of(paths.at(installed), run)) is True
    except TwostepError:
        return False  # made again it has what can be read, or it is told


def _files(folder: str, modules: Sequence[str]) -> list[tuple[str, str]]:
    """Return the modules that lie below a folder, with their files."""
    found = []
    for where, _folders, names in os.walk(folder):
        for name in names:
            module, path = module_of(name), os.path.join(where, name)
            if module is not None and module in modules and not os.path.islink(path):
                found.append((module, path))
    return found


@contextlib.contextmanager
def _unpacked(paths: Paths, run: Run, program: str, path: str) -> Iterator[str]:
    """Give the folder into which an initramfs is unpacked; there is one, so that a process that dies leaves one at most.

    :raises TwostepError: `initramfs_unreadable`.
    """
    folder = os.path.join(paths.early, ".unpacked")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        try:
            os.makedirs(folder, mode=0o700)
        except OSError as error:
            raise _unreadable(path, f"{folder} cannot be made: {error.strerror}.") from None
        # lsinitrd unpacks to where it is.
        argv = ["unmkinitramfs", path, folder] if program == "lsinitramfs" else ["env", "-C", folder, "lsinitrd", "--unpack", path]
        answer = run(argv, timeout_s=_TIMEOUT_S)
        if answer.rc != 0:
            raise _unreadable(path, f"{argv[0]} exited {answer.rc}: {(answer.stderr or answer.stdout).strip()[-200:]}.")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unreadable(path: str, problem: str) -> TwostepError:
    return TwostepError(
        "initramfs_unreadable",
        f"Which build of the modules {path} has cannot be told: {problem}",
        "See that there is room in /var and that the file is whole; make it again by hand (update-initramfs -u, or dracut -f).",
        {"path": path},
    )
