# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files with one noun: at most 400 lines, unless a reason stands here."""

from __future__ import annotations

from pathlib import Path

MOST_LINES = 400
COUNTED = frozenset({".py", ".c", ".h", ".yml", ".j2", ".sh", ".mk"})
LONGER: dict[str, str] = {
    "plugins/modules/dkms.py": "three quarters of it are the documentation, which ansible-doc wants in the module's own file",
    "plugins/modules/swap.py": "four fifths of it are the documentation, as there",
}


def test_no_file_is_too_long(root: Path, files: list[Path]) -> None:
    lengths = {str(path): len((root / path).read_text().splitlines()) for path in files if path.suffix in COUNTED}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES and name not in LONGER} == {}


def test_the_list_of_reasons_is_not_stale(root: Path) -> None:
    assert [name for name in LONGER if len((root / name).read_text().splitlines()) <= MOST_LINES] == []
