# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema of policies is made from the argument specs of the roles, and what the documentation shows is a policy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import policy_schema
import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import policy
from ansible_collections.twostep.hotswap.plugins.plugin_utils import policy_file


def test_the_file_is_what_the_generator_makes() -> None:
    assert policy_schema.SCHEMA.read_text() == policy_schema.text(), "run .cache/venv-dev/bin/python tests/tools/policy_schema.py"


def test_the_plugin_reads_that_file() -> None:
    assert Path(policy_file.SCHEMA).resolve() == policy_schema.SCHEMA


def test_it_is_a_schema_of_the_draft_that_it_names() -> None:
    known = json.loads(policy_schema.text())
    assert known["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    jsonschema.Draft202012Validator.check_schema(known)


def keywords(schema: Any) -> Iterator[str]:
    """Yield every keyword of a schema; names of properties are none."""
    for key, inner in schema.items():
        yield key
        for one in inner.values() if key in ("properties", "$defs") else inner if key == "anyOf" else [inner] if key == "items" else []:
            yield from keywords(one)


def test_it_uses_no_keyword_that_the_plugin_does_not_know() -> None:
    used = set(keywords(policy_schema.schema()))
    assert used - policy.KEYWORDS - policy.NOTES == set()
    assert policy.KEYWORDS - used == set(), "known, and not used any more"


def test_every_variable_of_the_roles_is_in_it_or_belongs_elsewhere() -> None:
    names = {name for name, _option in policy_schema.options()}
    assert set(policy_schema.properties()) == names - set(policy.ELSEWHERE)
    assert set(policy.ELSEWHERE) <= names


def test_every_variable_has_a_description_without_markup() -> None:
    told = {name: found["description"] for name, found in policy_schema.properties().items()}
    assert [name for name, text in told.items() if not text or re.search(r"\b[A-Z]\(|#module", text)] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([("twostep_fleet", "str"), ("twostep_fleet", "int")], "two roles do not agree about twostep_fleet"),
        ([("twostep_fleet", "str")], "no role has twostep_boot_timeout_s"),
    ],
)
def test_roles_and_generator_that_do_not_agree_are_found(
    monkeypatch: pytest.MonkeyPatch, options: list[tuple[str, str]], message: str
) -> None:
    monkeypatch.setattr(policy_schema, "options", lambda: [(name, {"type": kind, "description": "It."}) for name, kind in options])
    with pytest.raises(ValueError, match=message):
        policy_schema.properties()


def test_the_documented_policy_is_one(root: Path) -> None:
    (example,) = re.findall(r"```yaml\n(# yaml-language-server: .*?)```", (root / "docs/policy.md").read_text(), re.DOTALL)
    assert policy_file.check(example.encode(), "policy.yml", policy_file.schema())


def test_the_documented_error_is_what_is_said(root: Path) -> None:
    text = (root / "docs/policy.md").read_text()
    wrong = "\n" * 11 + "twostep_wave_size: two\n"
    with pytest.raises(policy_file.TwostepError) as caught:
        policy_file.check(wrong.encode(), "policy.yml", policy_file.schema())
    assert f"    {caught.value}\n" in text
