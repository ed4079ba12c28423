# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder on the controller that keeps what builders built. What lies there is loaded by root elsewhere, so it is the owner's only."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass

from ansible_collections.twostep.hotswap.plugins.module_utils.core import built_binary
from ansible_collections.twostep.hotswap.plugins.module_utils.core.built_binary import Manifest
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import private_files

_NEXT = "Point the option to a folder on the controller that only you can write."


@dataclass(frozen=True)
class Binary:
    """A binary as it lies in the folder, read once."""

    manifest: Manifest
    content: bytes
    sha256: str


def _unusable(path: str, why: str | None) -> TwostepError:
    return TwostepError("bad_binary", f"{path} cannot be used: {why}.", "Remove it, and build again.")


def _refuse_exposed(path: str, handle: int) -> None:
    state = os.fstat(handle)
    if state.st_uid not in (os.geteuid(), 0) or stat.S_IMODE(state.st_mode) & 0o022:
        raise TwostepError(
            "binary_exposed",
            f"Others than the owner can write {path}.",
            "Find out who did; then remove it, and build again.",
            {"path": path},
        )


def read(folder: str, package: str, version: str, kernel: str, arch: str) -> Binary | None:
    """Return the binary for a kernel, or None when there is none.

    :raises TwostepError: `binary_exposed` when others can write the folder or the file; `bad_binary` when it is damaged.
    """
    name = built_binary.file_name(package, version, kernel, arch)
    path = os.path.join(folder, name)
    try:
        below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(folder, error.strerror) from None
    try:
        _refuse_exposed(folder, below)
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=below)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror) from None
    finally:
        os.close(below)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _unusable(path, "it is no plain file")
        _refuse_exposed(path, handle)
        with os.fdopen(handle, "rb", closefd=False) as stream:
            content = stream.read(built_binary.MAX_BYTES + 1)
    finally:
        os.close(handle)
    manifest = built_binary.unpack(content)[0]
    if manifest.file_name != name:
        raise _unusable(path, f"it holds {manifest.file_name}")
    return Binary(manifest, content, hashlib.sha256(content).hexdigest())


def write(folder: str, content: bytes, sha256: str, package: object, version: object) -> str:
    """Put what a builder has sent into ``folder`` and return its path.

    :raises TwostepError: `bad_binary` unless it is whole and of the package version that was asked for; so no builder replaces another's.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        raise TwostepError("bad_binary", "What came from the builder is not what it has built.", "Run the task again.")
    manifest = built_binary.unpack(content)[0]
    if (manifest.package, manifest.version) != (package, version):
        raise TwostepError("bad_binary", f"The builder has sent {manifest.package} {manifest.version}.", "Look at the builder.")
    return private_files.write(folder, manifest.file_name, content, "binary", _NEXT)
