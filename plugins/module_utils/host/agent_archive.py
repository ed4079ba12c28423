# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs the agent, the part of this collection that runs on a host by itself, as one file.

Its name carries the checksum of its content, so a running agent is never changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile

from ..core.errors import TwostepError
from . import agent, packed
from .paths import Paths

PACKAGE = "twostep_agent"
_CHECKSUM_DIGITS = 12


def build() -> bytes:
    """Return the agent as the bytes of a zipapp."""
    return packed.pack(agent, PACKAGE)


def path_for(where: Paths, content: bytes) -> str:
    """Return where an agent with this content lies."""
    return os.path.join(where.lib, f"agent-{hashlib.sha256(content).hexdigest()[:_CHECKSUM_DIGITS]}.pyz")


def _has(path: str, content: bytes) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(len(content) + 1) == content
    except OSError:
        return False


def wanted_path(where: Paths) -> tuple[str, bool]:
    """Return where this collection's agent belongs, and whether it is there; changes nothing."""
    content = build()
    path = path_for(where, content)
    return path, _has(path, content)


def install(where: Paths) -> str:
    """Put this collection's agent in place and return its path; other agents are left alone.

    :raises TwostepError: `agent_not_installed`.
    """
    content = build()
    path = path_for(where, content)
    if _has(path, content):
        return path
    draft = ""
    try:
        os.makedirs(where.lib, mode=0o755, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=".agent-", dir=where.lib)
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
        draft = ""
    except OSError as error:
        raise TwostepError(
            "agent_not_installed", f"{path} cannot be written: {error.strerror}.", "Look at the filesystem of the host.", {"path": path}
        ) from None
    finally:
        if draft:
            with contextlib.suppress(OSError):
                os.unlink(draft)
    return path
