# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""pacemaker: does the cluster manage its resources with quorum, and is somebody there to take over from this node?

Judges what ``crm_mon --output-as=xml`` says; its form follows pacemaker's schema ``crm_mon-2``. Votes are not in it: ask corosync for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from .health import NOT_OK, OK, UNKNOWN, Finding, combine, unreadable

_MOST_TOLD = 8


@dataclass(frozen=True)
class Node:
    """A full member of the cluster; each flag is None where it is not told."""

    name: str
    online: bool | None
    standby: bool | None
    maintenance: bool | None
    pending: bool | None
    unclean: bool | None


@dataclass(frozen=True)
class Cluster:
    """One snapshot. ``coordinator`` and ``with_quorum`` are None where they are not told; ``failures`` are failed actions."""

    coordinator: bool | None
    with_quorum: bool | None
    maintenance: bool | None
    nodes: tuple[Node, ...]
    failures: tuple[str, ...]


def parse(text: str) -> Cluster:
    """Return the snapshot.

    :raises TwostepError: ``unreadable_answer``, also for the older form of ``--as-xml``, whose root is another one.
    """
    if "<!" in text:  # a document type could define entities without end; pacemaker's answers have none
        raise unreadable("crm_mon")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - without a document type there is nothing to expand
    except ElementTree.ParseError:
        raise unreadable("crm_mon") from None
    status = root.find("status")
    if root.tag != "pacemaker-result" or status is None or status.get("code") != "0":
        raise unreadable("crm_mon")
    coordinator, options = root.find("summary/current_dc"), root.find("summary/cluster_options")
    return Cluster(
        coordinator=_flag(coordinator, "present"),
        with_quorum=_flag(coordinator, "with_quorum"),
        maintenance=_flag(options, "maintenance-mode"),
        nodes=tuple(_node(node) for node in root.findall("nodes/node") if node.get("type") == "member"),
        failures=tuple(f"{failure.get('op_key', '?')} on {failure.get('node', '?')}" for failure in root.findall("failures/failure")),
    )


def _flag(element: ElementTree.Element | None, name: str) -> bool | None:
    return {"true": True, "false": False}.get(element.get(name, "")) if element is not None else None


def _node(element: ElementTree.Element) -> Node:
    flags = {name: _flag(element, name) for name in ("online", "standby", "maintenance", "pending", "unclean")}
    return Node(element.get("name", "?"), **flags)


def quorate(cluster: Cluster) -> Finding:
    """Has the cluster a coordinator, in a partition with quorum?"""
    if cluster.coordinator is False:
        return Finding(NOT_OK, "The cluster has no designated coordinator.")
    if cluster.coordinator is None or cluster.with_quorum is None:
        return Finding(UNKNOWN, "crm_mon does not tell whether there is a coordinator with quorum.")
    if not cluster.with_quorum:
        return Finding(NOT_OK, "The partition of this node has no quorum.")
    return Finding(OK, "The cluster has a coordinator and quorum.")


def clean(node: Node) -> Finding:
    """Is the node a full member, neither on its way in or out, nor to be fenced?"""
    if node.online is None or node.pending is None or node.unclean is None:
        return Finding(UNKNOWN, f"crm_mon does not tell the state of {node.name}.")
    if node.unclean:
        return Finding(NOT_OK, f"{node.name} is unclean: it is to be fenced.")
    if node.pending:
        return Finding(NOT_OK, f"{node.name} is joining.")
    if not node.online:
        return Finding(NOT_OK, f"{node.name} is offline.")
    return Finding(OK, f"{node.name} is online.")


def undisturbed(cluster: Cluster) -> Finding:
    """Has no action failed? A failed one may keep a resource from being taken over, or its node from being used."""
    if cluster.failures:
        return Finding(NOT_OK, f"Actions have failed: {', '.join(cluster.failures[:_MOST_TOLD])}. Clean up with crm_resource --cleanup.")
    return Finding(OK, "No action has failed.")


def survives_stall(cluster: Cluster) -> Finding:
    """Would another node take over if this one stalled? Which of the nodes is this one does not matter: two must be able to."""
    if cluster.maintenance is None:
        return Finding(UNKNOWN, "crm_mon does not tell whether the cluster is in maintenance mode.")
    if cluster.maintenance:
        return Finding(NOT_OK, "The cluster is in maintenance mode: nobody would take over.")
    able = [node.name for node in cluster.nodes if node.online and node.standby is False and node.maintenance is False]
    if len(able) < 2:
        return Finding(NOT_OK, f"Only {', '.join(able) or 'no node'} can run resources: nobody would take over if it stalled.")
    return Finding(OK, f"{len(able)} nodes can run resources.")


def judge(cluster: Cluster) -> Finding:
    """Return the finding of one sample."""
    return combine([quorate(cluster), *map(clean, cluster.nodes), undisturbed(cluster), survives_stall(cluster)])


def evidence(cluster: Cluster) -> dict[str, object]:
    """Return the figures behind the finding, small enough for a report."""
    return {
        "with_quorum": cluster.with_quorum,
        "nodes": len(cluster.nodes),
        "online": sum(node.online is True for node in cluster.nodes),
        "standby": sum(node.standby is True for node in cluster.nodes),
        "failures": list(cluster.failures[:_MOST_TOLD]),
    }
