# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smaller tools."""

from __future__ import annotations

from pathlib import Path

import ansible_test
import artifact
import gates
import help as makefile_help
import kmod_build
import pytest
import shell


def test_the_artifact_may_hold_what_users_need() -> None:
    names = ["MANIFEST.json", "FILES.json", "README.md", "kmod/include/twostep.h"]
    assert artifact.objections(names, ["README.md", "kmod/include/twostep.h", "tests/unit/x.py"]) == []


@pytest.mark.parametrize(
    ("names", "repository", "objection"),
    [
        (["kmod/a.ko"], [], "kmod/a.ko: not in the repository"),
        (["tests/x.py"], ["tests/x.py"], "tests/x.py: not for users"),
        ([], ["kmod/include/twostep.h"], "kmod/include/twostep.h: missing"),
    ],
)
def test_the_artifact_is_objected_to(names: list[str], repository: list[str], objection: str) -> None:
    assert artifact.objections(names, repository) == [objection]


@pytest.mark.parametrize("kind", ["sanity", "units"])
def test_the_oldest_python_of_a_host_is_asked_for(kind: str) -> None:
    arguments = ansible_test.plan(kind, oldest=True)
    assert arguments[0] == kind
    assert arguments[arguments.index("--python") + 1] == ansible_test.OLDEST_HOST_PYTHON


def test_every_sanity_test_runs_on_the_controller_s_python() -> None:
    assert "--test" not in ansible_test.plan("sanity", oldest=False)


def test_a_machine_without_the_oldest_python_says_what_it_skips(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ansible_test, "find_oldest", lambda: None)
    assert ansible_test.main("sanity", "oldest") == 0
    assert capsys.readouterr().out == "SKIPPED: ansible-test sanity on Python 3.8: no python3.8 on this machine\n"


@pytest.mark.parametrize(
    ("first_line", "expected"),
    [("#!/bin/sh\n", True), ("#!/usr/bin/env bash\n", True), ("#!/usr/bin/env python\n", False), ("bash\n", False), ("", False)],
)
def test_a_shell_script_is_known_by_its_first_line(tmp_path: Path, first_line: str, expected: bool) -> None:
    (tmp_path / "file").write_text(first_line)
    assert shell.is_script(tmp_path / "file") is expected


def test_help_shows_the_targets_in_order() -> None:
    assert makefile_help.targets("a: ## first\n\techo\nb: a ## second\nhidden:\n") == [("a", "first"), ("b", "second")]


def test_every_target_of_the_makefile_is_explained_and_known(root: Path) -> None:
    text = (root / "Makefile").read_text()
    explained = [name for name, _comment in makefile_help.targets(text)]
    phony = next(line for line in text.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert sorted(explained) == sorted(phony)
    assert set(explained) - {"help", "clean"} == set(gates.TARGETS)


def stage_names(target: str) -> list[str]:
    found = gates.TARGETS[target]()
    return [stage.name for group in found.groups for stage in group.stages]


def test_every_scenario_but_the_slow_one_is_in_the_test() -> None:
    molecule = {name.split(" ", 1)[1] for name in stage_names("test") if name.startswith("molecule ")}
    assert molecule == set(gates.scenarios()) - {"kernel_debug"}


def test_a_fleet_has_the_machine_for_itself() -> None:
    (wide,) = [group for group in gates.all_scenarios() if group.workers > 1]
    names = [stage.name for stage in wide.stages]
    assert names
    assert not [name for name in names if "rolling" in name or "gate" in name]


def test_a_short_form_is_of_a_stage_that_a_target_has_as_a_whole() -> None:
    whole = {stage.name: stage for group in gates.TARGETS["test-kernel"]().groups for stage in group.stages}
    for group in gates.TARGETS["test"]().groups:
        for stage in group.stages:
            if stage.name in gates.SHORT:
                assert stage.environment == {**whole[stage.name].environment, **gates.SHORT[stage.name]}
    assert set(gates.SHORT) <= set(whole)


def test_stage_names_are_unique_in_every_target() -> None:
    for target in gates.TARGETS:
        assert len(stage_names(target)) == len(set(stage_names(target)))


def test_what_is_accepted_was_checked_and_tested() -> None:
    for target in set(gates.TARGETS) - {
        "demo",
        "bench",
        "chaos",
        "scale",
        "newest-kernels",
        "soak",
        "mutants",
        "test-debug",
        "test-trixie",
    }:
        assert set(stage_names(target)) <= set(stage_names("test"))


def test_releases_are_read_from_kbuild(root: Path) -> None:
    assert kmod_build.releases("remap-common := a.o\nremap-1.0.0 := b.o\n", "remap-9.10.0 := c.o\n") == ["1.0.0", "9.10.0"]
    assert {"1.0.0", "1.1.0"} <= set(kmod_build.releases((root / "kmod/remap/Kbuild").read_text()))


@pytest.mark.parametrize(
    "line",
    [
        "parent/swap.c:12:5: warning: unused variable 'x' [-Wunused-variable]",
        "parent/swap.c:12:9: error: incompatible types in comparison expression (different address spaces):",
        "parent/swap.c:1:10: fatal error: nothing.h: No such file or directory",
        "WARNING: modpost: missing MODULE_DESCRIPTION() in twostep.o",
        "ERROR: modpost: twostep_find [twostep.ko] undefined!",
    ],
)
def test_a_complaint_in_a_build_log_is_seen_once(line: str) -> None:
    assert kmod_build.complaints(f"  CC [M]  swap.o\n{line}\n  LD [M]  x.o\n{line}\n") == [line]


def test_a_quiet_build_has_no_complaint() -> None:
    assert kmod_build.complaints("  CC [M]  errors.o\n  CHECK   warning.c\nmake[1]: Leaving directory\n") == []
