# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ssh to a node: the options that ssh and Ansible share, waiting for a node to answer, and giving it its identity.

Host keys are checked: the image's own key is the only one known.
"""

from __future__ import annotations

import pathlib
import secrets
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence

from . import image, paths
from .machine import Machine

ALIAS = "lab-node"
LIMIT_S = 1200.0
FIRST_ATTEMPT_S = 5
ATTEMPT_S = 120
TELL_S = 10.0
_NODES = uuid.UUID("7c2ff9c6-7a07-4d67-9f57-5bb4f5e0a1a6")  # the name space of the nodes' identifiers


def write_known_hosts(folder: pathlib.Path, built: image.Image) -> pathlib.Path:
    """Write the file that names the only host key to accept."""
    known = folder / "known_hosts"
    known.write_text(f"{ALIAS} {built.host_key}\n", encoding="ascii")
    return known


def common_args(known_hosts: pathlib.Path) -> list[str]:
    """Return the ssh options, without key and port."""
    options = {
        "UserKnownHostsFile": str(known_hosts),
        "StrictHostKeyChecking": "yes",
        "HostKeyAlias": ALIAS,
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "8",
    }
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def argv(port: int, known_hosts: pathlib.Path, *command: str, connect_s: int = ATTEMPT_S) -> list[str]:
    """Return the ssh command line for a node."""
    return [
        "ssh", "-F", "none", "-i", str(image.ssh_key()), "-p", str(port), *common_args(known_hosts),
        "-o", f"ConnectTimeout={connect_s}", "-o", "BatchMode=yes", "root@127.0.0.1", *command,
    ]  # fmt: skip


def run(port: int, known_hosts: pathlib.Path, script: str, timeout_s: float = 120) -> str:
    """Run a shell script on a node and return what it printed; SystemExit if it fails."""
    done = subprocess.run(
        argv(port, known_hosts, "sh", "-eu"), input=script, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"lab: a set-up step failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


def attempt_s(waited_s: float) -> int:
    """Return how long an attempt may take to connect.

    QEMU takes the connection even if nobody listens in the guest, so an early attempt only ends at its limit. Short ones find
    out soon that the guest is there; but a guest that takes long to boot also takes long to greet.
    """
    return min(max(FIRST_ATTEMPT_S, int(waited_s / 4)), ATTEMPT_S)


def wait(port: int, known_hosts: pathlib.Path, what: str, running: Callable[[], bool] = lambda: True) -> None:
    """Return when the node answers; SystemExit when ``running`` says no or it took too long."""
    begun = told = time.monotonic()
    while True:
        command = argv(port, known_hosts, "true", connect_s=attempt_s(time.monotonic() - begun))
        attempt = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if attempt.returncode == 0:
            return
        now = time.monotonic()
        if not running():
            raise SystemExit(f"lab: the machine of {what} has ended. Next: read keeper.log and the console log in the fleet's folder.")
        if now - begun > LIMIT_S:
            raise SystemExit(f"lab: no ssh to {what} within {LIMIT_S:.0f} s: {attempt.stderr.strip()} Next: read its console log.")
        if now - told > TELL_S:
            paths.say(f"waiting for ssh of {what}, {now - begun:.0f} s")
            told = now
        time.sleep(0.2)  # a refused connection fails at once; asking again is all that TCP offers


def node_uuid(name: str) -> str:
    """Return the identifier of a node; the same whenever a node of this name is restored."""
    return str(uuid.uuid5(_NODES, name))


def set_identity(item: Machine, known_hosts: pathlib.Path, peers: Sequence[Machine]) -> None:
    """Give a restored machine its own name, addresses, identifiers and random state, and the right time."""
    names = [f"{peer.name}={peer.address}" for peer in peers]
    command = ["lab-identity", item.name, item.mac, item.address, node_uuid(item.name), *names]
    process = subprocess.Popen(
        argv(item.port, known_hosts, *command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101
    greeting = process.stdout.readline()  # it is up to the clock from here on, not up to the connection
    problem = process.communicate(f"{time.time():.3f} {secrets.token_hex(64)}\n" if greeting else "")[1]
    if process.returncode != 0:
        raise SystemExit(f"lab: {item.name} could not be set up ({process.returncode}): {problem.strip()[-800:]}")
