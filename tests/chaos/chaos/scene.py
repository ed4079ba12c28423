# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene: one run that something is done to. What faults may touch, and what they need to remember until they are mended."""

from __future__ import annotations

import re
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import oracles
from .controller import Controller
from .nodes import Nodes
from .waiting import until

VOTES_S = 180.0


class Scene:
    """One fault's surroundings.

    :ivar node: whose wave it is; ``peer`` is another one.
    :ivar old: what the fleet serves before the run, ``new`` what the run brings.
    :ivar controllers: all that were started, the one that the fault is for first.
    :param start: starts one with more variables.
    """

    def __init__(self, nodes: Nodes, node: str, versions: tuple[str, str], folder: Path, start: Callable[..., Controller]) -> None:
        self.nodes, self.node = nodes, node
        self.peer = nodes.names[(nodes.names.index(node) + 1) % len(nodes.names)]
        self.old, self.new = versions
        self.pause_file = folder / "pause"
        self.report = folder / "report"
        self._start = start
        self.controllers: list[Controller] = []
        self._boot = self._boot_id()
        self.notes: list[str] = []
        self._rival: threading.Thread | None = None

    def start(self, more: dict[str, Any]) -> Controller:
        """Start a controller."""
        self.controllers.append(self._start(more))
        return self.controllers[-1]

    @property
    def controller(self) -> Controller:
        """The one that the fault is for."""
        return self.controllers[0]

    def note(self, text: str) -> None:
        """Keep something for the row of the fault."""
        self.notes.append(text)

    def _boot_id(self) -> str:
        return self.nodes.run(self.node, "cat /proc/sys/kernel/random/boot_id")

    def wait_other_boot(self) -> None:
        """Wait until a node that resets itself has booted."""
        self.nodes.wait_booted(self.node)
        if self._boot_id() == self._boot:
            self.note("the node was not reset: the watcher saw no hold")

    def wait_votes(self, node: str, votes: int) -> None:
        """Wait until a node sees so many votes."""
        script = "corosync-quorumtool -s || true"
        until(lambda: bool(re.search(rf"Total votes:\s*{votes}\b", self.nodes.run(node, script))), f"{votes} votes on {node}", VOTES_S)

    def interrupt(self) -> None:
        """Do what the operator's Ctrl-C does; the run may still clean up."""
        self.controller.signal(signal.SIGINT)

    def holder(self) -> dict[str, Any]:
        """Return the lease that is held, empty for none."""
        return next((held for look in self.nodes.look().values() if (held := oracles.lease(look))), {})

    def rival(self) -> None:
        """Start a second controller of somebody else beside the first."""
        self._rival = threading.Thread(target=self.start({"twostep_owner": "rival@elsewhere"}).go)
        self._rival.start()

    def rival_ended(self, *, refused: bool) -> None:
        """Wait for the second one, and say if it was not refused in the first one's name."""
        if self._rival:
            self._rival.join()
        rival = self.controllers[-1]
        if refused and (rival.status == 0 or "lease" not in rival.text()):
            self.note("the second controller was not refused")

    def replaced(self) -> None:
        """Take over from the controller that sleeps, finish the job, and wake it."""
        run = self.holder().get("run_id", "")
        successor = self.start({"twostep_owner": "successor@elsewhere", "twostep_lease_takeover": run})
        successor.go()
        if successor.status != 0:
            self.note(f"the successor ended with {successor.status}; see {successor.log}")
        self.controller.wake()

    def block_report(self) -> None:
        """Put a file where the report's folder is to be."""
        shutil.rmtree(self.report, ignore_errors=True)
        self.report.write_text("", encoding="ascii")

    def unblock_report(self) -> None:
        """Take it away."""
        self.report.unlink()

    def close(self) -> None:
        """End every controller of the scene."""
        for controller in self.controllers:
            controller.close()
