# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of kmod/ that no compiler knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "kmod").rglob("*.[ch]"))
EXPORT = re.compile(r"EXPORT_SYMBOL(_GPL)?\((\w+)\)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT / "kmod"))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_no_kernel_version_is_asked(path: Path) -> None:
    assert re.findall(r"LINUX_VERSION_CODE|KERNEL_VERSION", path.read_text()) == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_the_licence_is_the_kernel_s(path: Path) -> None:
    assert path.read_text().splitlines()[0].split(": ")[1].removesuffix(" */") == "GPL-2.0-only"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.suffix == ".c"], ids=named)
def test_exported_symbols_are_ours_by_name_and_gpl_only(path: Path) -> None:
    assert [match[0] for match in EXPORT.finditer(path.read_text()) if not (match[1] and match[2].startswith("twostep_"))] == []


def test_the_data_path_never_stops_the_machine() -> None:
    assert [named(path) for path in SOURCES if re.search(r"\b(BUG|BUG_ON|panic)\(", path.read_text())] == []
