# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make chaos``: faults on three nodes, a ring of mirrors under quorum and verified I/O.

``python -m chaos short|COUNT [SEED]`` does COUNT faults at places that the seed chooses, each on a way of its own from one version to the
other; or the short form, three ways with several faults each. A row for each fault and each way is in build/chaos/chaos.json.
"""

from __future__ import annotations

import json
import random
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import faults
from .campaign import OUT, ROOT, Campaign
from .faults import Fault
from .nodes import Nodes
from .place import BETWEEN, IN_WAVES, Place

NAMES = ("n1", "n2", "n3")
Job = Sequence[tuple[Fault, Place]]


def say(text: str) -> None:
    print(f"chaos: {text}", flush=True)


def chosen(count: int, seed: int) -> list[Job]:
    """Return so many faults, a job for each, at places that the seed chooses: all of them in turn, in another order each time."""
    dice = random.Random(seed)
    found: list[Job] = []
    while len(found) < count:
        for fault in dice.sample(faults.FAULTS, len(faults.FAULTS)):
            phase = dice.choice(fault.phases)
            last = len(NAMES) - 1 if phase == BETWEEN else len(NAMES)
            found.append([(fault, Place(phase, dice.randint(1, last) if phase in IN_WAVES else 1))])
    return found[:count]


def short() -> list[Job]:
    """Return the jobs of the short form."""
    named = {fault.name: fault for fault in faults.FAULTS}
    return [[(named[name], Place(phase, wave)) for name, phase, wave in job] for job in faults.SHORT]


def do(jobs: Sequence[Job], seed: int | None, campaign: Campaign) -> list[dict[str, Any]]:
    """Do all jobs. After a row with complaints the fleet is not what the next one expects: it ends."""
    rows: list[dict[str, Any]] = []

    def keep(row: dict[str, Any]) -> bool:
        rows.append(row)
        what = row.get("ended") or f"finished at {row['finished']}"
        say("  " + ", ".join([what, *row["logs"], f"{row['seconds']} s"]) + "".join(f"\n    {line}" for line in row["complaints"]))
        (OUT / "chaos.json").write_text(json.dumps({"seed": seed, "rows": rows}, indent=1) + "\n", encoding="utf-8")
        return not row["complaints"]

    for number, job in enumerate(jobs, start=1):
        for fault, place in job:
            say(f"job {number} of {len(jobs)}: {fault.name}, {place.phase}, wave {place.wave}")
            if not keep(campaign.fault(fault, place)):
                return rows
            if campaign.is_done() and (fault, place) != job[-1] and not keep(campaign.finish()):
                return rows
        if not keep(campaign.finish()):
            return rows
    return rows


def _lab(*arguments: str) -> None:
    if subprocess.run([sys.executable, "-m", "lab", *arguments], stdout=subprocess.DEVNULL, check=False).returncode != 0:
        raise SystemExit(f"chaos: lab {arguments[0]} failed. Next: read its messages above.")


def _work(inventory: Path) -> None:
    words = [sys.executable, "-m", "ansible", "playbook", "--inventory", str(inventory), str(ROOT / "molecule/shared/cluster.yml")]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout}\nchaos: the fleet does not work. Next: read the task output above.")


def main(arguments: Sequence[str]) -> int:
    """Run a campaign; 0 if nothing was lost and every job was finished."""
    is_short = list(arguments) == ["short"]
    seed = None if is_short else int(arguments[1]) if len(arguments) > 1 else secrets.randbelow(10**6)
    jobs = short() if seed is None else chosen(int(arguments[0]), seed)
    planned = sum(map(len, jobs))
    say(f"{planned} faults" + (f", seed {seed}: make chaos FAULTS={planned} SEED={seed}" if seed is not None else ""))
    OUT.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in OUT.glob("*.*"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="twostep-chaos-") as name:
        folder = Path(name)
        state, inventory = folder / "fleet", folder / "inventory.yml"
        _lab("up", "--state", str(state), "--nodes", ",".join(NAMES), "--layer", "prepared", "--inventory", str(inventory),
             "--builder", ",".join(NAMES))  # fmt: skip
        try:
            _work(inventory)
            rows = do(jobs, seed, Campaign(Nodes(state), inventory, folder))
        finally:
            _lab("down", "--state", str(state), "--keep-logs", str(OUT / "consoles"))
    done, bad = sum("fault" in row for row in rows), sum(bool(row["complaints"]) for row in rows)
    say(f"{done} of {planned} faults, {bad} rows with complaints: {OUT / 'chaos.json'}")
    return 1 if bad or done < planned else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
