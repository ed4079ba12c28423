# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the peers of a host while it swaps: looks at them again and again, and says each time what it has seen.

Reads one line of JSON from standard input: ``sources``, ``settings``, ``stall_seconds`` and ``timeout_s`` as of the health sources,
``interval_s`` from the beginning of one look to the next, ``still_s`` that I/O may stand still, ``lifetime_s``. Prints one line of JSON
for each look. Ends when its input does, so it does not outlive the controller, and after ``lifetime_s`` where that end does not arrive.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import Any, Callable, Mapping, Sequence

from ..core import progress
from ..core.errors import TwostepError
from ..core.health import UNKNOWN, Answer, Finding
from . import health
from .health_probe import Question, World, utc_now
from .paths import Paths
from .runner import run

_SOURCE = "progress"
_MAX_BYTES = 1 << 20


class Looks:
    """One look after the other, at what the sources say and at whether I/O gets on."""

    def __init__(self, asked: Mapping[str, Any], world: World, read_disks: Callable[[], str], now_s: Callable[[], float]) -> None:
        self._sources: Sequence[str] = asked["sources"]
        self._question = Question(asked["stall_seconds"], asked["settings"])
        self._world = world
        self._progress = progress.Progress(asked["still_s"])
        self._read_disks = read_disks
        self._now_s = now_s

    def look(self) -> dict[str, Any]:
        """Return one sample: the answers, or the refusal."""
        try:
            answers = health.look(self._sources, self._question, self._world)
        except TwostepError as error:
            return {"msg": str(error), "code": error.code}
        return {"answers": [answer.as_dict() for answer in [*answers, self._disks()]]}

    def _disks(self) -> Answer:
        try:
            found = self._progress.look(progress.parse(self._read_disks()), self._now_s())
        except OSError as error:
            found = Finding(UNKNOWN, f"The counters of the disks cannot be read: {error.strerror}.")
        return Answer(_SOURCE, "disks", found.verdict, found.reason, self._world.now())


def _disks(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as handle:
        return handle.read(_MAX_BYTES)


def _is_over(wait_s: float) -> bool:
    """Return whether the input ends within ``wait_s`` seconds."""
    ready, _nothing, _none = select.select([sys.stdin], [], [], max(0.0, wait_s))
    return bool(ready) and not os.read(sys.stdin.fileno(), 1)


def main(_argv: Sequence[str]) -> int:
    asked = json.loads(sys.stdin.buffer.readline())
    signal.alarm(max(1, int(asked["lifetime_s"])))
    paths = Paths()
    world = World(run, paths, utc_now, time.sleep, asked["timeout_s"], 0.0)
    looks = Looks(asked, world, lambda: _disks(f"{paths.proc}/diskstats"), time.monotonic)
    while True:
        begun_s = time.monotonic()
        sys.stdout.write(json.dumps(looks.look()) + "\n")
        sys.stdout.flush()
        if _is_over(begun_s + asked["interval_s"] - time.monotonic()):
            return 0
