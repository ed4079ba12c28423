# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the parent and every release of every family for one Debian release's kernel, natively, in the lab's image of it.

A warning is a failure: the compiler's with W=1, and sparse's. The broken children of the tests and the parent's self test are built too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bootstrap import LOCAL_CACHE, ROOT

COMPLAINT = re.compile(r"^[^ ]*: (?:fatal )?(?:warning|error): .*|^(?:WARNING|ERROR): .*", re.MULTILINE)
RELEASE = re.compile(r"^remap-([0-9]+\.[0-9]+\.[0-9]+)\s*:?=", re.MULTILINE)
BROKEN = ROOT / "tests/kmod/broken"
SELFTEST = ROOT / "tests/kmod/selftest"


def releases(*makefiles: str) -> list[str]:
    """Return the releases that Kbuild texts define."""
    return [found for text in makefiles for found in RELEASE.findall(text)]


def all_releases() -> list[str]:
    """Return all releases that there are, the broken ones of the tests, too."""
    return releases((ROOT / "kmod/remap/Kbuild").read_text(), (BROKEN / "extra.mk").read_text())


def complaints(log: str) -> list[str]:
    """Return the lines of a build log in which a tool complains, each once."""
    return list(dict.fromkeys(match.strip() for match in COMPLAINT.findall(log)))


def module_names(wanted: list[str]) -> set[str]:
    """Return the file names that a build of these releases makes."""
    return {"twostep.ko", "twostep_selftest.ko", *(f"twostep_remap_{release.replace('.', '_')}.ko" for release in wanted)}


def lab(*arguments: str) -> list[str]:
    """Return the argument list of a lab command."""
    return [str(LOCAL_CACHE / "venv-dev/bin/python"), "-m", "lab", *arguments]


def build(distribution: str, kernel: str, wanted: list[str], out: Path, kmod: Path = ROOT / "kmod") -> tuple[int, str]:
    """Build the modules of the folder ``kmod``, which is in the checkout, in a chroot of the image; return the exit status and the log."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    sparse = out / "sparse"
    shutil.copy2(shutil.which("sparse") or "sparse", sparse)  # not in the image; needs nothing but libc
    arguments = [
        f"KDIR=/lib/modules/{kernel}/build",
        f"OUT={out}",
        f"RELEASES={' '.join(wanted)}",
        f"BROKEN={BROKEN}",
        f"SELFTEST={SELFTEST}",
        f"KFLAGS=W=1 C=1 CHECK={sparse}",
    ]
    command = lab("chroot", "--image", distribution, str(ROOT), "make", f"-j{os.cpu_count()}", "-C", str(kmod), *arguments)
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def main(distribution: str) -> int:
    """Build for ``distribution`` and look at what came out."""
    os.environ["PYTHONPATH"] = str(ROOT / "molecule")
    os.chdir(ROOT)
    kernel = subprocess.run(lab("kernel", "--image", distribution), stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
    wanted = all_releases()
    out = ROOT / "build/kmod" / distribution
    rc, log = build(distribution, kernel, wanted, out)
    found = complaints(log)
    if rc or found:
        print("\n".join(["", f"The build for {kernel} ended with {rc}; complaints:", *found]))
        return 1
    made = {path.name for path in (out / "modules").glob("*.ko")}
    wrong = [
        path.name
        for path in (out / "modules").glob("*.ko")
        if not subprocess.run(["modinfo", "-F", "vermagic", path], capture_output=True, text=True, check=True).stdout.startswith(
            f"{kernel} "
        )
    ]
    if made != module_names(wanted) or wrong:
        print(f"made {sorted(made)}, wanted {sorted(module_names(wanted))}; for another kernel: {wrong}")
        return 1
    print(f"{len(made)} modules for {kernel}: {' '.join(sorted(made))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
