# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set up the machine that runs the checks: Debian packages, Python venvs, and the link that makes a checkout a collection.

Runs under the system's Python with the standard library alone, before anything is installed. Everything is idempotent:
a venv is named by the hash of what goes into it, so a second run, or a fresh clone on the same machine, costs nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parents[2]
LOCAL_CACHE = ROOT / ".cache"
COLLECTION_LINK = ROOT / ".ansible/collections/ansible_collections/twostep/hotswap"
OLDEST_PYTHON = (3, 11)  # ansible-core 2.19 needs it on the controller
VENVS = ("dev", "importer")


class SetupError(Exception):
    """Setup cannot go on; the text says what to do."""


def shared_cache() -> Path:
    """Return the cache that all checkouts of this user share; the lab keeps its images there, too."""
    return Path(os.environ.get("TWOSTEP_CACHE") or Path.home() / ".cache/twostep-hotswap")


def entries(text: str) -> list[str]:
    """Return the non-comment lines of a list file."""
    return [line for raw in text.splitlines() if (line := raw.split("#", 1)[0].strip())]


def missing_packages(wanted: list[str], status: str) -> list[str]:
    """Return those of ``wanted`` that ``dpkg-query``'s ``status`` (lines ``name state``) does not show as installed."""
    installed = {line.split()[0] for line in status.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in installed]


def venv_key(interpreter: str, requirements: str) -> str:
    """Return 12 digits that change whenever the interpreter or a requirement does."""
    return hashlib.sha256("\n".join([interpreter, *sorted(entries(requirements))]).encode()).hexdigest()[:12]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; another process's setup waits for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def point(link: Path, target: Path) -> None:
    """Make ``link`` a symbolic link to ``target``, atomically."""
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.symlink_to(target)
    temporary.replace(link)


def ensure_packages() -> None:
    """Install the Debian packages of requirements/apt.txt that are missing.

    :raises SetupError: when something is missing and this user may not install it.
    """
    wanted = entries((ROOT / "requirements/apt.txt").read_text())
    if shutil.which("dpkg-query") is None:
        raise SetupError(f"This is not a Debian system. Install the equivalents of: {' '.join(wanted)}")
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted], capture_output=True, text=True, check=False
    )
    missing = missing_packages(wanted, query.stdout)
    if not missing:
        return
    if os.geteuid() != 0:
        raise SetupError(f"Packages are missing. As root, run: apt-get install {' '.join(missing)}")
    print(f"setup: apt-get install {' '.join(missing)}", flush=True)
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], env=environment, check=True)
    subprocess.run([*apt, "install", "--no-install-recommends", *missing], env=environment, check=True)


def ensure_venv(name: str) -> Path:
    """Return the venv for requirements/``name``.txt, building it when it is not in the shared cache.

    A venv cannot be moved, so it is built in its final place under a lock, and its stamp, written last, is what publishes it.
    """
    requirements = ROOT / "requirements" / f"{name}.txt"
    venv = shared_cache() / f"venv-{name}-{venv_key(f'{sys.version} {sys.base_prefix}', requirements.read_text())}"
    stamp = venv / ".complete"
    if not stamp.exists():
        with locked(venv.with_suffix(".lock")):
            if not stamp.exists():
                build_venv(venv, requirements)
                stamp.touch()
    point(LOCAL_CACHE / f"venv-{name}", venv)
    return venv


def build_venv(venv: Path, requirements: Path) -> None:
    """Build ``venv`` from scratch."""
    print(f"setup: {venv} from {requirements.relative_to(ROOT)}", flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run([str(venv / "bin/python"), "-m", "pip", "install", "-q", "-r", str(requirements)], check=True)


def ensure_collection_link() -> None:
    """Let tools that look for ``ansible_collections/twostep/hotswap`` find this checkout, whatever its name."""
    point(COLLECTION_LINK, Path("../../../.."))


def main(arguments: list[str]) -> int:
    """Set up everything, or the named venvs only."""
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise SetupError(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed; choose one with: make PYTHON=python3.11 ...")
        ensure_packages()
        for name in arguments or VENVS:
            ensure_venv(name)
        ensure_collection_link()
    except SetupError as problem:
        print(f"setup: {problem}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as problem:
        print(f"setup: {' '.join(problem.cmd)} ended with {problem.returncode}; its own message is above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
