# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that stands still in a phase of its ledger, for whoever cuts the power then; and what is remembered over that."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import threading
import time
from typing import Any, Callable

import bench

NOTE = pathlib.Path("/root/reset.json")
LEDGER = pathlib.Path("/var/lib/twostep/ledger.jsonl")


def agents(command: str) -> list[int]:
    """Return the processes that run an agent, without a tracer's."""
    found = bench.run("pgrep", "--full", f"^/usr/bin/python3 -I .*agent-.* {command} ", check=False).stdout.split()
    return [int(pid) for pid in found]


def stop_in(phase: str, command: str, start: Callable[[], object]) -> None:
    """Have an agent at work by ``start``, and stop it as soon as its ledger tells that it is in ``phase``."""
    wanted = f'"phase":"{phase}","event":"begin"'
    with open(LEDGER, encoding="ascii") as ledger:
        ledger.seek(0, os.SEEK_END)
        threading.Thread(target=start, daemon=True).start()
        bench.wait_until(lambda: agents(command), "an agent is at work", 120)
        (pid,) = agents(command)
        end = time.monotonic() + 300
        told = ""
        while wanted not in told:
            assert time.monotonic() < end, f"{phase} was not begun: {told}"
            told += ledger.read()
            time.sleep(0.002)  # a file offers nothing to wait on
        os.kill(pid, signal.SIGSTOP)


def remember(**facts: Any) -> None:
    """Keep something over the reset, and whatever else was written."""
    NOTE.write_text(json.dumps(facts))
    bench.run("sync")


def remembered() -> dict[str, Any]:
    return json.loads(NOTE.read_text())
