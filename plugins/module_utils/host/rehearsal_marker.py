# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsal at a time, and a marker of what it makes, so that the next one can remove what a killed one left."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from typing import Iterator

from ..core import names, rehearsal
from ..core.errors import TwostepError
from . import kernel_module, request_folder
from .paths import Paths
from .world import World

_FILE = "rehearsal.json"
_MAX_BYTES = 4096
DRIVERS = ("loop", "nbd")


@dataclass(frozen=True)
class Marker:
    """What a rehearsal makes: its slot, and the modules that are not there before it, the last one first."""

    slot: str
    modules: tuple[str, ...]


def _path(paths: Paths) -> str:
    return os.path.join(paths.state, _FILE)


@contextlib.contextmanager
def alone(paths: Paths) -> Iterator[None]:
    """Keep other rehearsals from this host, or raise `rehearsal_running`. The lock is the folder's: no file is made for it."""
    try:
        os.makedirs(paths.state, mode=0o700, exist_ok=True)
        handle = os.open(paths.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise TwostepError(
            "write_failed", f"{paths.state} cannot be used: {error.strerror}.", "Look at the filesystem of the host.", {"path": paths.state}
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise TwostepError(
            "rehearsal_running", "Another rehearsal runs on this host.", "Wait until it has ended, then run again."
        ) from None
    try:
        yield
    finally:
        os.close(handle)


def write(paths: Paths, marker: Marker) -> None:
    """Say what is going to be made."""
    try:
        request_folder.write(_path(paths), json.dumps({"schema": 1, **asdict(marker)}, sort_keys=True) + "\n")
    except OSError as error:
        raise TwostepError(
            "write_failed", f"{_path(paths)} cannot be written: {error.strerror}.", "Look at the filesystem of the host."
        ) from None


def read(paths: Paths) -> Marker | None:
    """Return what a rehearsal has left, None where it left nothing; a damaged marker names nothing."""
    try:
        with open(_path(paths), encoding="utf-8", errors="replace") as stream:
            text = stream.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    try:
        data = json.loads(text)
        slot = names.slot(data["slot"])
        if not rehearsal.is_scratch(slot):
            return Marker("", ())
        return Marker(slot, tuple(names.module(name) for name in data["modules"]))
    except (ValueError, KeyError, TypeError, TwostepError):
        return Marker("", ())


def remove(paths: Paths) -> None:
    """Say that nothing is left."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(paths))


def unload(world: World, modules: tuple[str, ...]) -> list[str]:
    """Unload what a killed rehearsal has loaded and return what went. What somebody uses by now is theirs."""
    gone = []
    for module in modules:
        if kernel_module.is_loaded(world.paths, module):
            with contextlib.suppress(TwostepError):
                kernel_module.unload(world.paths, world.run, module)
                gone.append(f"module {module}")
    return gone
