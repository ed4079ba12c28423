# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the JSON Schema of policies: ``.cache/venv-dev/bin/python tests/tools/policy_schema.py``.

Names, types, choices, defaults and descriptions are those of the roles' argument specs, and of the modules' documentation for what is in a
mapping. What neither can say, such as that a number is 1 or more, is in ``NARROWER``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from bootstrap import COLLECTION_LINK, ROOT, ensure_collection_link

ensure_collection_link()
sys.path.insert(0, str(COLLECTION_LINK.parents[2]))

from ansible_collections.twostep.hotswap.plugins.module_utils.core import policy, window  # noqa: E402

SCHEMA = ROOT / "docs/schemas/policy.schema.json"
TYPES = {"str": "string", "path": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object"}
MARKUP = re.compile(r"\b[A-Z]\((?:twostep\.hotswap\.)?([^)]*)\)")
VERSION = {"type": "string", "pattern": "^[0-9]{1,5}\\.[0-9]{1,5}\\.[0-9]{1,5}$", "examples": ["1.10.0"]}
TIME = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["22:00"]}
TEMPLATE = {"$ref": "#/$defs/template"}
NARROWER: dict[str, dict[str, Any]] = {
    "twostep_family": {"pattern": "^[a-z][a-z0-9]{0,15}$", "examples": ["remap"]},
    "twostep_version": VERSION,
    "twostep_parent_version": VERSION,
    "twostep_canary": {"minimum": 0},
    "twostep_wave_size": {"minimum": 1},
    "twostep_max_failures": {"minimum": 0},
    "twostep_deadline_ms": {"minimum": 1, "maximum": 10000},
    "twostep_task_timeout_s": {"minimum": 1},
    "twostep_boot_timeout_s": {"minimum": 1},
    "twostep_health_shelf_life_s": {"exclusiveMinimum": 0},
    "twostep_windows": {
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["from", "to"],
            "properties": {
                "from": {"anyOf": [TIME, TEMPLATE]},
                "to": {"anyOf": [TIME, TEMPLATE]},
                "days": {"anyOf": [{"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(window.DAYS)}}, TEMPLATE]},
            },
        },
        "examples": [[{"from": "22:00", "to": "04:00", "days": ["sat", "sun"]}]],
    },
}
# Options whose mapping is that of a module's option.
OF_MODULE = {"twostep_sign": ("dkms", "sign"), "twostep_health_settings": ("health_info", "settings")}


def options() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every public option of every entry point of every role, in the order of names."""
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            yield from ((name, option) for name, option in sorted(entry.get("options", {}).items()) if not name.startswith("__"))


def of_module(module: str, option: str) -> Mapping[str, Any]:
    """Return an option out of a module's documentation."""
    text = (ROOT / "plugins/modules" / f"{module}.py").read_text()
    (found,) = re.findall(r'^DOCUMENTATION = r"""\n(.*?)^"""', text, re.MULTILINE | re.DOTALL)
    return yaml.safe_load(found)["options"][option]


def plain(description: str | list[str]) -> str:
    """Return a description without Ansible's markup."""
    told = MARKUP.sub(r"\1", " ".join([description] if isinstance(description, str) else description))
    return re.sub(r"(\w+)#module:(\w+)", r"\2 of the module \1", told)


def value(option: Mapping[str, Any], narrower: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a value; any but text may also be a template, which is text."""
    made: dict[str, Any] = {"type": narrower.get("type") or TYPES[option["type"]]}
    if made["type"] == "array":
        made["items"] = value({**option, "type": option.get("elements", "str"), "default": None}, {})
    elif option.get("choices"):
        made["enum"] = option["choices"]
    if made["type"] == "object" and option.get("suboptions"):
        made["additionalProperties"] = False
        made["required"] = [name for name, inner in option["suboptions"].items() if inner.get("required")]
        made["properties"] = {name: noted(inner, {}) for name, inner in option["suboptions"].items()}
    made.update(narrower)
    return made if made.keys() <= {"type"} and made["type"] == "string" else {"anyOf": [made, TEMPLATE]}


def noted(option: Mapping[str, Any], narrower: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a value with what editors show of it."""
    made: dict[str, Any] = {"description": plain(option["description"])}
    if "default" in option and not re.search(policy.TEMPLATE, json.dumps(option["default"])):
        made["default"] = option["default"]
    return {**made, **value(option, narrower)}


def properties() -> dict[str, Any]:
    """Return the schema of each variable that a policy may have.

    :raises ValueError: when roles do not agree about one, or this file speaks of one that no role has.
    """
    made: dict[str, Any] = {}
    for name, option in options():
        if name in policy.ELSEWHERE:
            continue
        inner = of_module(*OF_MODULE[name]) if name in OF_MODULE else {}
        found = noted({**option, **{key: inner[key] for key in ("suboptions",) if key in inner}}, NARROWER.get(name, {}))
        first = made.setdefault(name, found)
        if {**first, "description": ""} != {**found, "description": ""}:
            raise ValueError(f"two roles do not agree about {name}")
    stale = (NARROWER.keys() | OF_MODULE.keys()) - made.keys()
    if stale:
        raise ValueError(f"no role has {', '.join(sorted(stale))}")
    return dict(sorted(made.items()))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of policies."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "twostep.hotswap.policy/1",
        "$comment": "SPDX-FileCopyrightText: 2026 The twostep.hotswap authors; SPDX-License-Identifier: GPL-3.0-or-later. "
        "Made by tests/tools/policy_schema.py; do not edit.",
        "title": "Policy of a run",
        "description": "The file that twostep_policy_file names. What it sets counts before the inventory, and after -e.",
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": properties(),
        "$defs": {
            "template": {"description": "A template of Ansible's.", "type": "string", "pattern": policy.TEMPLATE},
        },
    }


def text() -> str:
    """Return what the file must have."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text())
