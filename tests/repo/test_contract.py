# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract in C and in Python is one contract."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.core import contract


def test_the_numbers_are_equal(root: Path) -> None:
    header = (root / "kmod/include/twostep.h").read_text()
    numbers = dict(re.findall(r"^#define TWOSTEP_CONTRACT_(MAJOR|MINOR)\s+(\d+)$", header, re.MULTILINE))
    assert numbers == {"MAJOR": str(contract.MAJOR), "MINOR": str(contract.MINOR)}


def test_the_architecture_shows_the_same_number(root: Path) -> None:
    assert f"| `contract` | `{contract.MAJOR}.{contract.MINOR}` |" in (root / "docs/architecture.md").read_text()
