# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVMe multipath: which snapshots of a namespace count as healthy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_nvme_multipath as core
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

TCP = "traddr=10.0.{}.1,trsvcid=4420,src_addr=10.0.{}.9"
FC = "traddr=nn-0x2000000000000000:pn-0x210000000000000{},host_traddr=nn-0x2000000000000009:pn-0x2100000000000009"
A, B, C = (core.Controller(f"nvme{n}", "tcp", "live", TCP.format(n, n)) for n in (0, 1, 2))
PATH_A, PATH_B, PATH_C = (core.Path(f"nvme0c{n}n1", f"nvme{n}", "optimized") for n in (0, 1, 2))
TWO = core.Namespace("nvme0n1", True, (A, B), (PATH_A, PATH_B))
THREE = core.Namespace("nvme0n1", True, (A, B, C), (PATH_A, PATH_B, PATH_C))
FINE = "All 2 paths of nvme0n1 tell their state. All 2 controllers of nvme0n1 are live. nvme0n1 has 2 usable paths through 2 addresses."


def with_b(**changed: object) -> core.Namespace:
    """Return two paths, the second controller of which is changed."""
    return replace(TWO, controllers=(A, replace(B, **changed)))


def ana(state: str | None) -> core.Namespace:
    """Return two paths, the second of which has another state."""
    return replace(TWO, paths=(PATH_A, replace(PATH_B, ana=state)))


def one_usable(state: str) -> str:
    return f"nvme0n1 has 1 usable paths of 2, and needs 2 (nvme0c0n1: optimized, nvme0c1n1: {state})."


@pytest.mark.parametrize(
    ("namespace", "verdict", "reason"),
    [
        (TWO, OK, FINE),
        (THREE, OK, None),
        (ana("non-optimized"), OK, FINE),
        (ana(core.NO_ANA), OK, FINE),
        # A third path that is not used, as a standby is.
        (replace(THREE, paths=(PATH_A, PATH_B, replace(PATH_C, ana="inaccessible"))), OK, None),
        # One address of three is shared: still two.
        (replace(THREE, controllers=(A, B, replace(C, address=B.address))), OK, None),
        (ana("inaccessible"), NOT_OK, one_usable("inaccessible")),
        (ana("persistent-loss"), NOT_OK, one_usable("persistent-loss")),
        (ana("change"), NOT_OK, one_usable("change")),
        *[
            (with_b(state=state), NOT_OK, f"Controller nvme1 of nvme0n1 is {state}, not live. {one_usable('optimized')}")
            for state in ("new", "resetting", "connecting", "deleting", "deleting (no IO)", "dead")
        ],
        # Two paths are left, and yet something is being mended.
        (
            replace(THREE, controllers=(A, B, replace(C, state="connecting"))),
            NOT_OK,
            "Controller nvme2 of nvme0n1 is connecting, not live.",
        ),
        (
            replace(TWO, controllers=(A,), paths=(PATH_A,)),
            NOT_OK,
            "nvme0n1 has 1 usable paths of 1, and needs 2 (nvme0c0n1: optimized).",
        ),
        (with_b(address=A.address), NOT_OK, "nvme0n1 has 2 usable paths, but both go through 10.0.0.1."),
        (
            replace(THREE, controllers=tuple(replace(one, address=A.address) for one in (A, B, C))),
            NOT_OK,
            "nvme0n1 has 3 usable paths, but all 3 go through 10.0.0.1.",
        ),
        # The same address at two ports is one host, too.
        (
            with_b(address="traddr=10.0.0.1,trsvcid=4421"),
            NOT_OK,
            "nvme0n1 has 2 usable paths, but both go through 10.0.0.1.",
        ),
        (replace(TWO, paths=()), NOT_OK, "nvme0n1 has no path."),
        (replace(TWO, controllers=(), paths=()), NOT_OK, "nvme0n1 has no path."),
        (replace(TWO, head=False, paths=()), NOT_OK, "nvme0n1 has one path only: the kernel's multipath does not hold it."),
        (with_b(address=None), UNKNOWN, "The paths of nvme0n1 do not all tell their address."),
        (with_b(address="", transport="loop"), UNKNOWN, "The paths of nvme0n1 do not all tell their address."),
        (with_b(state=None), UNKNOWN, "Controller nvme1 of nvme0n1 does not tell its state."),
        (with_b(state="unknown state"), UNKNOWN, "Controller nvme1 of nvme0n1 does not tell its state."),
        (with_b(transport=None), UNKNOWN, "Controller nvme1 of nvme0n1 does not tell its state."),
        (replace(TWO, controllers=(A,)), UNKNOWN, "Path nvme0c1n1 has no controller in the subsystem of nvme0n1."),
        (ana(None), UNKNOWN, "Path nvme0c1n1 does not tell its state."),
        (ana(""), UNKNOWN, "Path nvme0c1n1 does not tell its state."),
        (ana("invalid state"), UNKNOWN, "Path nvme0c1n1 does not tell its state."),
    ],
)
def test_judge(namespace: core.Namespace, verdict: str, reason: str | None) -> None:
    finding = core.judge(namespace)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


@pytest.mark.parametrize(
    ("transport", "address", "target"),
    [
        ("tcp", "traddr=10.0.0.1,trsvcid=4420", "10.0.0.1"),
        ("tcp", "traddr=fe80::1%eth0,trsvcid=4420,host_iface=eth0", "fe80::1%eth0"),
        ("rdma", TCP.format(3, 3), "10.0.3.1"),
        ("fc", FC.format(7), "nn-0x2000000000000000:pn-0x2100000000000007"),
        ("pcie", "0000:01:00.0", "0000:01:00.0"),
        ("tcp", "10.0.0.1", None),
        ("tcp", "traddr=", None),
        ("loop", "", None),
        ("pcie", None, None),
    ],
)
def test_the_target_is_named_by_its_address(transport: str, address: str | None, target: str | None) -> None:
    assert core.target(core.Controller("nvme0", transport, "live", address)) == target


def test_evidence_is_the_snapshot() -> None:
    assert core.evidence(replace(TWO, controllers=(A,))) == {
        "controllers": [["nvme0", "tcp", "live", "traddr=10.0.0.1,trsvcid=4420,src_addr=10.0.0.9"]],
        "paths": [["nvme0c0n1", "optimized"], ["nvme0c1n1", "optimized"]],
    }
