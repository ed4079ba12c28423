# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot configuration on this host: the files in slots.d and the unit that acts on them. Every write is whole or not at all."""

from __future__ import annotations

import os

from ..core import boot, names
from ..core.boot import BootSlot
from ..core.errors import TwostepError
from . import whole_file
from .paths import Paths
from .runner import Run

UNIT = "twostep-slots.service"
PYTHON = "/usr/bin/python3"


def path_of(paths: Paths, slot: str) -> str:
    """Return the path of a slot's file."""
    return os.path.join(paths.slots_d, names.slot(slot) + ".json")


def read_slot(paths: Paths, slot: str) -> BootSlot | None:
    """Return the boot configuration of `slot`, or None without one.

    :raises TwostepError: `bad_boot_config` when the file is damaged.
    """
    path = path_of(paths, slot)
    text = whole_file.read(path)
    return None if text is None else boot.parse(text, path)


def configured(paths: Paths) -> list[str]:
    """Return the names of the slots that have a boot configuration, damaged or not, in order."""
    try:
        files = sorted(os.listdir(paths.slots_d))
    except FileNotFoundError:
        return []
    return [name[: -len(".json")] for name in files if name.endswith(".json") and not name.startswith(".")]


def read_slots(paths: Paths) -> list[BootSlot]:
    """Return all boot configurations in order of their names; the first damaged one raises."""
    found = [read_slot(paths, name) for name in configured(paths)]
    return [slot for slot in found if slot is not None]


def write_slot(paths: Paths, wanted: BootSlot) -> None:
    """Write the boot configuration of a slot, 0600."""
    whole_file.write(path_of(paths, wanted.slot), boot.render(wanted), 0o600, 0o700)


def remove_slot(paths: Paths, slot: str) -> None:
    """Remove the boot configuration of a slot; it may be gone already."""
    whole_file.remove(path_of(paths, slot))


def unit_is_current(paths: Paths, run: Run, agent: str) -> bool:
    """Return whether the unit is written for `agent` and enabled."""
    if whole_file.read(os.path.join(paths.units, UNIT)) != boot.render_unit(agent, PYTHON):
        return False
    return run(["systemctl", "is-enabled", UNIT]).stdout.strip() == "enabled"


def has_unit(paths: Paths) -> bool:
    """Return whether the unit's file exists."""
    return os.path.lexists(os.path.join(paths.units, UNIT))


def _systemctl(run: Run, *words: str) -> None:
    result = run(["systemctl", *words])
    if result.rc != 0:
        raise TwostepError(
            "systemctl_failed",
            f"systemctl {' '.join(words)} exited {result.rc}: {(result.stderr or result.stdout).strip()[:200]}.",
            "Look at systemd on the host.",
        )


def install_unit(paths: Paths, run: Run, agent: str) -> None:
    """Write the unit and enable it; the slots are not touched now.

    :raises TwostepError: `no_python`, `write_failed`, `systemctl_failed`.
    """
    if not os.path.exists(paths.at(PYTHON)):
        raise TwostepError(
            "no_python", f"The boot unit needs {PYTHON}, which does not exist.", "Install the package python3, or set boot: false."
        )
    whole_file.write(os.path.join(paths.units, UNIT), boot.render_unit(agent, PYTHON), 0o644, 0o755)
    _systemctl(run, "daemon-reload")
    _systemctl(run, "enable", UNIT)


def remove_unit(paths: Paths, run: Run) -> None:
    """Disable the unit and remove it."""
    if not has_unit(paths):
        return
    _systemctl(run, "disable", UNIT)
    os.unlink(os.path.join(paths.units, UNIT))
    _systemctl(run, "daemon-reload")
