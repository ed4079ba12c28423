# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trials of this host, one file for each slot. Every state is on the disk before anything is done in it."""

from __future__ import annotations

import os

from ..core import names, trial
from ..core.trial import Trial
from . import whole_file
from .paths import Paths


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
    text = whole_file.read(path)
    return None if text is None else trial.parse(text, path)


def write(paths: Paths, wanted: Trial) -> None:
    """Put a trial into its state.

    :raises TwostepError: `write_failed`.
    """
    whole_file.write(_path(paths, wanted.slot), trial.render(wanted), 0o600, 0o700)


def remove(paths: Paths, slot: str) -> None:
    """End the trial of a slot, damaged or not; it may have none.

    :raises TwostepError: `write_failed`; then the next boot may still try it.
    """
    whole_file.remove(_path(paths, slot))
