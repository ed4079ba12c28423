# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger on disk: appended, synced, never rewritten; only a torn last line is cut off before the next append."""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import replace
from typing import Iterator

from ..core import ledger
from ..core.errors import TwostepError
from ..core.ledger import Entry
from .paths import Paths

_MAX_BYTES = 64 * 1024 * 1024


def _unusable(paths: Paths, error: OSError) -> TwostepError:
    return TwostepError(
        "ledger_unusable",
        f"The ledger {paths.ledger} cannot be used: {error.strerror}.",
        "Make room on the filesystem of /var/lib/twostep, or mount it writable.",
        {"path": paths.ledger},
    )


@contextlib.contextmanager
def _locked(paths: Paths) -> Iterator[int]:
    """Give the open ledger under an exclusive lock, which the kernel drops with the process."""
    os.makedirs(paths.state, mode=0o700, exist_ok=True)
    is_new = not os.path.lexists(paths.ledger)
    handle = os.open(paths.ledger, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if is_new:
            sync_folder(paths.state)
        yield handle
    finally:
        os.close(handle)


def sync_folder(folder: str) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tail(handle: int) -> tuple[int, int]:
    """Return the number of the last whole entry and the length of the ledger up to its end; a torn line counts for nothing."""
    size = os.fstat(handle).st_size
    # Two lines at most are needed: the last whole one, and a torn one behind it.
    start = max(0, size - 3 * ledger.MAX_LINE_BYTES)
    content = os.pread(handle, size - start, start)
    if start:
        cut = content.index(b"\n") + 1
        start, content = start + cut, content[cut:]
    lines = content.split(b"\n")
    complete, torn = lines[:-1], lines[-1]
    end = start + len(content) - len(torn)
    if not complete:
        return 0, end
    entry = ledger.decode_line(complete[-1])
    if entry is not None:
        return entry.seq, end
    before = ledger.decode_line(complete[-2]) if len(complete) > 1 else None
    if torn or (before is None and (len(complete) > 1 or start)):
        raise ValueError
    return before.seq if before else 0, end - len(complete[-1]) - 1


def append(paths: Paths, entry: Entry) -> Entry:
    """Append an entry and return it with its number; on return it is on the disk.

    :raises TwostepError: `ledger_damaged`, `ledger_unusable`.
    """
    try:
        with _locked(paths) as handle:
            try:
                last, end = _tail(handle)
            except ValueError:
                raise ledger.damaged(paths.ledger, len(read(paths)) + 1) from None
            numbered = replace(entry, seq=last + 1)
            line = ledger.encode(numbered)
            os.ftruncate(handle, end)
            if os.write(handle, line) != len(line):
                raise TwostepError(
                    "ledger_unusable",
                    f"The ledger {paths.ledger} took only a part of a line.",
                    "Make room on the filesystem of /var/lib/twostep.",
                    {"path": paths.ledger},
                )
            os.fsync(handle)
    except OSError as error:
        raise _unusable(paths, error) from None
    return numbered


def read(paths: Paths) -> tuple[Entry, ...]:
    """Return all entries; none when there is no ledger.

    :raises TwostepError: `ledger_damaged`, `ledger_unusable`.
    """
    try:
        with open(paths.ledger, "rb") as stream:
            content = stream.read(_MAX_BYTES)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unusable(paths, error) from None
    return ledger.decode(content, paths.ledger).entries
