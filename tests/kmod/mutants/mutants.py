# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the guards of the kernel modules away, one at a time: the test of each must go red.

``mutants.py [--image bookworm] [WORD ...]``: only the mutants whose guard has one of the words. First all of those tests are run
with nothing taken away, and must be green. A guest that answers no more counts as red. A guard that only the debug kernel misses says
so in the list. Needs a lab session.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/kmod/host"), str(ROOT / "tests/tools")]

import kmod_build  # noqa: E402 (found by the line above)
from node import Node  # noqa: E402

LIST = Path(__file__).with_name("mutants.toml")
LIMIT_S = {"debug": 1200}  # of a test; a kernel without its guard may hang
COMMON_LIMIT_S = 240


@dataclass(frozen=True)
class Mutant:
    """One guard: the text that is it, in a file below ``kmod``, and the test that must miss it."""

    guard: str
    file: str
    old: str
    new: str
    test: str
    image: str = ""  # the only one whose kernel can miss it

    def problem(self, kmod: Path) -> str:
        """Return why it cannot be applied, empty if it can."""
        found = (kmod / self.file).read_text(encoding="utf-8").count(self.old)
        return "" if found == 1 else f"{self.guard}: found {found} times in {self.file}"

    def apply(self, kmod: Path) -> None:
        path = kmod / self.file
        path.write_text(path.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")


def load() -> list[Mutant]:
    """Return all mutants."""
    return [Mutant(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]]


class Run:
    """One image, one fleet, one folder to build in."""

    def __init__(self, image: str, work: Path) -> None:
        self.image, self.work = image, work
        self.node = Node(work / "fleet", image)
        self.kernel = subprocess.run(
            [sys.executable, "-m", "lab", "kernel", "--image", image], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.split()[-1]

    def build(self, kmod: Path, releases: list[str], name: str) -> Path:
        """Build the parent, its self test and some releases; return the folder that has them."""
        out = self.work / name
        status, log = kmod_build.build(self.image, self.kernel, releases, out, kmod)
        if status:
            raise SystemExit(f"{log}\nmutants: it cannot be built")
        return out / "modules"

    def modules(self, mutant: Mutant) -> Path:
        """Build what is not as in ``base`` because of the mutant; return a folder with all modules."""
        kmod = self.work / "kmod"
        shutil.rmtree(kmod, ignore_errors=True)
        shutil.copytree(ROOT / "kmod", kmod)
        mutant.apply(kmod)
        made = self.build(kmod, [] if mutant.file.startswith("parent/") else ["1.0.0", "1.1.0", "2.0.0"], "mutant")
        for module in (self.work / "base/modules").iterdir():
            if not (made / module.name).exists():
                shutil.copy2(module, made)
        return made

    def is_green(self, tests: list[str], modules: Path) -> bool:
        """Run tests on a fresh node."""
        self.node.restore()
        self.node.fill(modules)
        limit_s = LIMIT_S.get(self.image, COMMON_LIMIT_S)
        command = self.node.ssh("cd /root/guest && exec python3 -m unittest " + " ".join(tests))
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s * len(tests), check=False)
        except subprocess.TimeoutExpired:
            return False
        finally:
            self.node.down()
        (self.work / "test.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        return done.returncode == 0


def not_missed(image: str, work: Path, mutants: list[Mutant]) -> list[str]:
    """Take each guard away in turn on one image; return those whose test stays green."""
    work.mkdir(parents=True, exist_ok=True)
    run = Run(image, work)
    base = run.build(ROOT / "kmod", kmod_build.all_releases(), "base")
    if not run.is_green(sorted({mutant.test for mutant in mutants}), base):
        raise SystemExit(f"mutants: not green with nothing taken away. Next: read {work}/test.log, then make test-kernel.")
    missed = []
    for mutant in mutants:
        begun = time.monotonic()
        green = run.is_green([mutant.test], run.modules(mutant))
        print(f"{'NOT MISSED' if green else 'red'}: {mutant.guard} ({mutant.test}); {time.monotonic() - begun:.1f} s", flush=True)
        missed += [mutant.guard] if green else []
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description="Take guards away; their tests must go red.")
    parser.add_argument("--image", default="bookworm")
    parser.add_argument("--work", type=Path, default=ROOT / "build/mutants")
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    chosen = [mutant for mutant in load() if not args.words or any(word in mutant.guard for word in args.words)]
    by_image: dict[str, list[Mutant]] = {}
    for mutant in chosen:
        by_image.setdefault(mutant.image or args.image, []).append(mutant)
    missed = [guard for image, mutants in by_image.items() for guard in not_missed(image, args.work / image, mutants)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} guards are missed by their tests when they are gone")
    return 1 if missed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
