# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is keyed by, and what it needs of the machine."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lab import image

ROOT = Path(__file__).resolve().parents[2]
RECIPE = image.RECIPES["bookworm"]


def packages(path: Path) -> set[str]:
    return {line for line in path.read_text().splitlines() if line and not line.startswith("#")}


def test_whatever_goes_in_changes_the_key(tmp_path: Path) -> None:
    files = tmp_path / "guest"
    shutil.copytree(image.GUEST_FILES, files)
    key = RECIPE.key(files, "key")
    assert key == RECIPE.key(image.GUEST_FILES, "key")
    others = [
        RECIPE.key(files, "other key"),
        replace(RECIPE, suite="trixie").key(files, "key"),
        replace(RECIPE, packages=RECIPE.packages[1:]).key(files, "key"),
    ]
    (files / "lab-network").write_text("changed")
    others.append(RECIPE.key(files, "key"))
    assert key not in others
    assert len(set(others)) == len(others)


def test_security_updates_are_in() -> None:
    assert any("bookworm-security" in source for source in RECIPE.sources())


def test_without_root_nothing_is_tried(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match=r"must be built as root.*Next: "):
        image.get("bookworm")
    assert list(cache.glob("image-*/")) == []


def test_the_machine_is_set_up_with_what_the_lab_needs() -> None:
    assert packages(ROOT / "molecule/lab/packages.txt") <= packages(ROOT / "requirements/apt.txt")
