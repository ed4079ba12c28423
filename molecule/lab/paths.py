# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps what it may reuse (the cache), and how two users of it wait for each other."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
from collections.abc import Iterator


def cache() -> pathlib.Path:
    """Return the cache folder: ``$TWOSTEP_CACHE`` or ``~/.cache/twostep-hotswap``; made if absent, 0700."""
    home = os.environ.get("TWOSTEP_CACHE") or os.path.expanduser("~/.cache/twostep-hotswap")
    folder = pathlib.Path(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def digest(*parts: str) -> str:
    """Return 12 hex digits that name a thing made from ``parts``."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


@contextlib.contextmanager
def locked(target: pathlib.Path) -> Iterator[None]:
    """Hold the lock of something in the cache; the second builder waits and then finds it built."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{target}.lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"lab: waiting for another builder of {target.name}", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
