# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run may not leave behind: changes in the tree, processes it started, loop devices, mounts."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MARKER = "TWOSTEP_RUN_MARKER"


@dataclass(frozen=True)
class Snapshot:
    """What is compared before and after."""

    tree: frozenset[str]
    loops: frozenset[str]
    mounts: frozenset[str]


def look(root: Path) -> Snapshot:
    """Take a snapshot of the checkout ``root`` and of the machine's loop devices and mounts."""
    status = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=False)
    loops = {
        f"{backing.parent.parent.name} on {backing.read_text().strip()}" for backing in Path("/sys/block").glob("loop*/loop/backing_file")
    }
    mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return Snapshot(frozenset(status.stdout.splitlines()), frozenset(loops), frozenset(mounts))


def processes(marker: str, proc: Path) -> list[str]:
    """Return the living processes that inherited this run's ``marker``, other than this one, as ``pid command``."""
    wanted = f"{MARKER}={marker}".encode()
    found = []
    for folder in sorted(proc.glob("[0-9]*")):
        try:
            inherited = wanted in (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # ended meanwhile, or another user's
            continue
        if inherited and command and int(folder.name) != os.getpid():
            found.append(f"{folder.name} {command[:150]}")
    return found


def compare(before: Snapshot, after: Snapshot, processes: list[str], tree: bool) -> list[str]:
    """Return one line for each thing that a run left behind; changes in the tree only if ``tree`` says so."""
    return [
        *(f"change in the tree: {line}" for line in sorted(after.tree ^ before.tree) if tree),
        *(f"process {line}" for line in processes),
        *(f"loop device {line}" for line in sorted(after.loops - before.loops)),
        *(f"mount {line}" for line in sorted(after.mounts - before.mounts)),
    ]
