# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of requests to the agent, one for each: `request.json` by the module, `result.json` by the agent, and `consumers.json` by an
agent that stops somebody. Texts only; what they say is for `swap_folder` and `reload_folder`. Old ones are pruned.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import Iterator

from ..core import names
from ..core.errors import TwostepError
from . import lock
from .ledger import sync_folder
from .paths import Paths

KEEP = 20
# Who holds the lock may bring back what a dead agent has stopped, or make an initramfs: minutes.
WAIT_S = 300.0
_MAX_BYTES = 262144


def write(path: str, text: str) -> None:
    """Put `text` into `path`, 0600: a reader finds all of it or nothing, and it survives a crash."""
    folder = os.path.dirname(path)
    handle, draft = tempfile.mkstemp(prefix=".draft-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
    sync_folder(folder)


def not_written(path: str, error: OSError) -> TwostepError:
    """Return the error for a file that cannot be written."""
    return TwostepError(
        "write_failed", f"{path} cannot be written: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
    )


@contextlib.contextmanager
def locked(paths: Paths, holder: str, wait_s: float = WAIT_S) -> Iterator[None]:
    """Keep others on this host from looking for, or starting, a swap or a reload meanwhile, or from bringing slots up or down.

    The agent of a swap or a reload does not take it: that there is one is told by its request, see `unfinished`.

    :param holder: what the others are told about us.
    :raises TwostepError: `host_busy` after `wait_s`, or `write_failed`.
    """
    path = os.path.join(paths.state, "swaps.lock")
    try:
        os.makedirs(paths.state, mode=0o700, exist_ok=True)
        os.chmod(paths.state, 0o700)
    except OSError as error:
        raise not_written(path, error) from None
    with lock.held(path, holder, wait_s, "host_busy"):
        yield


@dataclass(frozen=True)
class Requests:
    """The requests of one kind, in one folder."""

    folder: str

    def path(self, request_id: str, name: str = "") -> str:
        """Return the folder of a request, or a file in it."""
        return os.path.join(self.folder, names.identifier(request_id), name).rstrip("/")

    def add(self, request_id: str, text: str) -> None:
        """Make the folder of a new request.

        :raises TwostepError: `write_failed`.
        """
        folder = self.path(request_id)
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            os.mkdir(folder, 0o700)
            write(os.path.join(folder, "request.json"), text)
            sync_folder(self.folder)
        except OSError as error:
            raise not_written(folder, error) from None

    def put(self, request_id: str, name: str, text: str) -> None:
        """Write a file of a request.

        :raises TwostepError: `write_failed`.
        """
        path = self.path(request_id, name)
        try:
            write(path, text)
        except OSError as error:
            raise not_written(path, error) from None

    def read(self, request_id: str, name: str) -> str | None:
        """Return the text of a file of a request, None where it does not exist."""
        try:
            with open(self.path(request_id, name), encoding="utf-8", errors="replace") as stream:
                return stream.read(_MAX_BYTES)
        except FileNotFoundError:
            return None

    def all(self) -> list[str]:
        """Return the ids, the oldest first."""
        try:
            found = [entry for entry in os.scandir(self.folder) if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        return [entry.name for entry in sorted(found, key=lambda entry: (entry.stat().st_mtime_ns, entry.name))]

    def unfinished(self) -> Iterator[str]:
        """Yield the ids of requests that have no result, the newest first."""
        return (request_id for request_id in reversed(self.all()) if not self.is_finished(request_id))

    def is_finished(self, request_id: str) -> bool:
        """Return whether a result is there, or will never be since there is no request."""
        return os.path.exists(self.path(request_id, "result.json")) or not os.path.exists(self.path(request_id, "request.json"))

    def prune(self, keep: int = KEEP) -> None:
        """Remove the oldest finished requests, so that `keep` stay; an unfinished one is never removed."""
        known = self.all()
        for request_id in known[: max(0, len(known) - keep)]:
            if self.is_finished(request_id):
                shutil.rmtree(self.path(request_id), ignore_errors=True)
