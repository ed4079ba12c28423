# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-up: what is missing, when a venv is another, how a link is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import bootstrap
import pytest


def test_entries_are_the_lines_without_comments() -> None:
    assert bootstrap.entries("# head\nmake\n\n  vde2  # the switch\n#git\n") == ["make", "vde2"]


def test_a_package_is_missing_unless_it_is_installed() -> None:
    status = "make installed\nqemu-utils config-files\nvde2 not-installed\n"
    assert bootstrap.missing_packages(["make", "qemu-utils", "sparse", "vde2"], status) == ["qemu-utils", "sparse", "vde2"]


def test_a_venv_is_another_when_a_requirement_or_the_interpreter_is() -> None:
    keys = [bootstrap.venv_key(*pair) for pair in (("3.11", "a\nb"), ("3.12", "a\nb"), ("3.11", "a\nb>1"))]
    assert len(set(keys)) == len(keys)


def test_a_venv_is_the_same_when_only_order_and_comments_change() -> None:
    assert bootstrap.venv_key("3.11", "# x\na\nb") == bootstrap.venv_key("3.11", "b\na  # y")


def test_the_shared_cache_follows_the_user_s_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TWOSTEP_CACHE", str(tmp_path))
    assert bootstrap.shared_cache() == tmp_path


def test_a_link_is_made_and_replaced(tmp_path: Path) -> None:
    link = tmp_path / "deep/link"
    bootstrap.point(link, Path("one"))
    bootstrap.point(link, Path("two"))
    assert os.readlink(link) == "two"
    assert os.listdir(link.parent) == ["link"]


def test_nothing_is_installed_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name)
    monkeypatch.setattr(
        bootstrap.subprocess, "run", lambda *args, **words: bootstrap.subprocess.CompletedProcess(args, 1, "make installed\n")
    )
    with pytest.raises(bootstrap.SetupError, match=r"As root, run: apt-get install .*qemu"):
        bootstrap.ensure_packages()


def test_the_requirements_have_an_upper_bound() -> None:
    for name in bootstrap.VENVS:
        lines = bootstrap.entries((bootstrap.ROOT / f"requirements/{name}.txt").read_text())
        assert [line for line in lines if ",<" not in line and not line.startswith("types-")] == []


def test_what_the_lab_needs_is_installed() -> None:
    wanted = bootstrap.entries((bootstrap.ROOT / "requirements/apt.txt").read_text())
    assert set(bootstrap.entries((bootstrap.ROOT / "molecule/lab/packages.txt").read_text())) <= set(wanted)
