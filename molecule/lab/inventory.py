# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories of a fleet: Ansible's, and the file that Molecule's default driver reads. Both are JSON, which is YAML, too."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
from collections.abc import Sequence
from typing import Any

from . import image, ssh
from .machine import Machine

GROUP = "twostep"


def ansible(machines: Sequence[Machine], known_hosts: pathlib.Path) -> dict[str, Any]:
    """Return Ansible's inventory as data."""
    hosts = {
        item.name: {
            "ansible_host": "127.0.0.1",
            "ansible_port": item.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(image.ssh_key()),
            "ansible_ssh_common_args": shlex.join(["-F", "none", *ssh.common_args(known_hosts)]),
            "ansible_python_interpreter": "/usr/bin/python3",
            "private_address": item.address,
        }
        for item in machines
    }
    return {"all": {"children": {GROUP: {"hosts": hosts}}}}


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
