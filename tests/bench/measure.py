# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure: ``measure.py [short]``. What is measured, and how to read it: docs/benchmarks.md.

Builds the modules and the programs, runs the guest's part on two machines of the lab (one whose time counts instructions, one
as all tests have it), keeps every raw value in build/bench/bench.json and prints the page of figures.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import kmod_build
from bootstrap import ROOT
from told import failures, page

OUT = ROOT / "build/bench"
HERE = ROOT / "tests/bench"
MEASURED = ROOT / "tests/kmod/measured"
PROGRAMS = ("io_cost", "probe")


class Part(NamedTuple):
    """One script of the guest, and the machine that it needs."""

    name: str
    arguments: tuple[object, ...]
    image: str = "bookworm"
    icount: bool = False


LONG = (
    Part("steady", (3, 4000, "null_blk", "brd", "virtio"), icount=True),
    Part("steady", (3, 4000, "null_blk"), image="trixie", icount=True),
    Part("swaps", (200,)),
    Part("compare", (10, 3)),
)
SHORT = (Part("steady", (2, 1000, "null_blk"), icount=True),)


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def lab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", *arguments]


def build_modules(image: str) -> Path:
    """Build parent, children, the ordinary driver and the module of grace periods; a warning is a failure."""
    out = OUT / "kmod" / image
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shutil.copy2(shutil.which("sparse") or "sparse", out / "sparse")
    kernel = subprocess.run(lab("kernel", "--image", image), stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
    arguments = [
        f"KDIR=/lib/modules/{kernel}/build",
        f"OUT={out}",
        "RELEASES=1.0.0 1.1.0 plain grace",
        f"BROKEN={MEASURED}",
        f"KFLAGS=W=1 C=1 CHECK={out}/sparse",
    ]
    command = lab("chroot", "--image", image, str(ROOT), "make", "-s", f"-j{os.cpu_count()}", "-C", str(ROOT / "kmod"), *arguments)
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    complaints = kmod_build.complaints(made.stdout)
    if made.returncode or complaints:
        raise SystemExit("\n".join([made.stdout, "bench: the modules cannot be built:", *complaints]))
    return out / "modules"


def build_programs() -> None:
    """Compile the guest's programs, static: the images have no C library to compile against."""
    (OUT / "bin").mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        options = ["-O2", "-Wall", "-Wextra", "-Werror", "-static"]
        subprocess.run(["cc", *options, "-o", str(OUT / "bin" / name), str(HERE / f"c/{name}.c")], check=True)


class Node:
    """A machine of the lab with everything on it, for as long as the ``with`` block lasts."""

    def __init__(self, image: str, icount: bool) -> None:
        self.image, self.icount = image, icount
        self.state = OUT / f"fleet-{image}{'-icount' if icount else ''}"

    def __enter__(self) -> Node:
        modules = build_modules(self.image)
        options = ["--icount"] if self.icount else []
        subprocess.run(lab("up", "--state", str(self.state), "--nodes", "n1", "--image", self.image, *options), check=True)
        try:
            self._send(modules)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _send(self, modules: Path) -> None:
        folders = [(modules.parent, "modules"), (OUT, "bin"), (ROOT / "tests/kmod", "guest"), (HERE, "guest")]
        pack = ["tar", "--exclude=__pycache__", "-c", *(word for where, what in folders for word in ("-C", str(where), what))]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
            subprocess.run(self._ssh("tar", "-x", "-C", "/root"), stdin=packed.stdout, check=True)
        if packed.returncode:
            raise SystemExit("bench: tar failed")

    def _ssh(self, *command: str) -> list[str]:
        return lab("ssh", "--state", str(self.state), "n1", "--", *command)

    def ask(self, command: str) -> Any:
        """Run a command that prints JSON."""
        done = subprocess.run(self._ssh(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"bench: {command} ended with {done.returncode}. Next: read what it said above.")
        return json.loads(done.stdout)

    def __exit__(self, *exception: object) -> None:
        subprocess.run(lab("down", "--state", str(self.state), "--keep-logs", str(OUT / "logs")), check=False)


def measure(node: Node, part: Part) -> dict[str, Any]:
    """Run one part."""
    command = " ".join(["python3", f"{part.name}.py", "/root/bin", *map(str, part.arguments)])
    say(f"{part.name} on {part.image}: {command}")
    environment = node.ask("cd guest && python3 environment.py")
    before = os.getloadavg()[0]
    result = node.ask(f"cd guest && {command}")
    load = {"before": before, "after": os.getloadavg()[0]}
    return {"name": part.name, "command": command, "icount": part.icount, "environment": environment, "host_load": load, "result": result}


def host() -> dict[str, Any]:
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[0]
    return {"cpus": os.cpu_count(), "model": models[0] if models else "unknown", "kernel": os.uname().release, "qemu": qemu}


def run(parts: tuple[Part, ...]) -> dict[str, Any]:
    """Run all parts, those that share a machine on one boot of it."""
    runs = []
    for image, icount in dict.fromkeys((part.image, part.icount) for part in parts):
        with Node(image, icount) as node:
            runs += [measure(node, part) for part in parts if (part.image, part.icount) == (image, icount)]
    return {"schema": 1, "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "host": host(), "runs": runs}


def main(words: list[str]) -> int:
    """Measure, write, print."""
    if words not in ([], ["short"]):
        print("usage: measure.py [short]", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    build_programs()
    found = run(SHORT if words else LONG)
    (OUT / "bench.json").write_text(json.dumps(found))
    print(page(found))
    print(f"every raw value: {(OUT / 'bench.json').relative_to(ROOT)}")
    wrong = failures(found)
    for line in wrong:
        print(f"FAILED: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
