# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: bring a fleet up, upgrade it under verified I/O, say what happened.

Run through ``lab session``, which ends the fleet whatever happens here.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")
HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
OUTPUT = ROOT / "build/demo"
NODES = ["n1", "n2", "n3"]
RATE_IOPS = 50  # of each node: some requests shall be on their way when a hold begins. fio spins before each, for milliseconds in emulation
TARGET = "1.1.0"
RING = """
  The nodes are a ring of mirrors: what one swaps holds a copy of the data of another one.

    n1:/dev/md0 = n1:/dev/twostep/data + n2:/dev/twostep/lent
    n2:/dev/md0 = n2:/dev/twostep/data + n3:/dev/twostep/lent      RAID1; the second leg of each comes by NVMe over TCP
    n3:/dev/md0 = n3:/dev/twostep/data + n1:/dev/twostep/lent"""
# What the kernel says when something is wrong, a pattern a line.
ALARMS = re.compile("|".join((ROOT / "tests/kmod/guest/alarms.txt").read_text(encoding="ascii").splitlines()))


class Stages:
    """Runs named stages and remembers how long each took."""

    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = []

    def run(self, name: str, action: Callable[[], Answer]) -> Answer:
        print(f"\n=== {name}", flush=True)
        begun = time.monotonic()
        answer = action()
        self.seconds.append((name, time.monotonic() - begun))
        return answer


def _playbook(inventory: pathlib.Path, name: str, variables: dict | None = None) -> None:
    argv = ["ansible-playbook", "--inventory", str(inventory), name]
    if variables:
        argv += ["--extra-vars", json.dumps(variables)]
    if subprocess.run(argv, cwd=ROOT, check=False).returncode != 0:
        raise SystemExit(f"demo: {name} failed. Next: read the task output above.")


def _upgrade(inventory: pathlib.Path) -> None:
    variables = {
        "twostep_family": "remap",
        "twostep_version": TARGET,
        "twostep_report_dir": str(OUTPUT),
        "twostep_deadline_ms": 5000,  # an emulated machine on a busy host
        "twostep_health_shelf_life_s": 600,  # its answers may be a minute apart
        "twostep_hook_before_report": str(HERE.parent / "shared/stop_workload.yml"),
    }
    _playbook(inventory, "twostep.hotswap.rolling_upgrade", variables)


def _lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the lab; its progress goes to the terminal, its answer is returned."""
    done = subprocess.run([sys.executable, "-m", "lab", *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"demo: lab {arguments[0]} failed. Next: read its messages above.")
    return done


def _kernel_alarms(state: pathlib.Path) -> list[str]:
    """Return the alarming lines in the kernel logs of all nodes."""
    return [
        f"{node}: {line}"
        for node in NODES
        for line in _lab("ssh", "--state", str(state), node, "--", "dmesg").stdout.splitlines()
        if ALARMS.search(line)
    ]


def _mirrors(state: pathlib.Path) -> dict[str, dict[str, int]]:
    """Return what became of each node's mirror, after its legs were compared."""
    with ThreadPoolExecutor(len(NODES)) as pool:
        told = pool.map(lambda node: _lab("ssh", "--state", str(state), node, "--", "sh /root/cluster.sh check").stdout, NODES)
        return {node: json.loads(answer) for node, answer in zip(NODES, told)}


def _stayed_whole(mirror: dict[str, int]) -> bool:
    return not any(mirror[what] for what in ("degraded", "lost", "mismatches"))


def _mirror_lines(mirrors: dict[str, dict[str, int]]) -> list[str]:
    if all(_stayed_whole(mirror) for mirror in mirrors.values()):
        reconnects = sum(mirror["reconnects"] for mirror in mirrors.values())
        return [
            "  mirrors: [UU] on all nodes, all the time: no leg was lost or rebuilt, and both legs of each are equal.",
            f"    The swaps of a neighbour were latency and nothing else; NVMe reconnects: {reconnects}",
        ]
    return ["  mirrors: NOT WHOLE", *(f"    {node}: {mirror}" for node, mirror in mirrors.items())]


def _summary(report: dict, stages: Stages, alarms: list[str], mirrors: dict[str, dict[str, int]]) -> str:
    columns = ("host", "slot", "from", "to", "mode", "outcome", "hold_ms", "held_requests")
    rows = [columns, *(tuple(str(node.get(column)) for column in columns) for node in report["nodes"])]
    widths = [max(len(row[index]) for row in rows) for index in range(len(columns))]
    lines = ["", f"result: {report['result']}", ""]
    lines += ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    io = report["io"]
    told = {node["host"]: node["build"] for node in report["nodes"] if node["build"]}
    builds = [f"{host} {build['how']} in {build['seconds']} s" for host, build in told.items()]
    lines += [
        "",
        f"  the new module: {', '.join(builds)}",
        f"  I/O errors: {io['errors']}   verify errors: {io['verify_errors']}   "
        + f"worst I/O latency: {io['max_latency_ms']} ms (emulated machines; the whole run, not only the holds)",
        *_mirror_lines(mirrors),
        f"  kernel logs: {'clean on all nodes' if not alarms else 'ALARMS'}",
        *(f"    {line}" for line in alarms),
        f"  report: {OUTPUT / 'report.html'} and report.json",
        "",
        "  " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in stages.seconds)
        + f"; together {sum(seconds for _name, seconds in stages.seconds):.0f} s",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> int:
    """Run the demo; 0 if the fleet was upgraded and nobody noticed."""
    stages = Stages()
    OUTPUT.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="twostep-demo-") as folder:
        state, inventory = pathlib.Path(folder) / "fleet", pathlib.Path(folder) / "inventory.yml"
        up = ["up", "--state", str(state), "--nodes", ",".join(NODES), "--layer", "prepared", "--inventory", str(inventory),
              "--builder", ",".join(NODES)]  # fmt: skip
        stages.run("three nodes with parent and remap 1.0.0 (minutes at the first time, then cached)", lambda: _lab(*up))
        try:
            cluster = str(HERE.parent / "shared/cluster.yml")
            print(RING, flush=True)
            stages.run("quorum, a ring of mirrors, verified I/O", lambda: _playbook(inventory, cluster, {"lab_rate_iops": RATE_IOPS}))
            stages.run("the upgrade", lambda: _upgrade(inventory))
            mirrors = stages.run("both legs of each mirror compared", lambda: _mirrors(state))
            alarms = _kernel_alarms(state)
        finally:
            _lab("down", "--state", str(state), "--keep-logs", str(ROOT / "build/logs/demo"))
    report = json.loads((OUTPUT / "report.json").read_text(encoding="utf-8"))
    print(_summary(report, stages, alarms, mirrors), flush=True)
    unharmed = report["io"]["errors"] == 0 and report["io"]["verify_errors"] == 0 and not alarms
    whole = all(_stayed_whole(mirror) for mirror in mirrors.values())
    moved = all(node["to"] == TARGET and node["outcome"] == "upgraded" for node in report["nodes"])
    return 0 if report["result"] == "succeeded" and moved and unharmed and whole else 1


if __name__ == "__main__":
    sys.exit(main())
