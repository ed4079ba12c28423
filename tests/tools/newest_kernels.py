# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile the parent and every child against the newest kernels that Debian has: ``make newest-kernels``.

Nothing is run: this says early what a coming kernel breaks in kmod/. The headers and the compiler of a suite are unpacked
into a root of their own, cached by what is in it. With ``--cached`` (``make test``) a root that is there is used as it is, so that
a kernel which Debian gets overnight does not turn somebody's unrelated change red.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import kmod_build
from bootstrap import ROOT

sys.path.insert(0, str(ROOT / "molecule"))
from lab import chroot, image, paths

# A suite, and the one that it stands upon.
SUITES = {"bookworm-backports": "bookworm", "trixie-backports": "trixie", "sid": None, "experimental": "sid"}
METAPACKAGE = "linux-headers-cloud-amd64"
TOOLS = ("binutils", "gcc", "make")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEPENDS = re.compile(r"^\s*Depends: (linux-headers-[0-9]\S*)$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """What became of one suite."""

    suite: str
    kernel: str
    compiler: str
    complaints: list[str]
    seconds: float

    @property
    def row(self) -> str:
        """Return the line of the table."""
        return f"| {self.suite} | {self.kernel} | {self.compiler} | {'no' if self.complaints else 'yes'} |"


def table(results: list[Result]) -> str:
    """Return the results as the README has them."""
    return "\n".join(["| suite | kernel | compiler | built |", "|---|---|---|---|", *(result.row for result in results)])


def source(suite: str) -> str:
    """Return the apt source. A mirror that lags behind will do: what it has is signed, and nothing of it is run."""
    return f"deb [signed-by={KEYRING} check-valid-until=no] {image.MIRROR} {suite} main"


def newest(suite: str) -> str:
    """Return the name of the newest package of headers, asked of the mirror by an apt that knows nothing else."""
    with tempfile.TemporaryDirectory(prefix="twostep-apt-") as name:
        folder = Path(name)
        (folder / "lists/partial").mkdir(parents=True)
        (folder / "sources.list").write_text(source(suite) + "\n")
        settings = {
            "Dir::State": folder, "Dir::State::lists": folder / "lists", "Dir::State::status": "/dev/null", "Dir::Cache": folder,
            "Dir::Etc::sourcelist": folder / "sources.list", "Dir::Etc::sourceparts": "-", "Acquire::Languages": "none",
            "Acquire::Retries": 3, "APT::Sandbox::User": "root",
        }  # fmt: skip
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
        told = subprocess.run(["apt-cache", *options, "depends", METAPACKAGE], check=True, stdout=subprocess.PIPE, text=True).stdout
    return DEPENDS.findall(told)[0]


def cached(suite: str) -> image.Image | None:
    """Return the root of ``suite`` that was used last, if there is one."""
    found = sorted((path for path in paths.cache().glob(f"headers-{suite}-*") if path.is_dir()), key=lambda path: path.stat().st_mtime)
    return image.Image(suite, found[-1]) if found else None


def root(suite: str, package: str) -> image.Image:
    """Return a root with ``package`` and what a build needs, unpacked first if it is not in the cache."""
    base = SUITES[suite]
    sources = [source(name) for name in (suite, base) if name]
    folder = paths.cache() / f"headers-{suite}-{paths.digest(*sources, *TOOLS, package)}"
    with paths.locked(folder):
        if not folder.exists():
            paths.say(f"unpacking {package} of {suite} and a compiler, about a minute")
            with paths.publishing(folder) as work:
                options = ["--quiet", "--variant=essential", '--aptopt=Acquire::Retries "3"', "--dpkgopt=path-exclude=/usr/share/doc/*"]
                include = f"--include={','.join((package, *TOOLS))}"
                subprocess.run(["mmdebstrap", *options, include, base or suite, str(work / "root"), *sources], check=True)
        paths.touch(folder)
    return image.Image(suite, folder)


def compile_all(built: image.Image) -> Result:
    """Compile everything in ``built``; a warning is a complaint."""
    begun = time.monotonic()
    out = ROOT / "build/kmod" / built.name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    log = out / "build.log"
    wanted = kmod_build.all_releases()
    make = ["make", f"-j{os.cpu_count()}", "-C", str(ROOT / "kmod"), f"KDIR=/lib/modules/{built.kernel}/build", f"OUT={out}",
            f"RELEASES={' '.join(wanted)}", f"BROKEN={kmod_build.BROKEN}", f"SELFTEST={kmod_build.SELFTEST}"]  # fmt: skip
    rc = chroot.run(built, ROOT, ["sh", "-c", 'exec "$@" >"$0" 2>&1', str(log), *make])
    text = log.read_text(errors="replace")
    complaints = kmod_build.complaints(text)
    made = {path.name for path in (out / "modules").glob("*.ko")}
    if rc or made != kmod_build.module_names(wanted):
        complaints.append(f"make ended with {rc}, {len(made)} modules; its whole log: {log}")
    compiler = sorted(path.name for path in (built.root / "usr/bin").glob("gcc-[0-9]*"))
    return Result(built.name, built.kernel, compiler[-1], complaints, time.monotonic() - begun)


def main(arguments: list[str]) -> int:
    """Compile for every suite; the table is the last thing printed."""
    results = []
    for suite in SUITES:
        built = cached(suite) if "--cached" in arguments else None
        result = compile_all(built or root(suite, newest(suite)))
        print("\n".join([f"{suite}: {result.kernel}, {result.seconds:.0f} s", *result.complaints]), flush=True)
        results.append(result)
    print("\n" + table(results))
    return 1 if any(result.complaints for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
