# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trials of this host, one file for each slot. Every state is on the disk before anything is done in it."""

from __future__ import annotations

import contextlib
import os

from ..core import names, trial
from ..core.errors import TwostepError
from ..core.trial import Trial
from . import swap_folder
from .ledger import sync_folder
from .paths import Paths

_MAX_BYTES = 8192


def boot_id(paths: Paths) -> str:
    """Return the kernel's name of this boot."""
    with open(os.path.join(paths.proc, "sys/kernel/random/boot_id"), encoding="ascii") as stream:
        return stream.read(64).strip()


def _path(paths: Paths, slot: str) -> str:
    return os.path.join(paths.trials, names.slot(slot) + ".json")


def read(paths: Paths, slot: str) -> Trial | None:
    """Return the trial of a slot, or None without one.

    :raises TwostepError: `bad_trial` when the file is damaged, `read_failed` when it cannot be read.
    """
    path = _path(paths, slot)
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return trial.parse(stream.read(_MAX_BYTES), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TwostepError(
            "read_failed", f"{path} cannot be read: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
        ) from None


def write(paths: Paths, wanted: Trial) -> None:
    """Put a trial into its state.

    :raises TwostepError: `write_failed`.
    """
    path = _path(paths, wanted.slot)
    try:
        os.makedirs(paths.state, mode=0o700, exist_ok=True)
        if not os.path.isdir(paths.trials):
            os.mkdir(paths.trials, 0o700)
            sync_folder(paths.state)
        swap_folder.write(path, trial.render(wanted))
    except OSError as error:
        raise TwostepError(
            "write_failed", f"{path} cannot be written: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
        ) from None


def remove(paths: Paths, slot: str) -> None:
    """End the trial of a slot, damaged or not; it may have none.

    :raises TwostepError: `write_failed`; then the next boot may still try it.
    """
    path = _path(paths, slot)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            sync_folder(paths.trials)
    except OSError as error:
        raise TwostepError(
            "write_failed", f"{path} cannot be removed: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
        ) from None
