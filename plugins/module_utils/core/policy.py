# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of a run, as a file has it: is it what the JSON Schema of policies says, and if not, which line is wrong and why?

Values come in as they stand in the file, with their lines, so that what YAML makes of them (a time a number, ``no`` false) can be told.
Knows of JSON Schema what that schema uses (``KEYWORDS``), and nothing of YAML, Ansible or files.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from . import untrusted
from .errors import TwostepError

# What no policy may have, and where it belongs.
ELSEWHERE = {
    "twostep_domain": ("it says where one host stands", "Set it in host_vars or group_vars of the inventory."),
    "twostep_apart": ("it says what one host belongs to", "Set it in host_vars or group_vars of the inventory."),
    "twostep_slots": ("it says which devices one host has", "Set it in host_vars or group_vars of the inventory."),
    "twostep_intent": ("the playbook says it", "Remove the line, and run the playbook rollback to go back."),
    "twostep_io": ("it is what a workload saw in one run", "Give it with -e."),
    "twostep_policy_file": ("a policy names no other one", "Remove the line, and give the file with -e or in group_vars/all."),
}
TEMPLATE = r"\{\{|\{%"
_TEMPLATE = re.compile(TEMPLATE)
KEYWORDS = frozenset(
    "additionalProperties anyOf enum exclusiveMinimum items maximum minimum minItems minProperties pattern properties required type".split()
)
NOTES = frozenset("$comment $defs $id $ref $schema default description examples title".split())
_KINDS = {"array": ("list",), "boolean": ("flag",), "integer": ("whole",), "number": ("whole", "number"), "object": ("mapping",)}
_NOUNS = {"array": "a list", "boolean": "true or false", "integer": "a whole number", "number": "a number", "object": "a mapping"}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})(\.[0-9]*)?([eE][-+]?[0-9]{1,2})?")
_MOST_TEXT = 60
_MOST_SHOWN = 40


@dataclass(frozen=True)
class Value:
    """A value and the number of its line, from 1.

    :param kind: ``text``, ``whole``, ``number``, ``flag``, ``nothing``, ``list``, ``mapping`` or, for what YAML also knows, ``other``.
    :param written: of a scalar, its characters in the file, without quotes; ``read`` is what YAML makes of them.
    :param items: of a list.
    :param pairs: of a mapping, names and values in the order of the file, also those that have one name.
    """

    line: int
    kind: str
    written: str = ""
    quoted: bool = False
    read: object = None
    items: tuple[Value, ...] = ()
    pairs: tuple[tuple[Value, Value], ...] = ()


class Finding(NamedTuple):
    """What is wrong in a line, and what to do; both are sentences."""

    line: int
    message: str
    next_step: str


def findings(policy: Value, schema: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return all that is wrong with a policy, in the order of its lines; nothing if it may be used."""
    if policy.kind != "mapping":
        return (Finding(policy.line, f"The policy is {_shown(policy)}, not a mapping.", "Give lines such as twostep_wave_size: 2."),)
    if not policy.pairs:
        return (Finding(policy.line, "The policy names no variable.", "Name one, or leave twostep_policy_file empty."),)
    return tuple(sorted(_object(policy, schema, "")))


def refused(file: str, found: Sequence[Finding]) -> TwostepError:
    """Return ``bad_policy`` out of at least one finding, each as ``file:line: message``; ``data`` has them all."""
    lines = [f"{file}:{one.line}: {one.message}" for one in found]
    data = {"findings": [one._asdict() for one in found]}
    if len(found) == 1:
        return TwostepError("bad_policy", lines[0], found[0].next_step, data)
    shown = [f"{line} Next: {one.next_step}" for line, one in zip(lines, found)][:_MOST_SHOWN]
    more = f"There are {len(found) - _MOST_SHOWN} more. " if len(found) > _MOST_SHOWN else ""
    message = "\n".join([f"The policy {file} has {len(found)} errors:", *shown, f"{more}No host was asked."])
    return TwostepError("bad_policy", message, "Correct them all, and run again.", data)


def _object(value: Value, schema: Mapping[str, Any], path: str) -> Iterator[Finding]:
    """Yield what is wrong with a mapping; one without ``properties`` may have any."""
    known = schema.get("properties", {})
    first: dict[str, int] = {}
    for key, inner in value.pairs:
        name = key.written
        where = f"{path}.{name}" if path else name
        if key.kind in ("text", "flag", "whole", "number") and name in first:
            yield Finding(key.line, f"{_short(where)} is here a second time, after line {first[name]}.", "Remove one of the two.")
            continue
        first[name] = key.line
        if name in known and key.kind == "text":
            yield from _value(inner, known[name], where)
        elif schema.get("additionalProperties") is False:
            yield _unknown(key, _short(where), known, path)
        else:
            yield from _free(inner, where)
    for name in schema.get("required", ()):
        if name not in first:
            yield Finding(value.line, f"{path} has no {name}.", f"Add {name}.")


def _free(value: Value, path: str) -> Iterator[Finding]:
    """Yield what is wrong with a value of which nothing is known."""
    if value.kind == "mapping":
        yield from _object(value, {}, path)
    for number, item in enumerate(value.items):
        yield from _free(item, f"{path}[{number}]")


def _unknown(key: Value, where: str, known: Mapping[str, Any], path: str) -> Finding:
    if not path and key.written in ELSEWHERE:
        why, next_step = ELSEWHERE[key.written]
        return Finding(key.line, f"{where} does not belong into a policy: {why}.", next_step)
    near = [] if key.kind != "text" else difflib.get_close_matches(key.written[:_MOST_TEXT], known, 1)
    if not near and not path:
        near = difflib.get_close_matches(f"twostep_{key.written[:_MOST_TEXT]}", known, 1, 0.9)
    if near:
        return Finding(key.line, f"{where} is not known{_as_read(key)}.", f"Write {near[0]}, or remove it.")
    names = ", ".join(sorted(known)) if path else "the twostep_ variables of the roles"
    return Finding(key.line, f"{where} is not known{_as_read(key)}.", f"Remove it; known are {names}.")


def _value(value: Value, schema: Mapping[str, Any], path: str) -> Iterator[Finding]:
    """Yield what is wrong with a value; a template is somebody else's to check, when it has become a value."""
    wanted = {**schema, **schema["anyOf"][0]} if "anyOf" in schema else schema
    if value.kind == "text" and "anyOf" in schema and _TEMPLATE.search(value.written):
        return
    if value.kind == "nothing":
        yield Finding(value.line, f"{path} has no value.", _way_out(wanted))
    elif not _fits(value, wanted):
        yield Finding(value.line, f"{path} is {_shown(value)}; it must be {_wanted(wanted)}.", _quotes(value, wanted) or _way_out(wanted))
    elif value.kind == "mapping":
        yield from _object(value, wanted, path)
    else:
        for number, item in enumerate(value.items):
            yield from _value(item, wanted["items"], f"{path}[{number}]")


def _fits(value: Value, schema: Mapping[str, Any]) -> bool:
    """Return whether a value is what a schema wants, apart from what is in it."""
    kind = schema["type"]
    if kind == "string":
        pattern = schema.get("pattern")
        told = value.written
        return (
            value.kind == "text" and (pattern is None or _whole_match(pattern, told)) and ("enum" not in schema or told in schema["enum"])
        )
    if value.kind not in _KINDS[kind]:
        return False
    if kind in ("integer", "number"):
        return (_WHOLE if kind == "integer" else _NUMBER).fullmatch(value.written) is not None and _in_range(value.read, schema)
    return kind != "array" or len(value.items) >= schema.get("minItems", 0)


def _whole_match(pattern: str, told: str) -> bool:
    return re.search(pattern, told) is not None and "\n" not in told


def _in_range(number: Any, schema: Mapping[str, Any]) -> bool:
    above = number >= schema.get("minimum", number) and ("exclusiveMinimum" not in schema or number > schema["exclusiveMinimum"])
    return bool(above and number <= schema.get("maximum", number))


def _shown(value: Value) -> str:
    """Return a value in a few words, and what YAML makes of it where that is not what is written."""
    if value.kind in ("list", "mapping"):
        return f"a {value.kind}" if value.items or value.pairs else f"an empty {value.kind}"
    told = _short(value.written)
    if value.kind == "nothing":
        return "empty"
    return f'"{told}"' if value.kind == "text" else f"{told}{_as_read(value)}"


def _as_read(value: Value) -> str:
    if value.kind in ("whole", "number") and str(value.read) != value.written:
        return f" without quotes, which YAML reads as the number {_short(str(value.read))}"
    if value.kind == "flag" and value.written.lower() not in ("true", "false"):
        return f" without quotes, which YAML reads as {str(value.read).lower()}"
    return " without quotes, which YAML does not read as text" if value.kind == "other" else ""


def _short(told: str) -> str:
    return untrusted.text(told, _MOST_TEXT) or ""


def _wanted(schema: Mapping[str, Any]) -> str:
    """Return what a schema wants, in words."""
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "string":
        example = schema.get("examples", [""])[0] if "pattern" in schema else ""
        return f'text such as "{example}"' if example else "text"
    low, high, above = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
    limit = f", more than {above}" if above is not None else f" from {low} to {high}" if None not in (low, high) else ""
    limit = limit or (f", {low} or more" if low is not None else "")
    return _NOUNS[schema["type"]] + limit + (" that is not empty" if schema.get("minItems") else "")


def _quotes(value: Value, schema: Mapping[str, Any]) -> str:
    """Return the advice to quote, where text was meant."""
    meant = schema["type"] == "string" and value.kind in ("whole", "number", "flag", "other") and "\n" not in value.written
    return f'Write it in quotes: "{_short(value.written)}".' if meant and _fits(Value(0, "text", value.written), schema) else ""


def _way_out(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    if default is None or isinstance(default, (list, dict)) or default == "":
        return "Correct it, or remove the line for the default." if "default" in schema else "Correct it, or remove the line."
    return f"Correct it, or remove the line for the default, {str(default).lower() if isinstance(default, bool) else default}."
