# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the kernel's checkpatch over the kernel code.

checkpatch is not packaged by itself: its three files come out of Debian's kernel source package, once, into the shared cache.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bootstrap import ROOT, locked, shared_cache

PACKAGE = "linux-source-6.1"
FILES = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")
IGNORED = {
    "FILE_PATH_CHANGES": "about patches to the kernel's own list of maintainers",
    "LINUX_VERSION_CODE": "tests/repo has a stricter rule",
    "LINE_SPACING": "an attribute's declaration follows its function at once, as in the kernel's own drivers",
    "MACRO_ARG_PRECEDENCE": "arguments that are names, pasted or declared",
    "MACRO_ARG_REUSE": "arguments that are names or literals",
    "MACRO_WITH_FLOW_CONTROL": "macros that define functions, which return",
    "COMPLEX_MACRO": "a list of initialisers takes no parentheses",
    "ENOSYS": "each refusal of a child has an errno of its own; this one says that a method is missing",
}


def fetch(folder: Path) -> None:
    """Fill ``folder`` with checkpatch's files; it appears complete or not at all."""
    print(f"fetching checkpatch out of {PACKAGE}", flush=True)
    with tempfile.TemporaryDirectory(prefix="checkpatch-", dir=folder.parent) as temporary:
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
        wanted = [f"{PACKAGE}/scripts/{name}" for name in FILES]
        subprocess.run(["tar", "-xJf", str(source), "-C", str(scripts), "--strip-components=2", *wanted], check=True)
        shutil.move(scripts, folder)


def checkpatch() -> Path:
    """Return the path of checkpatch.pl."""
    folder = shared_cache() / f"checkpatch-{PACKAGE}"
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            fetch(folder)
    return folder / FILES[0]


def main() -> int:
    """Check every C file and header of kmod/ and of the broken children."""
    files = [str(path.relative_to(ROOT)) for top in ("kmod", "tests/kmod") for path in sorted((ROOT / top).rglob("*.[ch]"))]
    options = ["--no-tree", "--strict", "--terse", "--show-types", "--max-line-length=100", f"--ignore={','.join(IGNORED)}"]
    return subprocess.run(["perl", str(checkpatch()), *options, "--file", *files], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
