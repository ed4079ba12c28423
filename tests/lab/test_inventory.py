# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible and Molecule are told about a fleet."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from lab import builder, inventory, ssh
from lab.image import Image
from lab.machine import Machine

FLEET = [Machine(name=f"n{number}", disks="", qmp="", console="", switch="", number=number, port=40000 + number) for number in range(1, 4)]


def test_every_node_is_in_the_group_with_both_addresses(tmp_path: Path) -> None:
    hosts = inventory.ansible(FLEET, tmp_path / "known_hosts")["all"]["children"]["twostep"]["hosts"]
    assert {name: (host["ansible_port"], host["private_address"]) for name, host in hosts.items()} == {
        "n1": (40001, "10.77.0.11"),
        "n2": (40002, "10.77.0.12"),
        "n3": (40003, "10.77.0.13"),
    }


def test_a_builder_is_no_member_of_the_fleet(tmp_path: Path) -> None:
    made = inventory.Builder(7, ("n1", "n2"), tmp_path / "binaries")
    groups = inventory.ansible(FLEET, tmp_path / "known_hosts", made)["all"]["children"]
    having = {name: host.get("twostep_builder") for name, host in groups["twostep"]["hosts"].items()}
    assert having == {"n1": "builder", "n2": "builder", "n3": None}
    (words,) = [shlex.split(host["ansible_ssh_common_args"]) for host in groups["builders"]["hosts"].values()]
    assert f"ProxyCommand={builder.proxy_command(7)}" in words
    assert "StrictHostKeyChecking=yes" in words


def test_host_keys_are_checked_against_the_image(built: Image, tmp_path: Path) -> None:
    known = ssh.write_known_hosts(tmp_path, built)
    (host, *_others) = inventory.ansible(FLEET, known)["all"]["children"]["twostep"]["hosts"].values()
    words = shlex.split(host["ansible_ssh_common_args"])
    assert {"StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", f"HostKeyAlias={ssh.ALIAS}"} <= set(words)
    assert known.read_text() == f"{ssh.ALIAS} ssh-ed25519 HOSTKEY\n"


def test_molecule_finds_its_instances() -> None:
    assert [sorted(entry) for entry in inventory.molecule(FLEET)] == [["address", "identity_file", "instance", "port", "user"]] * 3
    assert [entry["port"] for entry in inventory.molecule(FLEET)] == ["40001", "40002", "40003"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new/inventory.yml"
    inventory.write(path, {"a": 1})
    with pytest.raises(TypeError):
        inventory.write(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_node_keeps_its_identifier_and_shares_it_with_nobody() -> None:
    assert ssh.node_uuid("n1") == ssh.node_uuid("n1") != ssh.node_uuid("n2")
