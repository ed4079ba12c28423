# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's argument spec, its defaults and its README say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


def options(role: str) -> dict[str, Any]:
    """Return the options of all entry points of a role: they share its defaults."""
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())["argument_specs"]
    return {name: option for entry_point in specs.values() for name, option in (entry_point.get("options") or {}).items()}


def defaults(role: str) -> dict[str, Any]:
    """Return a role's defaults."""
    path = ROOT / "roles" / role / "defaults/main.yml"
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_argument_spec(role: str) -> None:
    assert defaults(role) == {name: option["default"] for name, option in options(role).items() if "default" in option}


@pytest.mark.parametrize("role", ROLES)
def test_an_option_is_required_or_has_a_default(role: str) -> None:
    undecided = [name for name, option in options(role).items() if bool(option.get("required")) == ("default" in option)]
    assert undecided == []


@pytest.mark.parametrize("role", ROLES)
def test_names_are_ours(role: str) -> None:
    assert [name for name in options(role) if not name.startswith(("twostep_", "__twostep_"))] == []


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_names_every_option(role: str) -> None:
    readme = (ROOT / "roles" / role / "README.md").read_text()
    assert [name for name in options(role) if not name.startswith("__") and name not in readme] == []


def test_one_name_has_one_default_everywhere() -> None:
    seen: dict[str, Any] = {}
    for role in ROLES:
        for name, value in defaults(role).items():
            assert seen.setdefault(name, value) == value, f"{name} in {role}"
