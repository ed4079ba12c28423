# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run shellcheck over every shell script of the repository, found by its first line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bootstrap import ROOT

SHEBANG = re.compile(rb"#!(/bin/sh|/usr/bin/env (ba)?sh)\b")


def is_script(path: Path) -> bool:
    """Say whether ``path`` is a shell script."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return SHEBANG.match(handle.readline()) is not None


def scripts() -> list[str]:
    """Return the shell scripts that git knows or would add."""
    listing = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listing.stdout.split("\0") if name and is_script(ROOT / name)]


if __name__ == "__main__":
    found = scripts()
    print("\n".join(found))
    sys.exit(subprocess.run(["shellcheck", *found], cwd=ROOT, check=False).returncode if found else 0)
