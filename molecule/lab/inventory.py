# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories of a fleet: Ansible's, and the file that Molecule's default driver reads."""

from __future__ import annotations

import json
import pathlib
import shlex

from . import image, machine, ssh


def ansible(machines: list[machine.Machine], known_hosts: pathlib.Path) -> dict:
    """Return the inventory as data; JSON is YAML, too."""
    hosts = {
        item.name: {
            "ansible_host": "127.0.0.1",
            "ansible_port": item.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(image.ssh_key()),
            "ansible_ssh_common_args": shlex.join(["-F", "none", *ssh.common_args(known_hosts)]),
            "ansible_python_interpreter": "/usr/bin/python3",
            "private_address": f"10.77.0.{10 + number}",
        }
        for number, item in enumerate(machines, start=1)
    }
    return {"all": {"children": {"twostep": {"hosts": hosts}}}}


def write_ansible(path: pathlib.Path, machines: list[machine.Machine], known_hosts: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ansible(machines, known_hosts), indent=1) + "\n", encoding="utf-8")


def write_molecule(path: pathlib.Path, machines: list[machine.Machine]) -> None:
    """Write instance_config.yml; the ssh options come from the scenario's inventory."""
    entries = [
        {"instance": item.name, "address": "127.0.0.1", "user": "root", "port": str(item.port), "identity_file": str(image.ssh_key())}
        for item in machines
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
