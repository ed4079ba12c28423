# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all, and survive a crash."""

from __future__ import annotations

import contextlib
import os
import tempfile

from ..core.errors import TwostepError

_MAX_CHARS = 65536


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: str, mode: int) -> None:
    """Make a folder and those above it that are missing; on return the name of each is on the disk."""
    above = os.path.dirname(folder)
    if not os.path.isdir(above):
        _make_folder(above, 0o777)  # less the umask, as os.makedirs has it
    os.makedirs(folder, mode=mode, exist_ok=True)
    _sync_folder(above)


def _problem(verb: str, path: str, error: OSError) -> TwostepError:
    code = "read_failed" if verb == "read" else "write_failed"
    return TwostepError(code, f"{path} cannot be {verb}: {error.strerror}.", "Look at the filesystem of the host.", {"path": path})


def write(path: str, text: str, mode: int, folder_mode: int) -> None:
    """Write an ASCII `text` into `path`; its folder is made if it is not there.

    :raises TwostepError: `write_failed`.
    """
    write_bytes(path, text.encode("ascii"), mode, folder_mode)


def write_bytes(path: str, data: bytes, mode: int, folder_mode: int) -> None:
    """Write `data` into `path`, as `write` does."""
    folder = os.path.dirname(path)
    fresh = ""
    try:
        if not os.path.isdir(folder):
            _make_folder(folder, folder_mode)
        handle, fresh = tempfile.mkstemp(prefix=".twostep-", dir=folder)
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(handle, mode)
            stream.write(data)
            stream.flush()
            os.fsync(handle)
        os.replace(fresh, path)
        fresh = ""
        _sync_folder(folder)
    except OSError as error:
        raise _problem("written", path, error) from None
    finally:
        if fresh:
            with contextlib.suppress(OSError):
                os.unlink(fresh)


def read(path: str) -> str | None:
    """Return the text of `path`, None where it is not there.

    :raises TwostepError: `read_failed`.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(_MAX_CHARS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _problem("read", path, error) from None


def remove(path: str) -> None:
    """Remove `path`, which may be gone already.

    :raises TwostepError: `write_failed`.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            _sync_folder(os.path.dirname(path))
    except OSError as error:
        raise _problem("removed", path, error) from None
