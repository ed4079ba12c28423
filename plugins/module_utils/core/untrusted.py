# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a managed host returned, turned into plain types of bounded size.

The only door between a host's words and the controller's decisions and reports. Nothing here trusts, templates or
executes; a value of the wrong type becomes None (or is left out of a list), never an exception.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Iterable, Mapping

MAX_TEXT = 400
MAX_MESSAGE = 1024
MAX_ITEMS = 256


def text(value: object, limit: int = MAX_TEXT) -> str | None:
    """Return a plain one-line string without control or formatting characters, at most ``limit`` long; None if it is no string."""
    if not isinstance(value, str):
        return None
    # Cc: terminal control; Cf: right-to-left overrides and other invisible marks; Cs, Zl, Zp: break JSON or lines.
    plain = "".join(" " if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Zl", "Zp") else mark for mark in value[: 4 * limit])
    plain = " ".join(plain.split())
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def choice(value: object, allowed: Iterable[str]) -> str | None:
    """Return the member of ``allowed`` that equals ``value``, else None."""
    for word in allowed:
        if isinstance(value, str) and value == word:
            return word
    return None


def integer(value: object, highest: int = 2**63 - 1) -> int | None:
    """Return a whole number from 0 to ``highest``, else None. True and False are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
        return None
    return int(value)


def number(value: object, highest: float = 1e15) -> float | None:
    """Return a finite number from 0 to ``highest`` as float, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= highest:
        return None
    return float(value)


def mapping(value: object) -> Mapping[Any, Any]:
    """Return ``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def records(value: object, limit: int = MAX_ITEMS) -> list[Mapping[Any, Any]]:
    """Return the mappings of a list, at most ``limit``; everything else is left out."""
    if not isinstance(value, (list, tuple)):
        return []
    return [item for item in value[:limit] if isinstance(item, Mapping)]


def problem(result: Mapping[Any, Any]) -> str | None:
    """Return why a task result is a failure, or None if it is none. Of a loop, the first failed item is the reason."""
    if not result.get("unreachable") and not result.get("failed"):
        return None
    for item in records(result.get("results"), 4096):
        inner = problem(item)
        if inner:
            return inner
    told = text(result.get("msg"), MAX_MESSAGE)
    if result.get("unreachable"):
        return f"unreachable: {told or 'no reason was given'}"
    return told or "the task failed without a message"
