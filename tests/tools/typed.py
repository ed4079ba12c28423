# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run mypy over everything that is Python here, under the names by which it is imported."""

from __future__ import annotations

import subprocess
import sys

from bootstrap import LOCAL_CACHE, ROOT

COLLECTION = "ansible_collections.twostep.hotswap.plugins"


def targets() -> list[str]:
    """Return mypy's arguments: the collection's package, those of lab and campaign, the tools, the figures, the scale run."""
    homes = [*(ROOT / "molecule").glob("*/__init__.py"), ROOT / "tests/chaos/chaos/__init__.py"]
    packages = [COLLECTION, *(path.parent.name for path in sorted(homes))]
    tools = sorted(path.stem for folder in ("tests/tools", "tests/bench", "tests/scale") for path in (ROOT / folder).glob("*.py"))
    return [*(word for name in packages for word in ("-p", name)), *(word for name in tools for word in ("-m", name))]


if __name__ == "__main__":
    sys.exit(subprocess.run([str(LOCAL_CACHE / "venv-dev/bin/mypy"), *targets()], cwd=ROOT, check=False).returncode)
