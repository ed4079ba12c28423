# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stages exist and which make targets run them: the only place that knows both.

``python3 tests/tools/gates.py <target>`` sets the machine up and runs the target's stages; see ``make help``.
"""

from __future__ import annotations

import os
import re
import sys
import time
import uuid
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Callable

import leftovers
from bootstrap import LOCAL_CACHE, ROOT, VENVS
from stages import Outcome, Runner, Stage, raise_on_signals, succeeded, table

BIN = LOCAL_CACHE / "venv-dev/bin"
PYTHON = str(BIN / "python")
TOOLS = ROOT / "tests/tools"
LOGS = ROOT / "build/logs"
CHECKOUT = str(ROOT / ".ansible/collections")
INSTALLED = str(ROOT / "build/collections")
WORKERS = 2
STOCK = ("bookworm", "trixie")
KERNELS = (*STOCK, "debug")
# What is too slow for every change there. In the long form every single allocation fails in turn.
# Of what test-kernel has, make test has all on 6.1, on 6.12 what is about the parent itself, and two of the cuts.
SHORT = {
    "molecule kernel_6_12": {"LAB_TESTS": "test_parent test_probation test_forced test_selftest test_broken"},
    "power cuts": {"TWOSTEP_CUTS": "adopt,commit"},
}
DEBUG_TESTS = "test_faults test_parent test_probation test_broken test_tracking test_race"


def tool(name: str, *arguments: str) -> list[str]:
    """Return the argument list of a program of the venv."""
    return [str(BIN / name), *arguments]


def script(name: str, *arguments: str) -> list[str]:
    """Return the argument list of a script of tests/tools."""
    return [PYTHON, str(TOOLS / f"{name}.py"), *arguments]


def setup(venvs: tuple[str, ...]) -> list[Stage]:
    return [Stage("setup", [sys.executable, str(TOOLS / "bootstrap.py"), *venvs])]


def lint() -> list[Stage]:
    return [
        Stage("ruff", tool("ruff", "check", "--no-cache", ".")),
        Stage("ruff format", tool("ruff", "format", "--check", "--no-cache", ".")),
        Stage("mypy", script("typed")),
        Stage("yamllint", tool("yamllint", "--strict", ".")),
        Stage("shellcheck", script("shell")),
        Stage("reuse", tool("reuse", "lint")),
        Stage("changelog", tool("antsibull-changelog", "lint")),
    ]


def slow_lint() -> list[Stage]:
    return [
        # The linter renders templates out of their context, as text that nobody vouches for.
        Stage(
            "ansible-lint",
            tool("ansible-lint", "--offline", "--nocolor"),
            {"ANSIBLE_COLLECTIONS_PATH": CHECKOUT, "_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR": "ignore"},
        ),
        Stage("module docs", tool("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=self", ".")),
    ]


def unit() -> list[Stage]:
    return [Stage("unit tests", tool("pytest"), {"ANSIBLE_COLLECTIONS_PATH": CHECKOUT})]


def sanity() -> list[Stage]:
    return [Stage("sanity", script("ansible_test", "sanity", "controller"))]


def oldest_sanity() -> list[Stage]:
    return [Stage("sanity oldest Python", script("ansible_test", "sanity", "oldest"))]


def units() -> list[Stage]:
    return [Stage(f"units {python} Python", script("ansible_test", "units", python)) for python in ("controller", "oldest")]


def artifact() -> list[Stage]:
    return [Stage("artifact", script("artifact", "check"))]


def kmod(*images: str) -> list[Stage]:
    """Return the kernel code's checks, and its builds for the kernels of ``images``; the debug kernel's own build takes long."""
    return [
        Stage("kernel check", ["make", "-C", str(ROOT / "kmod"), "checkpatch", "coccinelle"]),  # sparse comes with the builds
        *(Stage(f"kmod {image}", script("kmod_build", image)) for image in images or STOCK),
    ]


def newest_kernels(*options: str) -> list[Stage]:
    return [Stage("newest kernels", script("newest_kernels", *options))]


def in_lab(name: str, *command: str, live: bool = False, **variables: str) -> Stage:
    """Return a stage whose machines end with it, run with the installed artifact."""
    environment = {"PYTHONPATH": str(ROOT / "molecule"), "ANSIBLE_COLLECTIONS_PATH": INSTALLED, **variables}
    return Stage(name, [PYTHON, "-m", "lab", "session", "--", *command], environment, live)


def short(stages: list[Stage]) -> list[Stage]:
    """Return the stages in their short form, where they have one."""
    return [replace(stage, environment={**stage.environment, **SHORT.get(stage.name, {})}) for stage in stages]


def install() -> list[Stage]:
    return [Stage("install artifact", script("artifact", "install"))]


def scenarios(pattern: str = "*") -> list[str]:
    """Return the names of the Molecule scenarios that match."""
    return sorted(path.parent.name for path in (ROOT / "molecule").glob(f"{pattern}/molecule.yml"))


def molecule(names: list[str]) -> list[Stage]:
    return [in_lab(f"molecule {name}", *tool("molecule", "test", "-s", name)) for name in names]


def nodes(name: str) -> int:
    """Return how many machines a scenario has, as its molecule.yml says."""
    found = re.search(r"LAB_NODES: (\S+)", (ROOT / "molecule" / name / "molecule.yml").read_text(encoding="utf-8"))
    return len(found[1].split(",")) if found else 1


def kernel_scenarios() -> list[str]:
    return scenarios("kernel_6*")  # that of the debug kernel takes too long for every change: make test-debug


def small_scenarios() -> list[str]:
    """Return those that leave a processor idle, of one or two machines; the longest first, so that none is left over at the end."""
    return kernel_scenarios() + [name for name in scenarios() if nodes(name) <= 2 and not name.startswith("kernel_")]


def trixie() -> list[Stage]:
    """Return the scenarios of one or two hosts on Debian 13, whose kernel, DKMS and Python are newer."""
    # The package of the scenario reload is one of Debian 12, fetched by the controller.
    names = [name for name in small_scenarios() if not name.startswith("kernel_") and name != "reload"]
    return [in_lab(f"{name} on trixie", *tool("molecule", "test", "-s", name), LAB_ON="trixie") for name in names]


def fleet_scenarios() -> list[str]:
    return [name for name in scenarios() if nodes(name) > 2]


def power_cuts() -> list[Stage]:
    return [in_lab("power cuts", PYTHON, str(ROOT / "tests/kmod/host/power_cuts.py"))]


def replication() -> list[Stage]:
    return [in_lab("replication", PYTHON, str(ROOT / "tests/kmod/host/replication.py"))]


def bench(*form: str) -> list[Stage]:
    """Return the figures; their short form is the one that gates: it counts instructions, which no load changes."""
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("molecule", "tests/tools", "tests/bench"))
    command = [PYTHON, str(ROOT / "tests/bench/measure.py"), *form]
    return [in_lab(" ".join(["bench", *form]), *command, live=not form, PYTHONPATH=paths)]


def scale(*form: str) -> list[Stage]:
    """Return an upgrade of pretended hosts; its counts gate, in the short form, too, and no duration does."""
    paths = os.pathsep.join(str(ROOT / folder) for folder in (".ansible/collections", "tests/scale"))
    command = [PYTHON, str(ROOT / "tests/scale/scale_run.py"), *form]
    return [Stage(" ".join(["scale", *form]), command, {"PYTHONPATH": paths}, live=not form)]


def chaos(*words: str) -> list[Stage]:
    """Return the campaign of faults: its short form, or so many, as a seed chooses."""
    paths = os.pathsep.join([str(ROOT / "molecule"), str(ROOT / "tests/chaos"), INSTALLED])
    return [in_lab("chaos", PYTHON, "-m", "chaos", *words, live=bool(words), PYTHONPATH=paths)]


def soak() -> list[Stage]:
    """Return the long form of what the kernel scenarios do shortly: swaps by the thousand, and the order of writes."""
    return [
        in_lab(f"{what} {name}", *tool("molecule", "test", "-s", name), LAB_TESTS=tests, TWOSTEP_SWAPS=swaps)
        for name in scenarios("kernel_*")
        for what, tests, swaps in (("soak", "test_soak", "1000"), ("order", "test_order", "200"))
    ] + [
        in_lab("killed", *tool("molecule", "test", "-s", "killed"), TWOSTEP_STRIDE="1", LAB_STEPS=" ".join(map(str, range(1, 20, 2)))),
        in_lab("cold", *tool("molecule", "test", "-s", "cold"), TWOSTEP_LONG="1"),
        in_lab("early", *tool("molecule", "test", "-s", "early"), TWOSTEP_LONG="1"),
        in_lab("warm", *tool("molecule", "test", "-s", "warm"), TWOSTEP_STRIDE="1", TWOSTEP_LONG="1"),
        in_lab("rolling", *tool("molecule", "test", "-s", "rolling"), TWOSTEP_LONG="1"),
        in_lab("reload", *tool("molecule", "test", "-s", "reload"), TWOSTEP_STRIDE="1", TWOSTEP_LONG="1"),
        in_lab("signed", *tool("molecule", "test", "-s", "kernel_debug"), LAB_TESTS="signed"),
        in_lab("debug", *tool("molecule", "test", "-s", "kernel_debug"), LAB_TESTS=DEBUG_TESTS, TWOSTEP_LONG="1"),
    ]


def mutants() -> list[Stage]:
    return [in_lab("mutants", PYTHON, str(ROOT / "tests/kmod/mutants/mutants.py"))]


def demo() -> list[Stage]:
    return [*install(), in_lab("demo", PYTHON, "-m", "demo", live=True)]


@dataclass(frozen=True)
class Group:
    """Stages that run one after the other, or so many at a time."""

    stages: list[Stage]
    workers: int = 1


@dataclass(frozen=True)
class Target:
    """What a make target runs, after the set-up, group by group."""

    groups: list[Group] = field(default_factory=list)
    keep_going: bool = False
    venvs: tuple[str, ...] = VENVS


def alone(*stages: Stage) -> Group:
    return Group([*stages])


def beside(*stages: Stage) -> Group:
    """Return stages that run two at a time."""
    return Group([*stages], WORKERS)


def mixed(one: list[Stage], other: list[Stage]) -> list[Stage]:
    """Return the stages of both by turns: those of one list use the same caches, and would wait for each other."""
    return [stage for pair in zip_longest(one, other) for stage in pair if stage]


def all_scenarios() -> list[Group]:
    return [beside(*molecule(small_scenarios())), alone(*molecule(fleet_scenarios()))]


def check() -> list[Stage]:
    """Return the stages without a virtual machine, the long ones first."""
    return [*sanity(), *slow_lint(), *unit(), *lint()]


# The fast ones go on after a failure: whoever runs them wants to see everything at once.
TARGETS: dict[str, Callable[[], Target]] = {
    "setup": Target,
    "check": lambda: Target([beside(*check())], keep_going=True),
    "lint": lambda: Target([beside(*slow_lint(), *lint())], keep_going=True),
    "sanity": lambda: Target([alone(*sanity(), *oldest_sanity())]),
    "units": lambda: Target([alone(*unit(), *units())]),
    "artifact": lambda: Target([alone(*artifact())]),
    "kmod": lambda: Target([alone(*kmod())]),
    "newest-kernels": lambda: Target([alone(*newest_kernels())]),
    "molecule": lambda: Target([alone(*kmod(), *install()), *all_scenarios()]),
    "test-kernel": lambda: Target([alone(*kmod(), *molecule(kernel_scenarios()), *power_cuts(), *replication())]),
    "test-trixie": lambda: Target([alone(*install()), beside(*trixie())]),
    "test-debug": lambda: Target([alone(*kmod("debug"), *molecule(["kernel_debug"]))]),
    "mutants": lambda: Target([alone(*mutants())]),
    "soak": lambda: Target([alone(*kmod(*KERNELS), *install(), *soak())]),
    "bench": lambda: Target([alone(*bench())]),
    "scale": lambda: Target([alone(*scale())], venvs=("dev",)),
    "chaos": lambda: Target([alone(*install(), *chaos(*(os.environ[name] for name in ("FAULTS", "SEED") if name in os.environ)))]),
    "demo": lambda: Target([alone(*demo())], venvs=("dev",)),
    "test": lambda: Target(
        [
            beside(*check()),
            beside(*mixed(oldest_sanity() + units(), artifact() + kmod())),
            alone(*install(), *scale("short")),
            beside(*short([*molecule(small_scenarios()), *power_cuts(), *replication()]), *bench("short")),
            alone(*molecule(fleet_scenarios())),
        ]
    ),
}


def run(target: Target) -> list[Outcome]:
    """Run the set-up and then the target's stages; those that never began are in the answer, too."""
    outcomes: list[Outcome] = []
    for group in (alone(*setup(target.venvs)), *target.groups):
        if succeeded(outcomes):
            outcomes += Runner(LOGS, sys.stdout, keep_going=target.keep_going, workers=group.workers).run(group.stages)
        else:
            outcomes += [Outcome(stage.name, None, 0.0) for stage in group.stages]
    return outcomes


def main(arguments: list[str]) -> int:
    """Run one target; also fail when it leaves something behind.

    Only ``test`` looks at the tree: during the others somebody may be editing it.
    """
    if len(arguments) != 1 or arguments[0] not in TARGETS:
        print(f"usage: gates.py {'|'.join(TARGETS)}", file=sys.stderr)
        return 2
    raise_on_signals()
    os.chdir(ROOT)
    marker = uuid.uuid4().hex
    os.environ[leftovers.MARKER] = marker
    os.environ["PATH"] = f"{BIN}:{os.environ['PATH']}"
    before, began = leftovers.look(ROOT), time.monotonic()
    try:
        outcomes = run(TARGETS[arguments[0]]())
    except KeyboardInterrupt:
        survivors = leftovers.processes(marker, Path("/proc"))
        print("\n".join(["interrupted", *(f"  left behind: process {line}" for line in survivors)]), flush=True)
        return 130
    remains = leftovers.compare(before, leftovers.look(ROOT), leftovers.processes(marker, Path("/proc")), tree=arguments[0] == "test")
    outcomes.append(Outcome("nothing left behind", 1 if remains else 0, 0.0))
    lines = ["", *(f"  left behind: {remain}" for remain in remains), table(outcomes, time.monotonic() - began)]
    print("\n".join(lines), flush=True)
    return 0 if succeeded(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
