# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mutants of the kernel modules can be applied, and their tests exist. What they prove: make mutants."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest


@pytest.fixture(name="mutants")
def _mutants(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(root / "tests/kmod/mutants"))
    monkeypatch.setattr(sys, "path", [*sys.path])  # what the module adds
    return importlib.import_module("mutants")


def test_each_guard_is_found_once(root: Path, mutants) -> None:
    assert [problem for mutant in mutants.load() if (problem := mutant.problem(root / "kmod"))] == []


def test_each_guard_is_named_once(mutants) -> None:
    guards = [mutant.guard for mutant in mutants.load()]
    assert len(guards) == len(set(guards))


def test_each_test_exists(root: Path, mutants) -> None:
    for mutant in mutants.load():
        module, *names = mutant.test.split(".")
        text = (root / f"tests/kmod/guest/{module}.py").read_text()
        for name in names:
            assert re.search(rf"^ *(class|def) {name}\b", text, re.MULTILINE), mutant.test
