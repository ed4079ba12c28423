# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ssh to a node: the options that ssh and Ansible share, and waiting for a node to answer.

Host keys are checked: the image's own key is the only one known.
"""

from __future__ import annotations

import pathlib
import subprocess
import time
from collections.abc import Callable

from . import image

ALIAS = "lab-node"


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


def argv(port: int, known_hosts: pathlib.Path, *command: str, connect_s: int = 10) -> list[str]:
    """Return the ssh command line for a node."""
    return [
        "ssh", "-F", "none", "-i", str(image.ssh_key()), "-p", str(port), *common_args(known_hosts),
        "-o", f"ConnectTimeout={connect_s}", "-o", "BatchMode=yes", "root@127.0.0.1", *command,
    ]  # fmt: skip


def run(port: int, known_hosts: pathlib.Path, script: str, timeout_s: float = 120) -> str:
    """Run a shell script on a node and return what it printed; CalledProcessError if it fails."""
    done = subprocess.run(
        argv(port, known_hosts, "sh", "-eu"), input=script, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"lab: a set-up step on port {port} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return done.stdout


def wait(port: int, known_hosts: pathlib.Path, what: str, runs: Callable[[], bool], limit_s: float = 240) -> None:
    """Return when the node answers; SystemExit after ``limit_s`` or once it no longer ``runs``."""
    begun = told = time.monotonic()
    while True:
        try:
            done = subprocess.run(
                argv(port, known_hosts, "true", connect_s=5), stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
            )
            if done.returncode == 0:
                return
        except subprocess.TimeoutExpired:
            pass
        now = time.monotonic()
        if not runs():
            raise SystemExit(f"lab: {what} has ended. Next: read keeper.log and its console log.")
        if now - begun > limit_s:
            raise SystemExit(f"lab: {what} does not answer ssh within {limit_s:.0f} s. Next: read its console log.")
        if now - told > 15:
            print(f"lab: waiting for ssh of {what}, {now - begun:.0f} s", flush=True)
            told = now
        time.sleep(0.2)  # a refused connection fails at once; polling is all that TCP offers
