# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the targets of a Makefile with their ``## comments``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

TARGET = re.compile(r"([a-z][a-z0-9_-]*):[^#]*## (.+)")


def targets(makefile: str) -> list[tuple[str, str]]:
    """Return (target, comment) in the order of the text."""
    return [(found[1], found[2]) for line in makefile.splitlines() if (found := TARGET.match(line))]


if __name__ == "__main__":
    for name, comment in targets(Path(sys.argv[1]).read_text()):
        print(f"  make {name:<10} {comment}")
