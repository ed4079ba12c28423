# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy file, read with the lines of its values. Nothing is constructed or templated, and what could hide a value is refused."""

from __future__ import annotations

import json
import os
import stat
from typing import Any

import yaml

from ansible_collections.twostep.hotswap.plugins.module_utils.core import policy, untrusted
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.policy import Finding, Value

SCHEMA = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "schemas", "policy.schema.json")
_MAX_BYTES = 64 * 1024
_KINDS = {"str": "text", "int": "whole", "float": "number", "bool": "flag", "null": "nothing", "seq": "list", "map": "mapping"}
_STANDARD = "tag:yaml.org,2002:"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of policies.

    :raises TwostepError: ``no_policy_schema``, when the collection is not whole.
    """
    try:
        with open(SCHEMA, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        raise TwostepError(
            "no_policy_schema",
            f"The collection has no {os.path.basename(SCHEMA)}, without which no policy can be checked.",
            "Install the collection again.",
        ) from None


def content(path: str, name: str) -> bytes:
    """Return the bytes of a file, at most 64 KiB.

    :param name: how messages call it.
    :raises TwostepError: ``no_policy_file``.
    """
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("it is no file")
            told = file.read(_MAX_BYTES + 1)
            if len(told) > _MAX_BYTES:
                raise OSError(f"it has more than {_MAX_BYTES} bytes")
            return told
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TwostepError(
            "no_policy_file",
            f"The policy {name} cannot be read: {why}.",
            "Correct twostep_policy_file; a relative path begins where ansible-playbook was started.",
        ) from None


def check(told: bytes, name: str, known: dict[str, Any]) -> list[str]:
    """Return the names of the variables that a policy sets.

    :param known: the JSON Schema of policies.
    :raises TwostepError: ``bad_policy``, with everything that is wrong.
    """
    read = _parse(told)
    if isinstance(read, Value):
        found = policy.findings(read, known)
        if not found:
            return [key.written for key, _value in read.pairs]
        raise policy.refused(name, found)
    raise policy.refused(name, [read])


def _parse(told: bytes) -> Value | Finding:
    """Return the whole file as a value, or why it is none."""
    try:
        text = told.decode("utf-8")
        root = yaml.compose(text, Loader=_Loader)
    except UnicodeDecodeError as error:
        return Finding(told.count(b"\n", 0, error.start) + 1, "This is no UTF-8.", "Save the file as UTF-8.")
    except RecursionError:
        return Finding(1, "Lists and mappings are nested too deeply.", "Write a mapping of twostep_ variables.")
    except yaml.reader.ReaderError as error:
        return Finding(_line_at(text, error.position), "A character here may not be in YAML.", "Remove it.")
    except _Unclear as error:
        return error.finding
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = untrusted.text(error.problem) or "it cannot be understood"
        return Finding(mark.line + 1 if mark else 1, f"This is no YAML: {why}.", "Correct it.")
    return Value(1, "nothing") if root is None else _value(root)


class _Unclear(yaml.YAMLError):
    """What YAML allows and a policy does not."""

    def __init__(self, what: str, event: Any) -> None:
        super().__init__(what)
        self.finding = Finding(event.start_mark.line + 1, f"A policy has no {what}.", "Write the value itself.")


class _Loader(yaml.SafeLoader):
    """Without aliases, which can hide a value, and a bomb, and without tags, which can make anything of it."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _Unclear(f"aliases such as *{untrusted.text(event.anchor)}", event)
        if getattr(event, "tag", None) is not None:
            raise _Unclear(f"tags such as {untrusted.text(event.tag)}", event)
        return super().compose_node(parent, index)


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _value(node: Any) -> Value:
    line = node.start_mark.line + 1
    kind = _KINDS.get(node.tag[len(_STANDARD) :], "other")
    if isinstance(node, yaml.SequenceNode):
        return Value(line, kind, items=tuple(_value(item) for item in node.value))
    if isinstance(node, yaml.MappingNode):
        return Value(line, kind, pairs=tuple((_value(key), _value(inner)) for key, inner in node.value))
    quoted = node.style in ('"', "'", "|", ">")
    try:
        read = yaml.constructor.SafeConstructor().construct_object(node) if kind in ("whole", "number", "flag") else node.value
    except ValueError:  # such as 0x_, or more digits than Python reads
        return Value(line, "other", node.value, quoted, node.value)
    return Value(line, kind, node.value, quoted, read)
