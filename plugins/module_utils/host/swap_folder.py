# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of swaps, one for each request: `request.json` by the module, `result.json` by the agent, `consumers.json` by the agent of a
warm upgrade. Old ones are pruned.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from typing import Iterator

from ..core import names, swap_request
from ..core.errors import TwostepError
from ..core.swap_request import SwapRequest, SwapResult
from .ledger import sync_folder
from .paths import Paths

KEEP = 20
_MAX_BYTES = 262144


def _folder(paths: Paths, swap_id: str) -> str:
    return os.path.join(paths.swaps, names.identifier(swap_id))


def consumers_file(paths: Paths, swap_id: str) -> str:
    """Return where a warm upgrade writes down what it stops."""
    return os.path.join(_folder(paths, swap_id), "consumers.json")


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


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(_MAX_BYTES)
    except FileNotFoundError:
        return None


def _not_written(path: str, error: OSError) -> TwostepError:
    return TwostepError(
        "write_failed", f"{path} cannot be written: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
    )


@contextlib.contextmanager
def locked(paths: Paths) -> Iterator[None]:
    """Keep other module runs on this host from looking for, or starting, a swap meanwhile. The agent does not take it."""
    path = os.path.join(paths.state, "swaps.lock")
    try:
        os.makedirs(paths.swaps, mode=0o700, exist_ok=True)
        os.chmod(paths.state, 0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _not_written(path, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_request(paths: Paths, request: SwapRequest) -> None:
    """Make the folder of a new request."""
    folder = _folder(paths, request.swap_id)
    try:
        os.makedirs(paths.swaps, mode=0o700, exist_ok=True)
        os.mkdir(folder, 0o700)
        write(os.path.join(folder, "request.json"), swap_request.render(request))
        sync_folder(paths.swaps)
    except OSError as error:
        raise _not_written(folder, error) from None


def read_request(paths: Paths, swap_id: str) -> SwapRequest:
    """Return a request, or raise `no_request` or `bad_swap_file`."""
    path = os.path.join(_folder(paths, swap_id), "request.json")
    text = _read(path)
    if text is None:
        raise TwostepError("no_request", f"{path} does not exist.", "Ask for a swap with twostep.hotswap.swap.")
    request = swap_request.parse_request(text, path)
    if request.swap_id != swap_id:
        raise TwostepError("bad_swap_file", f"{path} is damaged: it names the swap {request.swap_id}.", "Remove its folder.")
    return request


def write_result(paths: Paths, result: SwapResult) -> None:
    """Write how a request ended."""
    path = os.path.join(_folder(paths, result.swap_id), "result.json")
    try:
        write(path, swap_request.render(result))
    except OSError as error:
        raise _not_written(path, error) from None


def read_result(paths: Paths, swap_id: str) -> SwapResult | None:
    """Return how a request ended, None while it has not."""
    path = os.path.join(_folder(paths, swap_id), "result.json")
    text = _read(path)
    return None if text is None else swap_request.parse_result(text, path)


def write_consumers(paths: Paths, swap_id: str, text: str) -> None:
    """Write down what a warm upgrade stops."""
    path = consumers_file(paths, swap_id)
    try:
        write(path, text)
    except OSError as error:
        raise _not_written(path, error) from None


def read_consumers(paths: Paths, swap_id: str) -> str | None:
    """Return what a warm upgrade has written down, None where it did not come that far."""
    return _read(consumers_file(paths, swap_id))


def _folders(paths: Paths) -> list[str]:
    try:
        found = [entry for entry in os.scandir(paths.swaps) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return [entry.name for entry in sorted(found, key=lambda entry: (entry.stat().st_mtime_ns, entry.name))]


def is_finished(paths: Paths, swap_id: str) -> bool:
    """Return whether a result is there, or will never be since there is no request."""
    folder = _folder(paths, swap_id)
    return os.path.exists(os.path.join(folder, "result.json")) or not os.path.exists(os.path.join(folder, "request.json"))


def unfinished(paths: Paths, slot: str) -> SwapRequest | None:
    """Return the newest request for a slot that has no result, or None."""
    for swap_id in reversed(_folders(paths)):
        if is_finished(paths, swap_id):
            continue
        request = read_request(paths, swap_id)
        if request.slot == slot:
            return request
    return None


def prune(paths: Paths, keep: int = KEEP) -> None:
    """Remove the oldest finished swaps, so that `keep` folders stay; an unfinished one is never removed."""
    folders = _folders(paths)
    for swap_id in folders[: max(0, len(folders) - keep)]:
        if is_finished(paths, swap_id):
            shutil.rmtree(_folder(paths, swap_id), ignore_errors=True)
