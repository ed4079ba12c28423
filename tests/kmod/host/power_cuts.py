# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts the power at every phase of a swap; every write that was acknowledged must be there afterwards.

For each phase a node is restored and given a disk whose writes and flushes
QEMU logs outside. A stamp writer works on a slot on that disk; its
acknowledgements are read here. One that has arrived proves that fsync had
returned in the guest before. When the swap stands at the phase the machine is
gone. What an unflushed cache loses is not left to QEMU, which loses nothing:
the disk is built anew from the log, up to the last flush. Those disks then get
slots on a fresh node and are read through them. Some phases end by a reset
instead, and the node boots and brings its slot up again.

``power_cuts.py [--image bookworm]``; TWOSTEP_CUTS and TWOSTEP_RESETS name the
phases, TWOSTEP_SEED repeats a run. Needs the modules of ``make kmod`` and a lab session.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/kmod/guest"))

import stamps  # noqa: E402 (found by the line above)
import verdict  # noqa: E402
from node import Node  # noqa: E402

PHASES = ("prepare", "drain", "abandon", "adopt", "returned", "probation", "commit", "detached")
RESETS = ("adopt",)
CONTROL = "swallowed"  # the child in service swallows flushes
DISK_MIB = 64
WINDOW = 64  # writes that each thread may be ahead of the slowest acknowledgement
AFTER = 60  # acknowledgements from the phase's begin to the cut, where I/O flows
RANDOM_CUTS = 10


@dataclass
class Session:
    """A writer in the guest as the host sees it."""

    plan: stamps.Plan
    process: subprocess.Popen[str]
    granted: int = WINDOW
    acknowledged: dict[int, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    held_at: int | None = None  # acknowledgements when the slot was held

    def grant(self) -> None:
        """Permit the next writes; before that line is sent nobody can have issued them."""
        slowest = min(self.acknowledged.get(thread, 0) for thread in range(self.plan.threads))
        if slowest + WINDOW >= self.granted + WINDOW // 4:
            self.granted = slowest + WINDOW
            self._send()

    def _send(self) -> None:
        try:
            print(self.granted, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # the power is gone

    def until(self, phase: str) -> None:
        """Return when the phase is reached, and the writer has got on where it can."""
        self._send()
        wanted = None
        for line in self.process.stdout or ():
            self.take(line)
            total = sum(self.acknowledged.values())
            if line.startswith(f"at {phase} "):
                held = line.split()[2] == "held"
                self.held_at = total if held else None
                wanted = total if held else total + AFTER
            if wanted is not None and total >= wanted:
                return
        raise AssertionError(f"{phase} was not reached: {self.said}")

    def problems(self) -> list[str]:
        """Return what went wrong on the way to the cut: with errors, or after the hold, it is not the cut that was wanted."""
        wrong = [line for line in self.said if line.startswith("error")]
        late = sum(self.acknowledged.values()) - self.held_at if self.held_at is not None else 0
        # Of each thread one acknowledgement may have been under way.
        return [*wrong, f"{late} acknowledgements came from a held slot"] if late > self.plan.threads else wrong

    def take(self, line: str) -> None:
        word, *rest = line.split()
        if word == "ack":
            self.acknowledged[int(rest[0])] = int(rest[1])
            self.grant()
        else:
            self.said.append(line.rstrip())

    def rest(self) -> None:
        """Read what was on its way; it was sent before the cut."""
        for line in self.process.stdout or ():
            if line.endswith("\n"):  # else it is cut, too
                self.take(line)
        self.process.wait()


def hold(node: Node, phase: str, device: str, generation: int) -> Session:
    """Start writer and swap; on return the swap stands at the phase."""
    command = node.ssh("cd /root/guest && exec python3 cut_point.py " + f"{phase} {device} {generation}")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session = Session(stamps.Plan(generation), process)
    session.until(phase)
    return session


def known(cut: verdict.Cut, device: str) -> dict[str, object]:
    """Return what come_up.py must know to judge the disk of a cut."""
    return {"device": device, "plan": cut.plan.as_dict(), "limit": cut.granted, "acknowledged": sorted(cut.acknowledged.items())}


class Cuts:
    """All cuts of a run."""

    def __init__(self, image: str, modules: Path, work: Path, seed: int) -> None:
        self.node = Node(work / "fleet", image)
        self.modules, self.work, self.seed = modules, work, seed
        self.chance = random.Random(seed)
        self.wrong: list[str] = []

    def fresh(self) -> None:
        self.node.restore()
        self.node.fill(self.modules)

    def cut(self, phase: str, verb: str) -> verdict.Cut:
        """Bring a fresh node to the phase and end it there."""
        self.fresh()
        disk, log = self.work / f"{verb}-{phase}.disk", self.work / f"{verb}-{phase}.log"
        device = self.node.plug("cut", disk, log)
        session = hold(self.node, phase, device, self.chance.randrange(1, 1 << 32))
        self.node.ask(verb, "n1")
        if verb == "reset":
            session.process.kill()  # its connection lasts until somebody finds out that the other end has forgotten it
        session.rest()
        self.wrong += [f"{verb} at {phase}: {problem}" for problem in session.problems() + self.node.alarms()]
        return verdict.Cut(session.plan, log, DISK_MIB << 20, session.granted, session.acknowledged)

    def report(self, what: str, wrong: list[str], looked: str, begun: float) -> None:
        print(f"{what}: {'LOST' if wrong else 'nothing lost'}; {looked}; {time.monotonic() - begun:.1f} s", flush=True)
        self.wrong += [f"{what}: {problem}" for problem in wrong]

    def power_off(self, phase: str) -> verdict.Cut:
        begun = time.monotonic()
        cut = self.cut(phase, "power-off")
        self.node.down()
        self.report(f"power cut at {phase}", *verdict.judge(cut, self.work / f"{phase}.image", self.seed, RANDOM_CUTS), begun)
        return cut

    def control(self) -> None:
        """With a child that swallows flushes something must be lost."""
        begun = time.monotonic()
        cut = self.cut(CONTROL, "power-off")
        self.node.down()
        lost, looked = verdict.judge(cut, self.work / "control.image", self.seed, RANDOM_CUTS)
        blocks = [problem for problem in lost if problem.startswith("up to the last flush")]
        print(
            f"control, flushes swallowed: {len(blocks)} blocks lost, as it must be; {looked}; {time.monotonic() - begun:.1f} s", flush=True
        )
        if not blocks:
            self.wrong.append("control: a child swallowed flushes, and no block was lost")

    def reset(self, phase: str) -> None:
        begun = time.monotonic()
        cut = self.cut(phase, "reset")
        self.node.ask("wait-ssh", "n1")
        self.through_slots("reset at", {phase: known(cut, "/dev/disk/by-id/virtio-cut")}, begun)

    def comes_up(self, cuts: dict[str, verdict.Cut]) -> None:
        """Every disk as its cut left it gets a slot on one fresh node."""
        begun = time.monotonic()
        self.fresh()
        disks = {phase: known(cut, self.node.plug(phase, self.work / f"{phase}.image")) for phase, cut in cuts.items()}
        self.through_slots("slot after the cut at", disks, begun)

    def through_slots(self, what: str, disks: dict[str, dict[str, object]], begun: float) -> None:
        """Let a node make slots on its disks and read them; then end it."""
        answers = json.loads(self.node.run("cd /root/guest && python3 come_up.py", text=json.dumps(disks)))
        for phase in disks:
            self.report(f"{what} {phase}", answers[phase]["problems"], answers[phase]["summary"], begun)
        self.wrong += self.node.alarms()
        self.node.down()


def chosen(variable: str, default: tuple[str, ...]) -> list[str]:
    """Return the phases that an environment variable names, with commas."""
    names = [name for name in os.environ.get(variable, ",".join(default)).split(",") if name]
    if set(names) - set(PHASES):
        raise SystemExit(f"power_cuts: {variable}={','.join(names)}. Next: use some of {','.join(PHASES)}.")
    return names


def main() -> int:
    parser = argparse.ArgumentParser(description="Cut the power at every phase of a swap.")
    parser.add_argument("--image", default="bookworm")
    parser.add_argument("--modules", type=Path, help="folder of the built modules; default: those of make kmod")
    parser.add_argument("--work", type=Path, default=ROOT / "build/power_cuts", help="made anew; stays if something was lost")
    args = parser.parse_args()
    phases, resets = chosen("TWOSTEP_CUTS", PHASES), chosen("TWOSTEP_RESETS", RESETS)
    seed = int(os.environ.get("TWOSTEP_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"TWOSTEP_SEED={seed}", flush=True)
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    cuts = Cuts(args.image, args.modules or ROOT / f"build/kmod/{args.image}/modules", args.work, seed)
    try:
        cuts.comes_up({phase: cuts.power_off(phase) for phase in phases})
        cuts.control()
        for phase in resets:
            cuts.reset(phase)
    finally:
        cuts.node.down()
    if cuts.wrong:
        print("\n".join(cuts.wrong))
        print(f"Next: logs and disks are in {args.work}; run again with TWOSTEP_SEED={seed}.")
        return 1
    shutil.rmtree(args.work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
