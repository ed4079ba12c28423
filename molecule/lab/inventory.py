# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories of a fleet: Ansible's, and the file that Molecule's default driver reads. Both are JSON, which is YAML, too."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import builder, image, ssh
from .machine import Machine

GROUP = "twostep"
# Who takes an emulated node's processor away decides how long its I/O takes: no bound of a soak is about that.
VARIABLES = {"twostep_soak_latency_floor_ms": 60_000, "twostep_soak_stall_s": 120}


@dataclass(frozen=True)
class Builder:
    """A fleet's builder: its first process, the nodes that it builds for, and the folder that gets what it has built."""

    process: int
    nodes: tuple[str, ...]
    binaries: pathlib.Path


def ansible(machines: Sequence[Machine], known_hosts: pathlib.Path, made: Builder | None = None) -> dict[str, Any]:
    """Return Ansible's inventory as data."""
    options = ["-F", "none", *ssh.common_args(known_hosts)]
    common = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(image.ssh_key()),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    hosts: dict[str, dict[str, Any]] = {
        item.name: {
            **common,
            "ansible_host": "127.0.0.1",
            "ansible_port": item.port,
            "ansible_ssh_common_args": shlex.join(options),
            "private_address": item.address,
        }
        for item in machines
    }
    if made is None:
        return {"all": {"children": {GROUP: {"hosts": hosts, "vars": VARIABLES}}}}
    for name in made.nodes:
        hosts[name].update(twostep_builder=builder.NAME, twostep_binary_dir=str(made.binaries))
    # Ansible keeps connections by the host's address: no two builders may have the same.
    proxied = [*options, "-o", f"ProxyCommand={builder.proxy_command(made.process)}"]
    host = {**common, "ansible_host": f"{builder.NAME}-{made.process}", "ansible_ssh_common_args": shlex.join(proxied)}
    return {"all": {"children": {GROUP: {"hosts": hosts, "vars": VARIABLES}, "builders": {"hosts": {builder.NAME: host}}}}}


def molecule(machines: Sequence[Machine]) -> list[dict[str, str]]:
    """Return Molecule's instance configuration as data; the ssh options come from Ansible's inventory."""
    return [
        {"instance": item.name, "address": "127.0.0.1", "user": "root", "port": str(item.port), "identity_file": str(image.ssh_key())}
        for item in machines
    ]


def write(path: pathlib.Path, data: object) -> None:
    """Write ``data`` as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
