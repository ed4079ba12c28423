# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact: what ``ansible-galaxy collection build`` makes, judged, and installed where scenarios and demo find it.

Scenarios and the demo run the installed artifact, so what is missing from the tarball is missing there too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from bootstrap import LOCAL_CACHE, ROOT

BUILD = ROOT / "build"
DIST = BUILD / "dist"
COLLECTIONS = BUILD / "collections"
GALAXY = str(LOCAL_CACHE / "venv-dev/bin/ansible-galaxy")

ALLOWED = frozenset(
    {
        "CHANGELOG.md",
        "FILES.json",
        "LICENSES",
        "MANIFEST.json",
        "README.md",
        "REUSE.toml",
        "changelogs",
        "docs",
        "kmod",
        "meta",
        "playbooks",
        "plugins",
        "roles",
    }
)
MADE_BY_BUILD = frozenset({"FILES.json", "MANIFEST.json"})
NEEDED_WHOLE = ("kmod", "LICENSES", "meta", "playbooks", "plugins", "roles")

IMPORTER_SETTINGS = """\
[galaxy-importer]
RUN_ANSIBLE_DOC = True
RUN_ANSIBLE_LINT = True
RUN_ANSIBLE_TEST = False
RUN_FLAKE8 = False
CHECK_REQUIRED_TAGS = True
CHECK_CHANGELOG = True
"""


def objections(names: list[str], repository: list[str]) -> list[str]:
    """Return what is wrong with a tarball of ``names``, built from a checkout of which git knows ``repository``.

    Nothing may be in it that git does not know (build products, caches, secrets), nothing but what users need, and
    the sources whole: hosts build kernel modules from them.
    """
    content, known = set(names) - MADE_BY_BUILD, set(repository)
    return [
        *(f"{name}: not in the repository" for name in sorted(content - known)),
        *(f"{name}: not for users" for name in sorted(content) if name.split("/")[0] not in ALLOWED),
        *(f"{name}: missing" for name in sorted(known - content) if name.split("/")[0] in NEEDED_WHOLE),
    ]


def repository_files() -> list[str]:
    """Return the files that git knows or would add, links included."""
    listing = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).exists()]


def build() -> Path:
    """Build the tarball and return its path."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([GALAXY, "collection", "build", "--force", "--output-path", str(DIST)], cwd=ROOT, check=True)
    (tarball,) = DIST.glob("*.tar.gz")
    return tarball


def install(tarball: Path) -> None:
    """Replace the installed collection with ``tarball``; there is never half of one."""
    fresh, old = BUILD / f"collections.{os.getpid()}", BUILD / f"collections.{os.getpid()}.old"
    arguments = ["collection", "install", "--offline", "--force", "-p", str(fresh), str(tarball)]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(fresh)}
    try:
        subprocess.run([GALAXY, *arguments], check=True, env=environment)
        if COLLECTIONS.exists():
            COLLECTIONS.rename(old)
        fresh.rename(COLLECTIONS)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def judge(tarball: Path) -> int:
    """Look into the tarball, then let galaxy-importer judge it."""
    with tarfile.open(tarball) as archive:
        found = objections([member.name for member in archive if member.isfile() or member.issym()], repository_files())
    print("\n".join(found))
    if found:
        return 1
    folder = BUILD / "importer"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "galaxy-importer.cfg").write_text(IMPORTER_SETTINGS)
    venv = LOCAL_CACHE / "venv-importer/bin"
    environment = {
        **os.environ,
        "GALAXY_IMPORTER_CONFIG": str(folder / "galaxy-importer.cfg"),
        "PATH": f"{venv}:{os.environ['PATH']}",
    }
    return subprocess.run([venv / "python", "-m", "galaxy_importer.main", tarball], cwd=folder, env=environment, check=False).returncode


def main(verb: str) -> int:
    """``check``: build and judge; ``install``: build and install."""
    tarball = build()
    if verb == "install":
        install(tarball)
        return 0
    return judge(tarball)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
