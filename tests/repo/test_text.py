# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no file may contain."""

from __future__ import annotations

import re
from pathlib import Path

FORBIDDEN = {
    "unfinished work": re.compile(r"\b([T]ODO|[F]IXME|[X]XX|[H]ACK)\b"),
    "a merge conflict": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
    "a path of somebody's machine": re.compile(r"(?<![\w.~])/(work|home|Users)/\w"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


def test_no_file_contains_what_it_may_not(root: Path, files: list[Path]) -> None:
    found = [
        f"{path}: {what}: {match[0]!r}"
        for path in files
        if "LICENSES" not in path.parts
        for what, pattern in FORBIDDEN.items()
        if (match := pattern.search((root / path).read_text(errors="replace")))
    ]
    assert found == []


def test_text_files_end_with_one_newline(root: Path, files: list[Path]) -> None:
    texts = {
        path: (root / path).read_bytes() for path in files if path.suffix in (".py", ".c", ".h", ".yml", ".md", ".toml", ".txt", ".j2")
    }
    assert [str(path) for path, text in texts.items() if text and (not text.endswith(b"\n") or text.endswith(b"\n\n"))] == []
