# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps what it may reuse (the cache), how two users of it wait for each other, and what is thrown away."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Iterator

KEEP_DAYS = 14


def say(text: str) -> None:
    """Tell the user; standard output is for what a verb answers."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def cache() -> pathlib.Path:
    """Return the cache folder, made if absent: ``$TWOSTEP_CACHE``, else ``twostep-hotswap`` in the user's cache folder."""
    users = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(os.environ.get("TWOSTEP_CACHE") or f"{users}/twostep-hotswap")
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
            say(f"waiting for another builder of {target.name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def publishing(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield a work folder that becomes ``folder`` in one step, or vanishes. The caller holds the lock of ``folder``."""
    work = folder.parent / f".{folder.name}.work"
    shutil.rmtree(work, ignore_errors=True)  # of a builder that was killed: nobody else builds this under the lock
    work.mkdir(mode=0o755)  # the package manager's own user must pass
    try:
        yield work
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def touch(folder: pathlib.Path) -> None:
    """Note that ``folder`` was used now, and throw away what has the same kind of name and was not used for two weeks."""
    os.utime(folder)
    kind = folder.name.rpartition("-")[0]
    oldest = time.time() - KEEP_DAYS * 86400
    for other in folder.parent.glob(f"{kind}-*"):
        if other.is_dir() and other.stat().st_mtime < oldest:
            say(f"removing {other.name}, unused for {KEEP_DAYS} days")
            shutil.rmtree(other, ignore_errors=True)
