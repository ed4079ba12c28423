# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every template and every condition of roles, playbooks and scenarios can be parsed: else a run would find out behind its swap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("roles", "playbooks", "molecule") for path in (ROOT / folder).rglob("*.yml"))
CONDITIONS = ("when", "until", "failed_when", "changed_when", "break_when", "that")
ENVIRONMENT = jinja2.Environment(autoescape=True)  # nothing is rendered


def templates(value: object, key: str = "") -> Iterator[str]:
    """Yield the templates in what a file says; a condition as a template of its own."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from templates(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from templates(inner, key)
    elif isinstance(value, str) and ("{{" in value or "{%" in value):
        yield value
    elif isinstance(value, str) and key in CONDITIONS:
        yield f"{{{{ ({value}) }}}}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_can_be_parsed(path: Path) -> None:
    for template in templates(yaml.safe_load(path.read_text(encoding="utf-8"))):
        try:
            ENVIRONMENT.parse(template.replace("\\", "\\\\"))  # as Ansible does, so that regular expressions can be written
        except jinja2.TemplateSyntaxError as error:
            pytest.fail(f"{template}: {error}")


def test_an_attribute_of_a_filter_is_found() -> None:
    (wrong,) = templates({"vars": {"x": "{{ a | ternary(b, c).results }}"}})
    with pytest.raises(jinja2.TemplateSyntaxError):
        ENVIRONMENT.parse(wrong)
    assert list(templates({"when": ["a is b", {"that": "c"}]})) == ["{{ (a is b) }}", "{{ (c) }}"]
