# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a shell file that do nothing but give names to values. Everything that a shell would execute is refused.

No shell is asked and nothing is expanded but names that were assigned before, or that the caller declares. Such a declared
name stays in the value as `${name}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import TwostepError

MAX_BYTES = 64 * 1024
MAX_VALUE = 2048
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})(?:\[([0-9]{1,3})\])?=")
_NAME = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_PLAIN = re.compile(r"[A-Za-z0-9_./:=,+@%^*?\[\]~-]+")
_OPERATORS = {";": "a second command (;)", "&": "a second command (&)", "|": "a pipe", "<": "a redirection", ">": "a redirection"}
_ESCAPED_IN_QUOTES = '\\"'


@dataclass(frozen=True)
class Assignment:
    """One value, and the number of the line that it begins in. An index that is not written is 0."""

    name: str
    index: int
    value: str
    line: int


def executable(line: int, what: str) -> TwostepError:
    """Return the refusal of something that a shell would execute."""
    return TwostepError(
        "vendor_conf_executable",
        f"The vendor's dkms.conf is refused: line {line} has {what}, which root would execute.",
        "Ask the vendor for a plain one, or give modules and make yourself and set vendor_conf: ignore.",
        {"line": line},
    )


def not_understood(line: int, why: str) -> TwostepError:
    """Return the refusal of something that is no assignment that this reader knows."""
    return TwostepError(
        "bad_vendor_conf",
        f"The vendor's dkms.conf is not understood: line {line} {why}.",
        "Give modules and make yourself and set vendor_conf: ignore.",
        {"line": line},
    )


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines with their numbers, those that end in a backslash joined with the next."""
    lines: list[tuple[int, str]] = []
    joined, began = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        joined, began = (joined + line, began) if began else (line, number)
        if joined.lstrip().startswith("#") or not joined.endswith("\\"):
            lines.append((began, joined))
            joined, began = "", 0
        else:
            joined = joined[:-1]
    if began:
        raise not_understood(began, "goes on beyond the end of the file")
    return lines


class _Value:
    """Reads one value from `text` at `at`."""

    def __init__(self, line: int, text: str, at: int, known: dict[str, str], declared: frozenset[str]) -> None:
        self.line, self.text, self.at = line, text, at
        self.known, self.declared = known, declared
        self.parts: list[str] = []

    def read(self) -> str:
        while self.at < len(self.text) and self.text[self.at] not in " \t":
            mark = self.text[self.at]
            if mark in "\"'":
                self.quoted(mark)
            elif mark in "$`":
                self.parts.append(self.dollar())
            elif mark in _OPERATORS:
                raise executable(self.line, _OPERATORS[mark])
            else:
                match = _PLAIN.match(self.text, self.at)
                if match is None:
                    raise not_understood(self.line, f"has {mark!r} outside of quotes")
                self.parts.append(match[0])
                self.at = match.end()
        value = "".join(self.parts)
        if len(value) > MAX_VALUE:
            raise not_understood(self.line, f"is longer than {MAX_VALUE} characters")
        return value

    def quoted(self, quote: str) -> None:
        self.at += 1
        while self.text[self.at : self.at + 1] != quote:
            mark = self.text[self.at : self.at + 1]
            if not mark:
                raise not_understood(self.line, "opens a quote and does not close it")
            if mark in "$`":
                # In single quotes, too: DKMS evaluates each value once more.
                self.parts.append(self.dollar())
                continue
            if mark == "\\" and quote == '"' and self.text[self.at + 1 : self.at + 2] in ("$", "`"):
                raise executable(self.line, "an escaped expansion")
            if mark == "\\" and quote == '"' and self.text[self.at + 1 : self.at + 2] in tuple(_ESCAPED_IN_QUOTES):
                self.at += 1
                mark = self.text[self.at]
            self.parts.append(mark)
            self.at += 1
        self.at += 1

    def dollar(self) -> str:
        """Return what stands for an expansion; a dollar before nothing that a shell would expand is a plain one."""
        rest = self.text[self.at :]
        if rest.startswith(("`", "$(")):
            raise executable(self.line, "a command substitution")
        match = _NAME.match(rest)
        if match:
            self.at += match.end()
            name = match[1] or match[2]
            if name in self.known:
                return self.known[name]
            if name in self.declared:
                return f"${{{name}}}"
            raise not_understood(self.line, f"uses ${name}, which is not known")
        if rest[1:2] in ("", '"', "'", ")", "|", " "):
            self.at += 1
            return "$"
        raise executable(self.line, "an expansion")


def parse(text: str, declared: frozenset[str]) -> list[Assignment]:
    """Return the assignments of `text` in order.

    :param declared: names that have a value which is not known here.
    :raises TwostepError: `vendor_conf_executable`, `bad_vendor_conf`, each with the number of the line.
    """
    if len(text) > MAX_BYTES:
        raise not_understood(1, f"and the others have more than {MAX_BYTES} bytes")
    for number, line in enumerate(text.split("\n"), 1):
        if any(not (" " <= mark <= "~" or mark == "\t") for mark in line if not line.lstrip().startswith("#")):
            raise not_understood(number, "has a character that is not printable ASCII")
    found: list[Assignment] = []
    known: dict[str, str] = {}
    seen: set[tuple[str, int]] = set()
    for number, line in _logical_lines(text):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _ASSIGNMENT.match(stripped)
        if match is None:
            raise executable(number, f"something that is no assignment ({stripped[:40]!r})")
        name, index = match[1], int(match[2] or 0)
        value = _Value(number, stripped, match.end(), known, declared)
        plain = value.read()
        rest = stripped[value.at :].strip()
        if rest and not rest.startswith("#"):
            raise executable(number, f"something behind the value ({rest[:40]!r})")
        if (name, index) in seen:
            raise not_understood(number, f"sets {name}[{index}] once more")
        seen.add((name, index))
        if index == 0:
            known[name] = plain
        found.append(Assignment(name, index, plain, number))
    return found
