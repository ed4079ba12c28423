# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real process that holds a lock until it is told to end, or killed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import Iterator

_PROGRAM = """
import sys
from ansible_collections.twostep.hotswap.plugins.module_utils.host import lock
with lock.held(sys.argv[1], "the other one", 0.0, "busy"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holding(path: str) -> Iterator[subprocess.Popen[str]]:
    """Give a process that holds the lock; closing its input ends it."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> str:
    """Return what the others are told about such a process."""
    return f"the other one (process {process.pid})"
