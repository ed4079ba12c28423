# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a campaign: what can be done to them from outside and from inside, and what they look like."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab import fleet, monitor, ssh
from lab.machine import Machine

GUEST = Path(__file__).resolve().parent.parent / "guest"
ANSWER_S = 300.0
SLOW_IOPS = 8  # the workload has up to 4 requests on their way, and the drain half of the deadline


class Nodes:
    """A running fleet of the lab.

    :ivar names: its nodes, in the order of their numbers.
    """

    def __init__(self, state: Path) -> None:
        description, self._machines = fleet.load(state)
        self._known = Path(description["known_hosts"])
        self.names = list(self._machines)

    def _machine(self, name: str) -> Machine:
        return self._machines[name]

    def address(self, name: str) -> str:
        """Return a node's address on the network of the nodes."""
        return self._machine(name).address

    def argv(self, name: str, *command: str) -> list[str]:
        """Return the command line that runs a command on a node."""
        return ssh.argv(self._machine(name).port, self._known, *command)

    def run(self, name: str, script: str, ok: tuple[int, ...] = (0,)) -> str:
        """Run a shell script on a node and return what it printed.

        :param ok: exit statuses that are fine.
        :raises RuntimeError: another one; with what it printed.
        """
        done = subprocess.run(self.argv(name, "sh", "-eu"), input=script, capture_output=True, text=True, timeout=ANSWER_S, check=False)
        if done.returncode not in ok:
            raise RuntimeError(f"{name}: status {done.returncode} of {script!r}: {(done.stderr or done.stdout).strip()[-800:]}")
        return done.stdout

    def python(self, name: str, script: str) -> str:
        """Run one of ours (tests/chaos/guest) on a node and return what it printed."""
        with open(GUEST / script, "rb") as program:
            done = subprocess.run(self.argv(name, "python3", "-"), stdin=program, stdout=subprocess.PIPE, timeout=ANSWER_S, check=True)
        return done.stdout.decode(errors="replace")

    def look(self) -> dict[str, dict[str, Any]]:
        """Return what every node looks like; see guest/look.py."""
        with ThreadPoolExecutor(len(self.names)) as pool:
            return dict(zip(self.names, pool.map(lambda name: json.loads(self.python(name, "look.py")), self.names)))

    @contextlib.contextmanager
    def slow_disk(self, name: str) -> Iterator[None]:
        """Let the disk below a node's slot do few requests a second meanwhile: a hold that waits for some is long enough to be met."""
        self._throttle(name, SLOW_IOPS)
        try:
            yield
        finally:
            self._throttle(name, 0)

    def _throttle(self, name: str, iops: int) -> None:
        problem = monitor.line(self._machine(name).qmp, f"block_set_io_throttle vdb 0 0 0 {iops} 0 0").strip()
        if problem:
            raise RuntimeError(f"{name}: {problem}")

    @contextlib.contextmanager
    def watch(self, name: str, *act: str) -> Iterator[subprocess.Popen[str]]:
        """Watch for a hold on a node and do something in it; see guest/watch.py. Gives the watcher once it looks."""
        self.run(name, f"cat > /run/watch.py <<'END'\n{(GUEST / 'watch.py').read_text(encoding='utf-8')}\nEND")
        with subprocess.Popen(self.argv(name, "python3", "/run/watch.py", *act), stdout=subprocess.PIPE, text=True) as watcher:
            assert watcher.stdout is not None
            if watcher.stdout.readline().strip() != "ready":
                raise RuntimeError(f"{name}: nobody watches for a hold")
            yield watcher
            watcher.kill()

    def freeze(self, name: str) -> None:
        """Let a node stand still, as its hypervisor would."""
        monitor.line(self._machine(name).qmp, "stop")

    def thaw(self, name: str) -> None:
        """Let it go on."""
        monitor.line(self._machine(name).qmp, "cont")

    def boot(self, name: str) -> None:
        """Reset a node, whatever it does, and wait until it has booted."""
        monitor.reset(self._machine(name).qmp)
        self.thaw(name)
        self.wait_booted(name)

    def wait_booted(self, name: str) -> None:
        """Wait until a node that boots answers and has started everything."""
        ssh.wait(self._machine(name).port, self._known, name)
        self.run(name, "systemctl is-system-running --wait", ok=(0, 1))  # a unit that failed is told of by the oracles

    def link(self, name: str, up: bool) -> None:
        """Plug or unplug a node's network to its peers; ssh goes another way."""
        monitor.set_link(self._machine(name).qmp, up)

    def mend(self) -> None:
        """Bring back what a fault has taken: exports, connections, legs, mounts, the workload."""
        with ThreadPoolExecutor(len(self.names)) as pool:
            list(pool.map(lambda name: self.run(name, "sh /root/cluster.sh mend"), self.names))
