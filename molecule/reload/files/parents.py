# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make source trees of two parents: the next version, and one whose init fails. parents.py KMOD FOLDER."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

INIT = "static int __init twostep_init(void)\n{\n"


def made(kmod: Path, folder: Path, version: str, fails: bool) -> None:
    shutil.copytree(kmod, folder, ignore=shutil.ignore_patterns("build"))
    main = folder / "parent/main.c"
    code = main.read_text()
    if 'MODULE_VERSION("1.0.0")' not in code or INIT not in code:
        raise SystemExit(f"{main} is not as it was")
    code = code.replace('MODULE_VERSION("1.0.0")', f'MODULE_VERSION("{version}")')
    main.write_text(code.replace(INIT, INIT + "\tif (jiffies)\n\t\treturn -EINVAL;\n") if fails else code)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(target, ignore_errors=True)
    made(source, target / "next", "1.0.1", fails=False)
    made(source, target / "bad", "1.0.2", fails=True)
