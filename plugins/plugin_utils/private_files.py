# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the report on the controller: all of a file or nothing, readable by its owner only."""

from __future__ import annotations

import os
import tempfile

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError


def write(folder: str, name: str, content: str) -> str:
    """Put ``content`` into ``folder/name`` (0600, the folder 0700 if it is created here) and return the path.

    A reader sees the old file or the new one, never a part.
    """
    path = os.path.join(folder, name)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise TwostepError(
            "report_not_written",
            f"The report could not be written to {path}: {error.strerror}.",
            "Point twostep_report_dir to a folder on the controller that can be written.",
        ) from None
    return path
