# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet: machines on one private network, described by ``fleet.json`` in its state folder, owned by its keeper."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from . import builder, image, inventory, machine, monitor, paths, ssh

PACKAGES = pathlib.Path(__file__).parent.parent  # the folder that ``lab`` is imported from
NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
MOST_NODES = 16
END_S = 30.0
BINARIES = "binaries"  # below the state folder: what a builder has built for the fleet
FAILED = "failed"  # below the state folder: the logs of an attempt that failed


def owner() -> int:
    """Return the process whose end ends the fleet: the lab session's, else whoever started this command."""
    return int(os.environ.get("TWOSTEP_LAB_OWNER") or os.getppid())


def check_names(names: list[str]) -> None:
    """Refuse names that are no host names, before one reaches a path or a command line."""
    wrong = [name for name in names if not NAME.fullmatch(name)]
    if wrong or len(set(names)) != len(names) or not 1 <= len(names) <= MOST_NODES:
        raise SystemExit(f"lab: bad node names {','.join(names)!r}. Next: use 1 to {MOST_NODES} different ones like n1,n2,n3.")


def plan(names: list[str], state: pathlib.Path) -> list[machine.Machine]:
    """Choose paths; sockets go to a short private folder (a socket's path has 107 bytes at most)."""
    runtime = tempfile.mkdtemp(prefix="twostep-lab-", dir=os.environ.get("XDG_RUNTIME_DIR"))
    return [
        machine.Machine(
            name=name,
            number=number,
            disks=str(state / "disks" / name),
            qmp=f"{runtime}/{name}.qmp",
            console=str(state / f"{name}.console"),
            switch=f"{runtime}/switch",
        )
        for number, name in enumerate(names, start=1)
    ]


@dataclass(frozen=True)
class Fleet:
    """A running fleet."""

    keeper: int
    known_hosts: pathlib.Path
    machines: list[machine.Machine]
    builder: int = 0  # the first process of the builder's namespace, if there is one

    def running(self) -> bool:
        """Return whether the keeper runs; one that found a failed machine has ended."""
        return _is_keeper(self.keeper)


def start(state: pathlib.Path, machines: list[machine.Machine], built: image.Image, settings: machine.Settings, restore: bool,
          with_builder: bool = False) -> Fleet:  # fmt: skip
    """Start the keeper with switch and machines. The disks must be there. Returns when the machines' ports are known."""
    runtime = pathlib.Path(machines[0].switch).parent
    remove = [str(runtime), str(state / "disks"), str(state / BINARIES)]
    scratch = runtime / "builder"
    if with_builder:
        scratch.mkdir(mode=0o700)
    commands = {
        "switch": ["vde_switch", "--sock", machines[0].switch, "--numports", "32", "--mode", "600"],
        "machines": [{"argv": item.argv(built, settings, restore), "qmp": item.qmp} for item in machines],
        "placeholder": machine.QMP_FD,
        "builder": builder.argv(built, str(scratch)) if with_builder else [],
        "remove": remove,
    }
    inventory.write(state / "commands.json", commands)
    with open(state / "keeper.log", "ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "lab.keeper", str(state), str(owner())],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True, cwd="/",
            env={**os.environ, "PYTHONPATH": str(PACKAGES)},
        )  # fmt: skip
    known_hosts = ssh.write_known_hosts(state, built)
    description = {"keeper": keeper.pid, "image": built.name, "known_hosts": str(known_hosts), "remove": remove}
    inventory.write(state / "fleet.json", {**description, "machines": [asdict(item) for item in machines]})
    assert keeper.stdout is not None  # noqa: S101
    with keeper.stdout as answers:
        words = answers.readline().split()
        if words[:1] != [b"ready"]:
            raise SystemExit(f"lab: the machines did not start. {_tail(state / 'keeper.log')} Next: read {state / 'commands.json'}.")
    machines = [replace(item, port=monitor.port(item.qmp)) for item in machines]
    inventory.write(state / "fleet.json", {**description, "machines": [asdict(item) for item in machines]})
    return Fleet(keeper.pid, known_hosts, machines, int(words[1]) if with_builder else 0)


def _tail(log: pathlib.Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").strip()[-800:]


def set_identities(fleet: Fleet) -> None:
    """Make nodes of restored machines, all at once."""
    with concurrent.futures.ThreadPoolExecutor(len(fleet.machines)) as pool:
        list(pool.map(lambda item: ssh.set_identity(item, fleet.known_hosts, fleet.machines), fleet.machines))


def up(state: pathlib.Path, names: list[str], built: image.Image, layer: pathlib.Path, settings: machine.Settings,
       inventory_file: pathlib.Path | None, instance_config: pathlib.Path | None, builder_for: Sequence[str] = ()) -> None:  # fmt: skip
    """Restore a machine per name from a layer and write its inventory. A fleet that was there before is ended."""
    begun = time.monotonic()
    down(state)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    machines = plan(names, state)
    try:
        with concurrent.futures.ThreadPoolExecutor(len(machines)) as pool:
            list(pool.map(lambda item: machine.copy_disks(layer, pathlib.Path(item.disks)), machines))
        fleet = start(state, machines, built, settings, restore=True, with_builder=bool(builder_for))
        set_identities(fleet)
        made = inventory.Builder(fleet.builder, tuple(builder_for), state / BINARIES) if builder_for else None
        if inventory_file:
            inventory.write(inventory_file, inventory.ansible(fleet.machines, fleet.known_hosts, made))
        if instance_config:
            inventory.write(instance_config, inventory.molecule(fleet.machines))
    except BaseException:
        keep = state / FAILED
        down(state, keep)
        shutil.rmtree(pathlib.Path(machines[0].switch).parent, ignore_errors=True)
        paths.say(f"logs of the failed attempt are in {keep}")
        raise
    paths.say(f"{len(machines)} nodes up after {time.monotonic() - begun:.1f} s")


def load(state: pathlib.Path) -> tuple[dict[str, Any], dict[str, machine.Machine]]:
    """Return a fleet's description and its machines by name."""
    try:
        description = json.loads((state / "fleet.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"lab: no fleet in {state}. Next: lab up --state {state}") from None
    return description, {item["name"]: machine.Machine(**item) for item in description["machines"]}


def down(state: pathlib.Path, keep_logs: pathlib.Path | None = None) -> None:
    """End the fleet, wait until its keeper has cleaned up, and remove what the fleet had in ``state``. Nothing to do is fine."""
    logs = [*state.glob("*.console"), *state.glob("keeper.log"), *state.glob(f"{FAILED}/*")]
    if (state / "fleet.json").exists():
        description = load(state)[0]
        end_keeper(description["keeper"])
        for folder in description.get("remove", []):  # a keeper that was killed could not
            shutil.rmtree(folder, ignore_errors=True)
    for folder in ("disks", BINARIES):
        shutil.rmtree(state / folder, ignore_errors=True)
    if keep_logs:
        keep_logs.mkdir(parents=True, exist_ok=True)
        for log in logs:
            shutil.copy(log, keep_logs)
    for path in [*logs, *(state / name for name in ("fleet.json", "commands.json", "known_hosts"))]:
        path.unlink(missing_ok=True)
    for folder in (state / FAILED, state):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _is_keeper(pid: int) -> bool:
    """Return whether ``pid`` is a living keeper, and not something that got the number later."""
    try:
        return b"lab.keeper" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def end_keeper(pid: int) -> None:
    """Ask a keeper to end and wait for it."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not _is_keeper(pid):
            return
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], END_S)[0]:
            raise SystemExit(f"lab: keeper {pid} does not end. Next: look at what it waits for in /proc/{pid}/stack, then kill it.")
    finally:
        os.close(handle)


def keepers() -> list[tuple[int, pathlib.Path]]:
    """Return all keepers of this machine with their state folders."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "lab.keeper" in words:
            found.append((int(entry.name), pathlib.Path(words[words.index("lab.keeper") + 1])))
    return sorted(found)
