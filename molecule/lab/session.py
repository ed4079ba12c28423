# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session: run a command, then make sure that no machine it started is left."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

_VARIABLE = "TWOSTEP_LAB_SESSION"


def _members(session: str) -> dict[int, str]:
    """Return the processes of the session, whoever their parent is: the environment tells."""
    found = {}
    wanted = f"{_VARIABLE}={session}".encode()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # gone, or not ours
    return found


def run(command: list[str]) -> int:
    """Run ``command``; fleets it left running are ended. Returns its status, or 70 if something survived even that."""
    session = uuid.uuid4().hex
    environment = {**os.environ, _VARIABLE: session, "TWOSTEP_LAB_OWNER": str(os.getpid())}
    child = subprocess.Popen(command, env=environment)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells the child, too
    status = child.wait()

    for pid, line in _members(session).items():
        if "lab.keeper" in line:
            print(f"lab: ending a fleet that was left running ({pid})", flush=True)
            os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 30
    while _members(session) and time.monotonic() < end:
        time.sleep(0.1)  # processes of others cannot be waited for
    left = _members(session)
    for pid, line in left.items():
        print(f"lab: process {pid} survived the session: {line[:200]}", file=sys.stderr)
        os.kill(pid, signal.SIGKILL)
    return 70 if left else status if status >= 0 else 128 - status
