# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing files on the controller: all of a file or nothing, readable by its owner only."""

from __future__ import annotations

import os
import tempfile

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError


def write(folder: str, name: str, content: str | bytes, what: str, next_step: str) -> str:
    """Put ``content`` into ``folder/name`` (0600, the folder 0700 if it is created here) and return the path.

    A reader sees the old file or the new one, never a part.

    :param what: what the file is, one word; it is in the message of the `<what>_not_written` that is raised if it cannot be written.
    """
    path = os.path.join(folder, name)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content.encode() if isinstance(content, str) else content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise TwostepError(f"{what}_not_written", f"The {what} could not be written to {path}: {error.strerror}.", next_step) from None
    return path
