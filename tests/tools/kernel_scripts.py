# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that the kernel's developers run over their own code: checkpatch and the Coccinelle rules.

Neither is packaged by itself: they come out of Debian's kernel source package, once, into the shared cache.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from bootstrap import ROOT, locked, shared_cache

PACKAGE = "linux-source-6.1"
WANTED = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch", "coccinelle")


def sources() -> list[str]:
    """Return every C file and header of ours that goes into a kernel, relative to the repository."""
    return [str(path.relative_to(ROOT)) for top in ("kmod", "tests/kmod") for path in sorted((ROOT / top).rglob("*.[ch]"))]


def folder() -> Path:
    """Return the folder with what is wanted of the kernel's ``scripts``."""
    place = shared_cache() / f"kernel-scripts-{PACKAGE}"
    with locked(place.with_name(f"{place.name}.lock")):
        if not place.exists():
            _fetch(place)
    return place


def _fetch(place: Path) -> None:
    """Fill ``place``; it appears complete or not at all."""
    print(f"fetching checkpatch and Coccinelle's rules out of {PACKAGE}", flush=True)
    with tempfile.TemporaryDirectory(prefix="kernel-scripts-", dir=place.parent) as temporary:
        subprocess.run(["apt-get", "-q", "update"], check=True)
        subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", PACKAGE], cwd=temporary, check=True)
        (package,) = Path(temporary).glob("*.deb")
        source = Path(temporary, "source.tar.xz")
        with source.open("wb") as sink:
            unpacked = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
            extract = ["tar", "-xO", f"./usr/src/{PACKAGE}.tar.xz"]
            subprocess.run(extract, stdin=unpacked.stdout, stdout=sink, check=True)
        scripts = Path(temporary, "scripts")
        scripts.mkdir()
        wanted = [f"{PACKAGE}/scripts/{name}" for name in WANTED]
        subprocess.run(["tar", "-xJf", str(source), "-C", str(scripts), "--strip-components=2", *wanted], check=True)
        shutil.move(scripts, place)
