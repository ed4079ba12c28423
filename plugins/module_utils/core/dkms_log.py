# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a make.log that tell why a build failed."""

from __future__ import annotations

import re

MAX_LINES = 20
_TELLING = re.compile(
    r"(?:\b(?:fatal )?error:|^ERROR:|\bundefined reference\b|\bundefined!|No space left on device|No rule to make target"
    r"|command not found|No such file or directory|cannot find|multiple definition)"
)
_MAKE_NOISE = re.compile(r"^g?make(\[\d+\])?: (?:\*\*\* .* Error \d+|Entering directory|Leaving directory)")


def relevant(log: str) -> list[str]:
    """Return at most `MAX_LINES` lines: each telling line with the source excerpt below it, else the end of the log."""
    lines = [line.rstrip()[:300] for line in log.splitlines()]
    picked: list[str] = []
    excerpt_left = 0
    for line in lines:
        if _TELLING.search(line) and not _MAKE_NOISE.match(line):
            picked.append(line)
            excerpt_left = 2
        elif excerpt_left and re.match(r"\s*\d*\s*\|", line):
            picked.append(line)
            excerpt_left -= 1
        else:
            excerpt_left = 0
    if not picked:
        picked = [line for line in lines if line][-MAX_LINES:]
    return picked[:MAX_LINES]


def is_disk_full(text: str) -> bool:
    """Return whether a log or an error output says that a filesystem is full."""
    return "No space left on device" in text or "Disk quota exceeded" in text
