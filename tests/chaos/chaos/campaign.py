# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign: a fleet goes up and down between two versions, with faults on the way, and has to arrive."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from . import faults, oracles
from .controller import Controller
from .faults import HALTED, KILLED, SUCCEEDED, Fault
from .nodes import Nodes
from .place import BETWEEN, HOLD, Place
from .scene import Scene
from .waiting import until

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "build/chaos"
VERSIONS = ("1.0.0", "1.1.0")
ALARMS = re.compile("|".join((ROOT / "tests/kmod/guest/alarms.txt").read_text(encoding="ascii").splitlines()))
WHOLE_S = 300.0  # until mirrors are whole again
VARIABLES = {
    "twostep_family": "remap",
    "twostep_deadline_ms": 5000,  # an emulated machine on a busy host
    "twostep_health_shelf_life_s": 600,  # its answers may be a minute apart
    "twostep_task_timeout_s": 240,  # until a node that is gone is given up
    "twostep_rehearse": False,
    "twostep_owner": "campaign@here",
}


class Campaign:
    """The way of a fleet from one version to the other is a job. Runs that were stopped by faults bring it a part of the way.

    :param folder: for the runs' files.
    """

    def __init__(self, nodes: Nodes, inventory: Path, folder: Path) -> None:
        self._nodes, self._inventory, self._folder = nodes, inventory, folder
        self._versions = VERSIONS
        self._runs = 0

    def _start(self, more: dict[str, Any]) -> Controller:
        self._runs += 1
        files = {"twostep_report_dir": str(self._folder / "report"), "twostep_pause_file": str(self._folder / "pause")}
        intent = "upgrade" if self._versions == VERSIONS else "rollback"
        variables = {**VARIABLES, **files, "twostep_version": self._versions[1], "twostep_intent": intent, **more}
        return Controller(self._inventory, OUT / f"run-{self._runs}.log", variables)

    def fault(self, fault: Fault, place: Place) -> dict[str, Any]:
        """Do one fault, and mend it. Returns its row; ``complaints`` is empty if all is as it must be."""
        begun, before, first = time.monotonic(), self._nodes.look(), self._runs + 1
        # Waves are of one node. Of what comes between two of them the next one is the victim.
        node = oracles.pending(before, self._versions[1])[place.wave - 1 + (place.phase == BETWEEN)]
        scene = Scene(self._nodes, node, self._versions, self._folder, self._start)
        try:
            fault.before(scene)
            scene.start({**_takeover(scene.holder()), **fault.variables})
            _break(scene, fault, place)
            ended = self._mend(scene, fault)
            after = self._nodes.look()
            complaints = [*_ending(scene, fault, ended), *oracles.safe(after, self._versions)]
            complaints += oracles.alarms(before, after, ALARMS, fault.meant)
        finally:
            scene.close()
        return {
            "fault": fault.name, "row": fault.row, "phase": place.phase, "wave": place.wave, "node": node, "to": self._versions[1],
            "ended": ended, "logs": [f"run-{number}.log" for number in range(first, self._runs + 1)],
            "seconds": round(time.monotonic() - begun), "complaints": complaints,
        }  # fmt: skip

    def _mend(self, scene: Scene, fault: Fault) -> str:
        """Do what an operator does, and return how the run has ended."""
        fault.mend(scene)
        self._nodes.mend()
        until(
            lambda: all((look["degraded"], look["sync"]) == ("0", "idle") for look in self._nodes.look().values()), "whole mirrors", WHOLE_S
        )
        status = scene.controller.status
        if not scene.controller.reached:
            scene.note("the run did not come to the place")
        return SUCCEEDED if status == 0 else KILLED if status is not None and status < 0 else HALTED

    def is_done(self) -> bool:
        """Return whether the job has been done, by one of the runs that something was done to."""
        return not oracles.pending(self._nodes.look(), self._versions[1])

    def finish(self) -> dict[str, Any]:
        """Run once more, as an operator does, in one wave, until the job is done; then the next one is the way back. Returns its row."""
        begun, before, complaints = time.monotonic(), self._nodes.look(), []
        held = next((lease for look in before.values() if (lease := oracles.lease(look))), {})
        runs = []
        if oracles.pending(before, self._versions[1]) or held:
            run = self._start({"twostep_canary": len(self._nodes.names), **_takeover(held)})
            runs.append(f"run-{self._runs}.log")
            with contextlib.closing(run):
                run.go()
            if run.status != 0:
                complaints.append(f"the run that was to finish the job ended with {run.status}")
        after = self._nodes.look()
        complaints += oracles.finished(after, self._versions[1], len(self._nodes.names)) + oracles.safe(after, self._versions)
        complaints += oracles.alarms(before, after, ALARMS)
        row = {"finished": self._versions[1], "logs": runs, "seconds": round(time.monotonic() - begun), "complaints": complaints}
        self._versions = (self._versions[1], self._versions[0])
        return row


def _takeover(held: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a run that comes after one which may be dead."""
    return {"twostep_lease_takeover": held["run_id"]} if held else {}


def _break(scene: Scene, fault: Fault, place: Place) -> None:
    """Let the run go, and do it at the place; a hold is watched for by the node itself, from the beginning of the swap's task on."""
    with contextlib.ExitStack() as ends:

        def act() -> None:
            if place.phase != HOLD:
                fault.inject(scene)
                return
            slow = ends.enter_context(contextlib.ExitStack())
            slow.enter_context(scene.nodes.slow_disk(scene.node))
            watcher = ends.enter_context(scene.nodes.watch(scene.node, *fault.watcher))
            listener = threading.Thread(target=_held, args=(scene, fault, watcher, slow))
            listener.start()
            ends.callback(listener.join)
            ends.callback(watcher.kill)

        scene.controller.go(place, act)


def _held(scene: Scene, fault: Fault, watcher: subprocess.Popen[str], slow: contextlib.ExitStack) -> None:
    """Act as soon as the watcher has seen a hold. One that resets its node may not come to say so."""
    assert watcher.stdout is not None
    word = watcher.stdout.readline()
    slow.close()
    if word.startswith("held"):
        fault.inject(scene)
    elif fault.watcher != faults.RESET:
        scene.note("the watcher saw no hold")


def _ending(scene: Scene, fault: Fault, ended: str) -> list[str]:
    """Return what is wrong with how the run ended."""
    found = list(scene.notes)
    if ended not in fault.ends:
        found.append(f"the run was {ended}, and was to be {' or '.join(fault.ends)}; see {scene.controller.log}")
    if ended == HALTED and fault.says and not any(word in scene.controller.text() for word in fault.says):
        found.append(f"the run does not say why; see {scene.controller.log}")
    return found
