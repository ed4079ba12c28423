# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test in a checkout of any name.

ansible-test wants to stand in ``.../ansible_collections/twostep/hotswap`` and refuses a symbolic link there. So the checkout
is bind-mounted at such a path in a mount namespace that ends with the command; where that is not allowed, a copy serves.
Its caches live in a home of their own, below the shared cache, and a lock keeps two runs from filling them at once.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from bootstrap import LOCAL_CACHE, ROOT, locked, point, shared_cache

CONTROLLER_PYTHON = "{}.{}".format(*sys.version_info[:2])
OLDEST_HOST_PYTHON = "3.8"

# ansible-test fetches get-pip from a server of Ansible's own when it makes venvs. Python brings pip along, so this stands in.
GET_PIP = """\
import subprocess, sys
if __name__ == "__main__":
    args = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
    if subprocess.call([sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
    subprocess.check_call([sys.executable, "-m", "pip", "install", "-q"] + args)
"""
GET_PIP_NAMES = ("get_pip_24_2.py", "get_pip_20_3_4.py")


def plan(kind: str, oldest: bool) -> list[str]:
    """Return ansible-test's arguments for ``kind``, sanity or units, on the controller's Python or on the oldest one of a managed host."""
    python = OLDEST_HOST_PYTHON if oldest else CONTROLLER_PYTHON
    common = ["--python", python, "--requirements", "--color", "no"]
    if kind == "units":
        return ["units", "--venv", *common]
    if oldest:
        return ["sanity", "--venv", "--test", "compile", "--test", "import", *common]
    return ["sanity", "--local", *common]


def find_oldest() -> str | None:
    """Return the folder of a python3.8 that runs: on the PATH, or one of pyenv's."""
    folders = [*os.environ["PATH"].split(":"), *map(str, Path.home().glob(f".pyenv/versions/{OLDEST_HOST_PYTHON}.*/bin"))]
    for folder in folders:
        candidate = Path(folder, f"python{OLDEST_HOST_PYTHON}")
        # A pyenv shim exists for every version and runs only the chosen ones.
        if candidate.is_file() and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return folder
    return None


def prepare_home() -> Path:
    """Return the home in which ansible-test keeps its caches."""
    home = shared_cache() / "ansible-test-home"
    cache = home / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in GET_PIP_NAMES:
        (cache / name).write_text(GET_PIP)
    for configuration in (".config/pip", ".pip", ".gitconfig"):  # how this user reaches the package index and trusts the checkout
        if (Path.home() / configuration).exists():
            point(home / configuration, Path.home() / configuration)
    return home


def copy_checkout(folder: Path) -> None:
    """Copy what git knows or would add to ``folder``."""
    listing = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def namespace() -> list[str] | None:
    """Return the command that makes a private mount namespace here, or None where none is allowed."""
    for command in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        probe = [*command, "sh", "-c", 'mount --bind "$0" "$0"', str(ROOT)]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return command
    return None


def run_there(argv: list[str], environment: dict[str, str]) -> int:
    """Run ``argv`` with the checkout at a path that ansible-test accepts, and at the same one each time.

    What Python has compiled keeps the path of its source; hypothesis, for one, looks there.
    """
    place = shared_cache() / "ansible-test-place"
    folder = place / "ansible_collections/twostep/hotswap"
    shutil.rmtree(place, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        unshare = namespace()
        if unshare is None:
            copy_checkout(folder)
            return subprocess.run(argv, cwd=folder, env=environment, check=False).returncode
        source, target = shlex.quote(str(ROOT)), shlex.quote(str(folder))
        inside = f"mount --bind {source} {target} && cd {target} && exec {shlex.join(argv)}"
        return subprocess.run([*unshare, "bash", "-c", inside], env=environment, check=False).returncode
    finally:
        shutil.rmtree(place)


def main(kind: str, python: str) -> int:
    """Run ansible-test ``kind`` on the ``controller``'s or the ``oldest`` Python; a machine without the oldest one skips it and says so."""
    oldest = find_oldest() if python == "oldest" else None
    if python == "oldest" and oldest is None:
        print(f"SKIPPED: ansible-test {kind} on Python {OLDEST_HOST_PYTHON}: no python{OLDEST_HOST_PYTHON} on this machine")
        return 0
    path = [str(LOCAL_CACHE / "venv-dev/bin"), *([oldest] if oldest else []), os.environ["PATH"]]
    with locked(shared_cache() / "ansible-test.lock"):
        environment = {**os.environ, "HOME": str(prepare_home()), "PATH": ":".join(path)}
        environment.pop("ANSIBLE_HOME", None)
        arguments = plan(kind, python == "oldest")
        print(f"+ ansible-test {shlex.join(arguments)}", flush=True)
        return run_there([str(LOCAL_CACHE / "venv-dev/bin/ansible-test"), *arguments], environment)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
