# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An etcd of three members on the fleet, for the faults that are about one; its times suit emulated nodes."""

from __future__ import annotations

import shlex

from .nodes import Nodes
from .waiting import until

LIMIT_S = 180.0
CLIENTS, PEERS = 2379, 2380
STOP = "systemctl stop chaos-etcd 2> /dev/null || true"
HEALTH = "ETCDCTL_API=3 etcdctl endpoint health --cluster 2>&1 || true"


def start(nodes: Nodes, name: str) -> None:
    """Start a node's member."""
    own = f"http://{nodes.address(name)}"
    words = [
        "systemd-run", "--quiet", "--unit=chaos-etcd", "etcd", f"--name={name}", "--data-dir=/var/lib/chaos-etcd",
        f"--listen-client-urls={own}:{CLIENTS},http://127.0.0.1:{CLIENTS}", f"--advertise-client-urls={own}:{CLIENTS}",
        f"--listen-peer-urls={own}:{PEERS}", f"--initial-advertise-peer-urls={own}:{PEERS}",
        "--initial-cluster=" + ",".join(f"{one}=http://{nodes.address(one)}:{PEERS}" for one in nodes.names),
        "--heartbeat-interval=1000", "--election-timeout=10000",
    ]  # fmt: skip
    nodes.run(name, shlex.join(words))


def stop(nodes: Nodes, name: str) -> None:
    """Stop a node's member."""
    nodes.run(name, STOP)


def up(nodes: Nodes) -> None:
    """Start all members, and wait until all are healthy."""
    for name in nodes.names:
        start(nodes, name)
    wait_whole(nodes)


def wait_whole(nodes: Nodes) -> None:
    """Wait until all members are healthy."""
    until(lambda: nodes.run(nodes.names[0], HEALTH).count("is healthy") == len(nodes.names), "a whole etcd", LIMIT_S)


def down(nodes: Nodes) -> None:
    """End it and forget what it kept."""
    for name in nodes.names:
        nodes.run(name, STOP + "; rm -rf /var/lib/chaos-etcd")
