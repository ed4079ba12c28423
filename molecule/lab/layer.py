# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers: snapshots of a running node, made once from an image or from another layer.

``booted`` is the image, booted until ssh answers. Any other layer is a layer
plus a command that was run against one node of it; its key says what went in.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import fleet, image, inventory, machine, paths, ssh

DATA_MIB = 256


def booted(built: image.Image, data_mib: int = DATA_MIB, kernel_arguments: str = "") -> pathlib.Path:
    """Return the folder of the booted layer of an image, made first if need be (about a minute under TCG)."""
    key = paths.digest(built.key, str(data_mib), kernel_arguments, machine.CMDLINE, str(machine.MEMORY_MIB))
    folder = paths.cache() / f"layer-booted-{built.name}-{key}"
    with paths.locked(folder):
        if not folder.exists():
            _make(folder, built, None, data_mib, kernel_arguments, [])
    return folder


def derived(name: str, source: pathlib.Path, built: image.Image, key: str, command: list[str]) -> pathlib.Path:
    """Return the folder of a layer made by ``command``, which finds its node in $LAB_INVENTORY."""
    folder = paths.cache() / f"layer-{name}-{built.name}-{paths.digest(source.name, key)}"
    with paths.locked(folder):
        if not folder.exists():
            _make(folder, built, source, 0, "", command)
    return folder


def _make(folder: pathlib.Path, built: image.Image, source: pathlib.Path | None, data_mib: int, kernel_arguments: str,
          command: list[str]) -> None:  # fmt: skip
    begun = time.monotonic()
    print(f"lab: making {folder.name}", flush=True)
    state = pathlib.Path(tempfile.mkdtemp(prefix="twostep-layer-", dir=paths.cache()))
    try:
        item = fleet.plan(["n1"], state)[0]
        disks = pathlib.Path(item.disks)
        if source:
            machine.copy_disks(source, disks)
        else:
            machine.create_disks(disks, built, data_mib)
        pid = fleet.start(state, [item], built, restore=source is not None, kernel_arguments=kernel_arguments)
        try:
            known = state / "known_hosts"
            ssh.wait(item.port, known, folder.name, lambda: fleet.alive(pid))
            if command:
                ssh.run(item.port, known, f"date -s @{time.time():.3f} > /dev/null")
                listing = state / "inventory.yml"
                inventory.write_ansible(listing, [item], known)
                subprocess.run(command, check=True, env={**os.environ, "LAB_INVENTORY": str(listing)})
            ssh.run(item.port, known, "udevadm settle; sync; systemctl is-system-running --wait > /dev/null || systemctl --failed --no-legend >&2")
            machine.command(item.qmp, "stop")
            machine.monitor(item.qmp, f"savevm {machine.SNAPSHOT}")
            machine.quit_machine(item.qmp)
            os.rename(disks, folder)
        except BaseException:
            for log in (state / "keeper.log", pathlib.Path(item.console)):
                if log.exists():
                    print(f"lab: last lines of {log.name}:\n{log.read_text(errors='replace')[-2000:]}", flush=True)
            raise
        finally:
            fleet.end_keeper(pid)
    finally:
        shutil.rmtree(state, ignore_errors=True)
    print(f"lab: {folder.name} ready after {time.monotonic() - begun:.0f} s", flush=True)
