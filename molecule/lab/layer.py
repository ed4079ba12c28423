# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers: snapshots of a running node, made once from an image or from another layer.

``booted`` is the image, booted until ssh answers. Any other layer is a layer plus a command that was run against one
node of it; its key says what went in. A layer's ``layer.json`` holds the machine's settings: they cannot change later.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from dataclasses import asdict

from . import fleet, image, inventory, machine, monitor, paths, ssh

SETTLED = "systemctl is-system-running --wait > /dev/null || systemctl --failed --no-legend --plain; udevadm settle; sync"
# Restored nodes meet on one network before they have addresses of their own: the one of the snapshot must not speak there.
UNPLUGGED = "ip address flush dev eth1; ip link set eth1 down"
SETTINGS = "layer.json"
COMPILED = pathlib.Path(__file__).parent / "node/lab_compiled.py"
# Python reads the lines of such a file when it starts.
KEEP_COMPILED = """mkdir -m 0700 /var/cache/lab-compiled; cd /usr/lib/python3/dist-packages; echo 'import lab_compiled' > lab_compiled.pth
cat > lab_compiled.py << 'END'
{}
END
python3 -c 'import lab_compiled'
"""


def booted(built: image.Image, settings: machine.Settings | None = None) -> pathlib.Path:
    """Return the folder of the booted layer of an image, made first if need be (about a minute under emulation)."""
    settings = settings or machine.Settings()
    sample = machine.Machine(name="n", disks="/disks", qmp="/qmp", console="/console", switch="/switch")
    parts = (json.dumps(asdict(settings)), machine.qemu_version(), COMPILED.read_text(encoding="ascii"), KEEP_COMPILED)
    key = paths.digest(built.key, *parts, *sample.argv(built, settings, restore=False))
    return _get(f"layer-booted-{built.name}-{key}", built, None, settings, [])


def derived(name: str, source: pathlib.Path, built: image.Image, key: str, command: list[str], with_builder: bool = False) -> pathlib.Path:
    """Return the folder of a layer made by ``command``, which finds its node, and its builder if it is to have one, in $LAB_INVENTORY."""
    if not fleet.NAME.fullmatch(name):
        raise SystemExit(f"lab: bad layer name {name!r}. Next: use lower-case letters, digits and dashes.")
    return _get(
        f"layer-{name}-{built.name}-{paths.digest(source.name, key)}", built, source, settings_of(source, built), command, with_builder
    )


def settings_of(folder: pathlib.Path, built: image.Image) -> machine.Settings:
    """Return the settings that the machines of a layer have; SystemExit if it is no layer of this image."""
    try:
        description = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"lab: {folder} is no layer. Next: use booted, prepared, or a folder that lab layer printed.") from None
    made_from = description.pop("image")
    if made_from != built.key:
        raise SystemExit(f"lab: {folder.name} was made from {made_from}, not from {built.key}. Next: use its --image, or make it anew.")
    return machine.Settings(**description)


def _get(name: str, built: image.Image, source: pathlib.Path | None, settings: machine.Settings, command: list[str],
         with_builder: bool = False) -> pathlib.Path:  # fmt: skip
    folder = paths.cache() / name
    with paths.locked(folder):
        if not folder.exists():
            begun = time.monotonic()
            paths.say(f"making {name}: {'running its command on a restored node' if source else 'booting the image'}")
            with paths.publishing(folder) as work:
                _make(work, folder.name, built, source, settings, command, with_builder)
            paths.say(f"{name} ready after {time.monotonic() - begun:.0f} s")
        paths.touch(folder)
    return folder


def _make(folder: pathlib.Path, name: str, built: image.Image, source: pathlib.Path | None, settings: machine.Settings,
          command: list[str], with_builder: bool) -> None:  # fmt: skip
    """Fill ``folder`` with the disks of a node that is up, its snapshot and its settings."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    logs: pathlib.Path | None = _logs(name)
    try:
        machines = fleet.plan(["n1"], state)
        disks = pathlib.Path(machines[0].disks)
        if source:
            machine.copy_disks(source, disks)
        else:
            machine.create_disks(disks, built, settings.disk_mib)
        running = fleet.start(state, machines, built, settings, source is not None, with_builder)
        (item,) = running.machines
        ssh.wait(item.port, running.known_hosts, name, running.running)
        if not source:
            ssh.run(item.port, running.known_hosts, KEEP_COMPILED.format(COMPILED.read_text(encoding="ascii")))
        if command:
            ssh.set_identity(item, running.known_hosts, running.machines)
            _run(command, name, state, running)
        failed = ssh.run(item.port, running.known_hosts, SETTLED)
        if failed:
            raise SystemExit(f"lab: units failed in {name}:\n{failed}Next: read the console log in {logs}.")
        ssh.run(item.port, running.known_hosts, UNPLUGGED)
        monitor.save(item.qmp, machine.SNAPSHOT)
        monitor.quit_machine(item.qmp)
        for path in disks.iterdir():
            path.rename(folder / path.name)
        inventory.write(folder / SETTINGS, {"image": built.key, **asdict(settings)})
        logs = None
    finally:
        fleet.down(state, logs)
        shutil.rmtree(state, ignore_errors=True)


def _run(command: list[str], name: str, state: pathlib.Path, running: fleet.Fleet) -> None:
    listing = state / "inventory.yml"
    made = inventory.Builder(running.builder, ("n1",), state / fleet.BINARIES) if running.builder else None
    inventory.write(listing, inventory.ansible(running.machines, running.known_hosts, made))
    environment = {**os.environ, "LAB_INVENTORY": str(listing)}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"lab: {name}: {command[0]} ended with {done.returncode}. Next: read its output above, and {_logs(name)}.")


def _logs(name: str) -> pathlib.Path:
    """Return where the logs of a failed attempt are kept."""
    return paths.cache() / "logs" / name
