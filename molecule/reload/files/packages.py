# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch a DKMS package of Debian's archive, and make the next version of it.

packages.py FOLDER: leaves old.deb and next.deb there, and prints the version of the first.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = "dm-writeboost-dkms"
NAME = "dm-writeboost"
NEXT = "99.0.1"


def run(*argv: str, cwd: Path | None = None) -> str:
    return subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def fetch(folder: Path) -> tuple[Path, str]:
    """Return the archive's package and the version of its sources."""
    run("apt-get", "download", "-o", "APT::Sandbox::User=root", PACKAGE, cwd=folder)
    (found,) = folder.glob(f"{PACKAGE}_*.deb")
    old = found.rename(folder / "old.deb")
    version = run("dpkg-deb", "--field", str(old), "Version").strip()
    return old, version.partition("-")[0]


def remade(old: Path, before: str, after: str) -> None:
    """Write a package like `old` of the version `after`, which its module also tells."""
    tree = old.with_suffix(f".{after}")
    run("dpkg-deb", "--raw-extract", str(old), str(tree))
    sources = (tree / f"usr/src/{NAME}-{before}").rename(tree / f"usr/src/{NAME}-{after}")
    (tree / "DEBIAN/md5sums").unlink()
    for path in (tree / "DEBIAN/control", tree / "DEBIAN/postinst", tree / "DEBIAN/prerm", sources / "dkms.conf"):
        text = path.read_text()
        if before not in text:
            raise SystemExit(f"{path} does not name {before}")
        path.write_text(text.replace(before, after))
    with (sources / f"{NAME}-target.c").open("a") as code:
        code.write(f'MODULE_VERSION("{after}");\n')
    run("dpkg-deb", "--root-owner-group", "--build", str(tree), str(old.with_name("next.deb")))
    shutil.rmtree(tree)


def main(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    old, version = fetch(folder)
    remade(old, version, NEXT)
    print(version)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
