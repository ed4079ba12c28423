# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module, plugin and utility has a test file, and each test file has what it tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("action", "modules", "module_utils/core", "module_utils/host", "plugin_utils")
# Tested elsewhere, and where.
EXEMPT = {"module_utils/core/contract": "test_contract.py, beside this file"}


def parts() -> list[str]:
    """Return ``folder/name`` of everything that needs a test."""
    found = [
        f"{folder}/{path.stem}"
        for folder in FOLDERS
        for path in sorted((ROOT / "plugins" / folder).glob("*.py"))
        if path.stem != "__init__"
    ]
    assert set(EXEMPT) <= set(found)
    # A module beside an action of its name only documents it.
    return [
        part for part in found if part not in EXEMPT and not (part.startswith("modules/") and f"action/{part[len('modules/') :]}" in found)
    ]


@pytest.mark.parametrize("part", parts())
def test_has_a_test(part: str) -> None:
    folder, name = part.rsplit("/", 1)
    assert sorted((ROOT / "tests/unit/plugins" / folder).glob(f"test_{name}*.py")), f"tests/unit/plugins/{folder}/test_{name}.py is missing"
