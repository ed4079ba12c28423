# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which folders of sysfs are namespaces with paths, and which are local disks. Links are plain folders here."""

from __future__ import annotations

import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_nvme_multipath
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.health_double import HealthHost, put

NONE = (
    "This host has no NVMe namespace that is meant to have several paths. "
    "Take nvme_multipath out of twostep_health_sources if it is not meant to have one."
)
NQN = "nqn.2026-01.example:store"


def subsystem(number: int, *controllers: tuple[int, str, str], nqn: str = NQN, state: str = "live") -> dict[str, str]:
    """Return a subsystem with controllers, each of a number, a transport and an address."""
    files = {f"sys/class/nvme-subsystem/nvme-subsys{number}/subsysnqn": nqn + "\n"}
    for controller, transport, address in controllers:
        folder = f"sys/class/nvme-subsystem/nvme-subsys{number}/nvme{controller}"
        files.update({f"{folder}/transport": transport + "\n", f"{folder}/state": state + "\n", f"{folder}/address": address + "\n"})
    return files


def namespace(number: int, subsys: int, paths: dict[int, str | None]) -> dict[str, str]:
    """Return a head with its paths by their controller; None is a path without ANA."""
    files = {f"sys/class/nvme-subsystem/nvme-subsys{subsys}/nvme{subsys}n{number}/": "", f"sys/block/nvme{subsys}n{number}/": ""}
    for controller, ana in paths.items():
        name = f"nvme{subsys}c{controller}n{number}"
        files[f"sys/block/{name}/hidden"] = "1\n"
        if ana is not None:
            files[f"sys/block/{name}/ana_state"] = ana + "\n"
    return files


TCP = [(number, "tcp", f"traddr=10.0.{number}.1,trsvcid=4420") for number in range(12)]
LOCAL = {**subsystem(8, (8, "pcie", "0000:01:00.0")), "sys/class/nvme-subsystem/nvme-subsys8/nvme8/nvme8n1/": ""}
# A disk that could have a second port has a head, and one path.
DUAL_PORT_DISK = {**subsystem(9, (9, "pcie", "0000:02:00.0")), **namespace(1, 9, {9: None})}


def ask(root: object) -> list[tuple[str, str, str]]:
    host = HealthHost(root)
    samples = health_nvme_multipath.sample(Question(1.0), host.world)
    assert host.calls == []
    return [(sample.subject, sample.finding.verdict, sample.finding.reason) for sample in samples]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"sys/class/nvme-subsystem/": ""},
        LOCAL,
        DUAL_PORT_DISK,
        {**LOCAL, **DUAL_PORT_DISK},
        subsystem(0, TCP[0], nqn="nqn.2014-08.org.nvmexpress.discovery"),
        {**subsystem(0, TCP[0]), "sys/class/nvme-subsystem/nvme-subsys0/subsystype": "discovery\n"},
        # Functions of one local device, each with a disk of its own.
        {
            **subsystem(0, (0, "pcie", "0000:01:00.0"), (1, "pcie", "0000:01:00.1")),
            "sys/class/nvme-subsystem/nvme-subsys0/nvme0/nvme0n1/": "",
        },
    ],
)
def test_a_host_without_paths_cannot_say_ok(tmp_path, files: dict[str, str]) -> None:
    put(tmp_path, files)
    assert ask(tmp_path) == [("namespaces", "unknown", NONE)]


def test_every_namespace_answers_for_itself_and_local_disks_are_left_out(tmp_path) -> None:
    put(
        tmp_path,
        {
            **LOCAL,
            **subsystem(0, TCP[0], TCP[1]),
            **namespace(1, 0, {0: "optimized", 1: "non-optimized"}),
            **namespace(2, 0, {0: "optimized", 1: "inaccessible"}),
            **namespace(11, 0, {0: None, 1: None}),
        },
    )
    assert [answer[:2] for answer in ask(tmp_path)] == [("nvme0n1", "ok"), ("nvme0n11", "ok"), ("nvme0n2", "not_ok")]


def test_paths_of_another_subsystem_are_not_taken_for_its_own(tmp_path) -> None:
    put(tmp_path, {**subsystem(1, TCP[0], TCP[1]), **namespace(1, 1, {0: None}), **namespace(1, 11, {1: None})})
    assert ask(tmp_path)[0][1:] == ("not_ok", "nvme1n1 has 1 usable paths of 1, and needs 2 (nvme1c0n1: no ANA).")


def test_a_local_device_with_two_ports_counts(tmp_path) -> None:
    put(
        tmp_path,
        {**subsystem(0, (0, "pcie", "0000:01:00.0"), (1, "pcie", "0000:02:00.0")), **namespace(1, 0, {0: "optimized", 1: "optimized"})},
    )
    assert [answer[:2] for answer in ask(tmp_path)] == [("nvme0n1", "ok")]


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        (
            {**subsystem(0, TCP[0]), **namespace(1, 0, {0: "optimized"})},
            ("nvme0n1", "not_ok", "nvme0n1 has 1 usable paths of 1, and needs 2 (nvme0c0n1: optimized)."),
        ),
        # Either the target allows one controller, or the kernel's multipath is off.
        (
            {**subsystem(0, TCP[0]), "sys/class/nvme-subsystem/nvme-subsys0/nvme0/nvme0n1/": ""},
            ("nvme0n1", "not_ok", "nvme0n1 has one path only: the kernel's multipath does not hold it."),
        ),
        # All controllers are gone, and somebody still has the disk open.
        ({**subsystem(0), **namespace(1, 0, {})}, ("nvme0n1", "not_ok", "nvme0n1 has no path.")),
        (subsystem(0, TCP[0], TCP[1]), ("nvme-subsys0", "unknown", "nvme-subsys0 has no namespace.")),
    ],
)
def test_a_fabric_without_two_paths_is_not_ok(tmp_path, files: dict[str, str], answer: tuple) -> None:
    put(tmp_path, files)
    assert ask(tmp_path) == [answer]


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        ("class/nvme-subsystem/nvme-subsys0/nvme1/state", "Controller nvme1 of nvme0n1 does not tell its state."),
        ("class/nvme-subsystem/nvme-subsys0/nvme1/transport", "Controller nvme1 of nvme0n1 does not tell its state."),
        ("class/nvme-subsystem/nvme-subsys0/nvme1/address", "The paths of nvme0n1 do not all tell their address."),
        ("block/nvme0c1n1/ana_state", "Path nvme0c1n1 does not tell its state."),
    ],
)
def test_a_file_that_may_not_be_read_is_unknown(tmp_path, lost: str, reason: str) -> None:
    put(tmp_path, {**subsystem(0, TCP[0], TCP[1]), **namespace(1, 0, {0: "optimized", 1: "optimized"})})
    os.remove(tmp_path / "sys" / lost)
    os.mkdir(tmp_path / "sys" / lost)  # open() refuses a folder, also to root
    assert ask(tmp_path) == [("nvme0n1", "unknown", reason)]
