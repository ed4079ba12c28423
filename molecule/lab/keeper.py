# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper of a fleet: owns its switch and machines as children, and ends with its owner.

``python -m lab.keeper STATE OWNER_PID`` starts every command line of
``STATE/commands.json`` and waits. It ends them all, and itself, when it gets
SIGTERM or when the owner is gone, however that died. Should the keeper itself
be killed, the kernel kills its children (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for_end(owner: int, children: list[subprocess.Popen]) -> None:
    """Return at SIGTERM, when ``owner`` has ended, or when a child has failed (a power-off is no failure)."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        owner_fd = os.pidfd_open(owner)
    except ProcessLookupError:
        return
    while True:
        ready, _, _ = select.select([reader, owner_fd], [], [])
        if owner_fd in ready:
            return
        if signal.SIGTERM in os.read(reader, 64):
            return
        if any(child.poll() for child in children):
            return


def main(state: pathlib.Path, owner: int) -> None:
    """Start, wait, end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the owner's business
    plan = json.loads((state / "commands.json").read_text(encoding="utf-8"))
    with open(state / "keeper.log", "ab") as log:
        children = [
            # The switch ends at the end of its input, so it gets a pipe that stays open.
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, preexec_fn=_die_with_parent) for argv in plan["argv"]
        ]
    try:
        _wait_for_end(owner, children)
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()
        for folder in plan["remove"]:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
