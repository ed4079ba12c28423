# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make chaos``: faults on three nodes, a ring of mirrors under quorum and verified I/O.

``python -m chaos [COUNT [SEED]]`` does COUNT faults at places that the seed chooses; without COUNT the short form. After each fault the
operator mends what is broken, nothing must be lost, and the next run must finish the job; then it goes the other way. A row for each is in
build/chaos/chaos.json.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import faults, oracles
from .controller import Controller
from .faults import HALTED, KILLED, SUCCEEDED, Fault
from .nodes import Nodes
from .place import BETWEEN, HOLD, IN_WAVES, Place
from .scene import Scene
from .waiting import until

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "build/chaos"
NAMES = ("n1", "n2", "n3")
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


def say(text: str) -> None:
    print(f"chaos: {text}", flush=True)


def chosen(count: int, seed: int) -> list[tuple[Fault, Place]]:
    """Return so many faults at places that the seed chooses: all of them in turn, in another order each time."""
    dice = random.Random(seed)
    found: list[tuple[Fault, Place]] = []
    while len(found) < count:
        for fault in dice.sample(faults.FAULTS, len(faults.FAULTS)):
            phase = dice.choice(fault.phases)
            last = len(NAMES) - 1 if phase == BETWEEN else len(NAMES)
            found.append((fault, Place(phase, dice.randint(1, last) if phase in IN_WAVES else 1)))
    return found[:count]


def short() -> list[tuple[Fault, Place]]:
    named = {fault.name: fault for fault in faults.FAULTS}
    return [(named[name], Place(phase, wave)) for name, phase, wave in faults.SHORT]


class Campaign:
    """A fleet that goes up and down between two versions, with a fault on each way."""

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

    def one(self, fault: Fault, place: Place) -> dict[str, Any]:
        """Do one fault, and everything that comes after it. Returns its row; ``complaints`` is empty if all is as it must be."""
        begun, before, first = time.monotonic(), self._nodes.look(), self._runs + 1
        # Of what comes between two waves the next one is the victim.
        node = NAMES[place.wave - 1 + (place.phase == BETWEEN)]
        scene = Scene(self._nodes, node, self._versions, self._folder, self._start)
        complaints: list[str] = []
        try:
            fault.before(scene)
            scene.start(fault.variables)
            self._break(scene, fault, place)
            ended = self._mend(scene, fault)
            complaints += _ending(scene, fault, ended)
            left = self._nodes.look()
            complaints += oracles.safe(left, self._versions)
            complaints += oracles.alarms(before, left, ALARMS, fault.meant)
            complaints += self._finish(scene)
            after = self._nodes.look()
            complaints += oracles.finished(after, self._versions[1], len(NAMES)) + oracles.safe(after, self._versions)
            complaints += oracles.alarms(left, after, ALARMS, fault.meant)
        finally:
            scene.close()
        self._versions = (self._versions[1], self._versions[0])
        return {
            "fault": fault.name, "row": fault.row, "phase": place.phase, "wave": place.wave, "node": node, "to": scene.new, "ended": ended,
            "runs": self._runs - first + 1, "logs": [f"run-{number}.log" for number in range(first, self._runs + 1)],
            "seconds": round(time.monotonic() - begun), "complaints": complaints,
        }  # fmt: skip

    def _break(self, scene: Scene, fault: Fault, place: Place) -> None:
        """Let the run go, and do it at the place; a hold is watched for by the node itself, from the beginning of the swap's task on."""
        with contextlib.ExitStack() as ends:

            def act() -> None:
                if place.phase != HOLD:
                    fault.inject(scene)
                    return
                watcher = ends.enter_context(self._nodes.watch(scene.node, *fault.watcher))
                listener = threading.Thread(target=_held, args=(scene, fault, watcher))
                listener.start()
                ends.callback(listener.join)
                ends.callback(watcher.kill)

            scene.controller.go(place, act)

    def _mend(self, scene: Scene, fault: Fault) -> str:
        """Do what an operator does, and return how the run has ended."""
        fault.mend(scene)
        self._nodes.mend()
        status = scene.controller.status
        if not scene.controller.reached:
            scene.note("the run did not come to the place")
        return SUCCEEDED if status == 0 else KILLED if status is not None and status < 0 else HALTED

    def _finish(self, scene: Scene) -> list[str]:
        """Run once more, as an operator does: from whoever is dead the lease is taken over."""
        self._whole()
        held = scene.holder()
        again = scene.start({"twostep_lease_takeover": held.get("run_id", "")} if held else {})
        again.go()
        if again.status != 0:
            return [f"the next run did not finish the job, it ended with {again.status}; see {again.log}"]
        self._whole()
        return []

    def _whole(self) -> None:
        until(
            lambda: all((look["degraded"], look["sync"]) == ("0", "idle") for look in self._nodes.look().values()), "whole mirrors", WHOLE_S
        )


def _held(scene: Scene, fault: Fault, watcher: subprocess.Popen[str]) -> None:
    """Act as soon as the watcher has seen a hold. One that resets its node may not come to say so."""
    assert watcher.stdout is not None
    if watcher.stdout.readline().startswith("held"):
        fault.inject(scene)
    elif fault.watcher != faults.RESET:
        scene.note("the watcher saw no hold")


def _ending(scene: Scene, fault: Fault, ended: str) -> list[str]:
    """Return what is wrong with how the run ended."""
    found = list(scene.notes)
    if ended not in fault.ends:
        found.append(f"the run {ended}, and was to be {' or '.join(fault.ends)}; see {scene.controller.log}")
    if ended == HALTED and fault.says and not any(word in scene.controller.text() for word in fault.says):
        found.append(f"the run does not say why; see {scene.controller.log}")
    return found


def campaign(plan: Sequence[tuple[Fault, Place]], seed: int | None, state: Path, inventory: Path, folder: Path) -> list[dict[str, Any]]:
    """Do all faults, one after the other. After one with complaints the fleet is not what the next one expects: it ends."""
    own = Campaign(Nodes(state), inventory, folder)
    rows: list[dict[str, Any]] = []
    for number, (fault, place) in enumerate(plan, start=1):
        say(f"{number} of {len(plan)}: {fault.name}, {place.phase}, wave {place.wave}")
        rows.append(own.one(fault, place))
        row = rows[-1]
        say(f"  {row['ended']}, {row['runs']} runs, {row['seconds']} s{''.join(f'{chr(10)}    {line}' for line in row['complaints'])}")
        (OUT / "chaos.json").write_text(json.dumps({"seed": seed, "faults": rows}, indent=1) + "\n", encoding="utf-8")
        if row["complaints"]:
            break
    return rows


def _lab(*arguments: str) -> None:
    if subprocess.run([sys.executable, "-m", "lab", *arguments], stdout=subprocess.DEVNULL, check=False).returncode != 0:
        raise SystemExit(f"chaos: lab {arguments[0]} failed. Next: read its messages above.")


def main(arguments: Sequence[str]) -> int:
    """Run a campaign; 0 if nothing was lost and every job was finished."""
    seed = (int(arguments[1]) if len(arguments) > 1 else secrets.randbelow(10**6)) if arguments else None
    plan = chosen(int(arguments[0]), seed) if seed is not None else short()
    say(f"{len(plan)} faults" + (f", seed {seed}: make chaos FAULTS={len(plan)} SEED={seed}" if seed is not None else ""))
    OUT.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in OUT.glob("*"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="twostep-chaos-") as name:
        folder = Path(name)
        state, inventory = folder / "fleet", folder / "inventory.yml"
        _lab("up", "--state", str(state), "--nodes", ",".join(NAMES), "--layer", "prepared", "--inventory", str(inventory),
             "--builder", ",".join(NAMES))  # fmt: skip
        try:
            words = [sys.executable, "-m", "ansible", "playbook", "--inventory", str(inventory), str(ROOT / "molecule/shared/cluster.yml")]
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
            rows = campaign(plan, seed, state, inventory, folder)
        finally:
            _lab("down", "--state", str(state), "--keep-logs", str(OUT / "consoles"))
    bad = [row for row in rows if row["complaints"]]
    say(f"{len(rows)} of {len(plan)} faults, {len(bad)} with complaints; {OUT / 'chaos.json'}")
    return 1 if bad or len(rows) < len(plan) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
