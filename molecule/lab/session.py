# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session: run a command, then make sure that no machine it started is left."""

from __future__ import annotations

import os
import pathlib
import select
import signal
import subprocess
import time
import uuid

from . import paths

SURVIVED = 70
GRACE_S = 30.0
_VARIABLE = "TWOSTEP_LAB_SESSION"


def members(session: str) -> dict[int, str]:
    """Return the processes of the session with their command lines, whoever their parent is: the environment tells."""
    found = {}
    wanted = f"{_VARIABLE}={session}".encode()
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            inherited = wanted in (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # gone, or not ours
        if inherited and command and int(entry.name) != os.getpid():
            found[int(entry.name)] = command
    return found


def wait_until_ended(pids: list[int], limit_s: float) -> None:
    """Return when all processes have ended, or at the limit."""
    end = time.monotonic() + limit_s
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            select.select([handle], [], [], max(0.0, end - time.monotonic()))
        finally:
            os.close(handle)


def run(command: list[str]) -> int:
    """Run ``command``; fleets it left running are ended. Returns its status, or 70 if something survived even that."""
    session = uuid.uuid4().hex
    environment = {**os.environ, _VARIABLE: session, "TWOSTEP_LAB_OWNER": str(os.getpid())}
    # The command may be heard of, and so be told to end, before Popen has returned.
    running: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(received: int, _frame: object) -> None:
        if running:
            running[0].send_signal(received)
        else:
            early.append(received)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    try:
        child = subprocess.Popen(command, env=environment)
    except OSError as problem:
        raise SystemExit(f"lab: cannot run {command[0]}: {problem.strerror}. Next: lab session -- COMMAND [ARGUMENT...]") from None
    running.append(child)
    for received in early:
        child.send_signal(received)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C goes to the whole process group: the command has it already
    status = child.wait()

    for pid, line in members(session).items():
        if " lab.keeper " in line:
            paths.say(f"ending a fleet that was left running ({pid})")
            os.kill(pid, signal.SIGTERM)
    wait_until_ended(list(members(session)), GRACE_S)
    left = members(session)
    for pid, line in left.items():
        paths.say(f"process {pid} survived the session: {line[:200]}")
        os.kill(pid, signal.SIGKILL)
    if left:
        return SURVIVED
    return status if status >= 0 else 128 - status
