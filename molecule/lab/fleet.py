# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet: machines on one private network, described by ``fleet.json`` in its state folder."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict

from . import image, inventory, machine, ssh

NETWORK = "10.77.0"


def owner() -> int:
    """Return the process whose end ends the fleet: the lab session's, else the caller's shell."""
    return int(os.environ.get("TWOSTEP_LAB_OWNER") or os.getppid())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def plan(names: list[str], state: pathlib.Path) -> list[machine.Machine]:
    """Choose ports and paths; sockets go to a short folder (a socket's path has 107 bytes at most)."""
    runtime = tempfile.mkdtemp(prefix="twostep-lab-")
    return [
        machine.Machine(
            name=name,
            port=_free_port(),
            disks=str(state / "disks" / name),
            qmp=f"{runtime}/{name}.qmp",
            console=str(state / f"{name}.console"),
            switch=f"{runtime}/switch",
        )
        for name in names
    ]


def _pair_with_switch(switch: str) -> list[str]:
    return ["vde_switch", "--sock", switch, "--numports", "16", "--mode", "600"]


def start(state: pathlib.Path, machines: list[machine.Machine], built: image.Image, restore: bool, kernel_arguments: str = "") -> int:
    """Start the keeper with switch and machines; returns its process id. The disks must be there."""
    runtime = pathlib.Path(machines[0].switch).parent
    commands = {
        "argv": [item.argv(built, restore, kernel_arguments) for item in machines],
        "remove": [str(runtime), str(state / "disks")],
    }
    # QEMU opens the switch at its start: it must be there first.
    commands["argv"].insert(0, _pair_with_switch(machines[0].switch))
    waiting = ["sh", "-c", 'until [ -S "$0/ctl" ]; do sleep 0.05; done; exec "$@"', machines[0].switch]
    commands["argv"][1:] = [[*waiting, *argv] for argv in commands["argv"][1:]]
    (state / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    keeper = subprocess.Popen(
        [sys.executable, "-m", "lab.keeper", str(state), str(owner())],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(state / "keeper.log", "ab"),  # noqa: SIM115
        start_new_session=True, cwd=pathlib.Path(__file__).parent.parent,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parent.parent)},
    )  # fmt: skip
    description = {
        "keeper": keeper.pid,
        "image": built.name,
        "known_hosts": str(ssh.write_known_hosts(state, built)),
        "machines": [asdict(item) for item in machines],
    }
    (state / "fleet.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
    return keeper.pid


def alive(keeper: int) -> bool:
    """Return whether a keeper runs; one that found a failed child has ended."""
    try:
        with open(f"/proc/{keeper}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _set_up(index: int, item: machine.Machine, known: pathlib.Path, keeper: int) -> None:
    """Give a restored machine its own name, address, identity and the right time."""
    ssh.wait(item.port, known, item.name, lambda: alive(keeper))
    machine_id = f"{index:032x}"
    ssh.run(
        item.port,
        known,
        f"""
        echo '{item.name} 52:54:00:77:01:{index:02x} {address(index)}' > /etc/lab-network
        echo {machine_id} > /etc/machine-id
        /usr/local/sbin/lab-network
        date -s @{time.time():.3f} > /dev/null
        """,
    )


def address(index: int) -> str:
    """Return the private address of the node with this number, from 1."""
    return f"{NETWORK}.{10 + index}"


def up(state: pathlib.Path, names: list[str], built: image.Image, layer: pathlib.Path, inventory_file: pathlib.Path | None,
       instance_config: pathlib.Path | None) -> None:  # fmt: skip
    """Restore a machine per name from a layer and write its inventory."""
    begun = time.monotonic()
    if (state / "fleet.json").exists():
        down(state)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    machines = plan(names, state)
    for item in machines:
        machine.copy_disks(layer, pathlib.Path(item.disks))
    keeper = start(state, machines, built, restore=True)
    known = state / "known_hosts"
    try:
        with concurrent.futures.ThreadPoolExecutor(len(machines)) as pool:
            list(pool.map(lambda pair: _set_up(pair[0], pair[1], known, keeper), enumerate(machines, start=1)))
        if inventory_file:
            inventory.write_ansible(inventory_file, machines, known)
        if instance_config:
            inventory.write_molecule(instance_config, machines)
    except BaseException:
        down(state)
        raise
    print(f"lab: {len(machines)} nodes up after {time.monotonic() - begun:.1f} s", flush=True)


def load(state: pathlib.Path) -> tuple[dict, dict[str, machine.Machine]]:
    """Return a fleet's description and its machines by name."""
    try:
        description = json.loads((state / "fleet.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"lab: no fleet in {state}. Next: lab up --state {state}") from None
    return description, {item["name"]: machine.Machine(**item) for item in description["machines"]}


def down(state: pathlib.Path, keep_logs: pathlib.Path | None = None) -> None:
    """End the fleet and wait until its keeper has cleaned up. Nothing to do is fine."""
    if not (state / "fleet.json").exists():
        return
    description, machines = load(state)
    end_keeper(description["keeper"])
    if keep_logs:
        keep_logs.mkdir(parents=True, exist_ok=True)
        for item in machines.values():
            if os.path.exists(item.console):
                shutil.copy(item.console, keep_logs / f"{item.name}.console")
    shutil.rmtree(state, ignore_errors=True)


def end_keeper(pid: int) -> None:
    """Ask a keeper to end and wait for it."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if b"lab.keeper" not in file.read():
                return  # the number was reused
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        select.select([handle], [], [], 30)
    except (ProcessLookupError, FileNotFoundError):
        pass
    finally:
        os.close(handle)
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
