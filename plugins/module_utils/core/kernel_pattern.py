# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extended regular expressions of BUILD_EXCLUSIVE_KERNEL and _ARCH, matched in linear time.

They come from vendors. Python's own matcher can be made to work for years by thirty characters; this one follows all
alternatives at once, so its work is bounded by the pattern's length times the text's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import TwostepError

MAX_LENGTH = 256
_MAX_DEPTH = 16
_ALLOWED = re.compile(r"[A-Za-z0-9._+~^$()|*?\[\]\\ -]*")
# DKMS evaluates a value of dkms.conf twice, so a dollar that begins anything would be a variable there.
_DOLLAR = re.compile(r"\$(?![)|]|\Z)")
_SET = re.compile(r"\[(\^?)((?:[A-Za-z0-9._+~]-[A-Za-z0-9._+~]|[A-Za-z0-9._+~])+-?)\]")


@dataclass
class _Node:
    """A state: `marks` are the characters it takes (None: it takes none), `nots` whether it takes all others."""

    marks: frozenset[str] | None = None
    nots: bool = False
    anchor: str = ""
    follow: list[int] = field(default_factory=list)


def _bad(pattern: str, why: str) -> TwostepError:
    return TwostepError(
        "bad_pattern",
        f"The pattern {pattern[:80]!r} is not understood: {why}.",
        "Use literals, . [..] ( ) | * + ? ^ and $ only, or give build_exclusive yourself.",
    )


class _Compiler:
    """Builds the states of a pattern by recursive descent. State 0 is the accepting one."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0
        self.nodes = [_Node()]

    def new(self, marks: frozenset[str] | None = None, nots: bool = False, anchor: str = "") -> int:
        self.nodes.append(_Node(marks, nots, anchor))
        return len(self.nodes) - 1

    @property
    def ahead(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def alternatives(self) -> tuple[int, int]:
        first, last = self.new(), self.new()
        while True:
            begin, end = self.sequence()
            self.nodes[first].follow.append(begin)
            self.nodes[end].follow.append(last)
            if self.ahead != "|":
                return first, last
            self.at += 1

    def sequence(self) -> tuple[int, int]:
        first = last = self.new()
        while self.ahead and self.ahead not in "|)":
            begin, end = self.repeated()
            self.nodes[last].follow.append(begin)
            last = end
        return first, last

    def repeated(self) -> tuple[int, int]:
        begin, end = self.atom()
        while self.ahead and self.ahead in "*+?":
            sign = self.ahead
            self.at += 1
            first, last = self.new(), self.new()
            self.nodes[first].follow = [begin] if sign == "+" else [begin, last]
            self.nodes[end].follow += [last] if sign == "?" else [begin, last]
            begin, end = first, last
        return begin, end

    def atom(self) -> tuple[int, int]:
        mark = self.ahead
        self.at += 1
        if mark == "(":
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise _bad(self.pattern, "it is nested too deeply")
            begin, end = self.alternatives()
            if self.ahead != ")":
                raise _bad(self.pattern, "a parenthesis is not closed")
            self.at += 1
            self.depth -= 1
            return begin, end
        state = self.single(mark)
        return state, state

    def single(self, mark: str) -> int:
        if mark in "^$":
            return self.new(anchor=mark)
        if mark == ".":
            return self.new(frozenset(), nots=True)
        if mark == "[":
            match = _SET.match(self.pattern, self.at - 1)
            if match is None:
                raise _bad(self.pattern, "a bracket expression is not a plain one")
            self.at = match.end()
            return self.new(self.members(match[2]), nots=bool(match[1]))
        if mark == "\\":
            if not self.ahead or self.ahead.isalnum() or self.ahead in "$\\ ":
                raise _bad(self.pattern, "a backslash stands before something that needs none")
            mark = self.ahead
            self.at += 1
        elif mark in "*+?])":
            raise _bad(self.pattern, f"{mark} stands where nothing can be meant by it")
        return self.new(frozenset(mark))

    def members(self, text: str) -> frozenset[str]:
        found: set[str] = set()
        for match in re.finditer(r"(.)-(.)|(.)", text):
            first, last = (match[1], match[2]) if match[1] else (match[3], match[3])
            if first > last:
                raise _bad(self.pattern, "a range is the wrong way round")
            found |= {chr(code) for code in range(ord(first), ord(last) + 1)}
        return frozenset(found)


def _compiled(pattern: object) -> tuple[list[_Node], int]:
    if not isinstance(pattern, str) or not pattern or len(pattern) > MAX_LENGTH:
        raise _bad(str(pattern), f"it is empty or longer than {MAX_LENGTH} characters")
    if _ALLOWED.fullmatch(pattern) is None:
        raise _bad(pattern, "it has a character that is not allowed")
    if _DOLLAR.search(pattern):
        raise _bad(pattern, "a dollar stands elsewhere than at an end")
    compiler = _Compiler(pattern)
    begin, end = compiler.alternatives()
    if compiler.at != len(pattern):
        raise _bad(pattern, "a parenthesis is closed that was not opened")
    compiler.nodes[end].follow.append(0)
    return compiler.nodes, begin


def checked(pattern: object) -> str:
    """Return `pattern` or raise `bad_pattern`. One that passed is safe in a dkms.conf in double quotes, evaluated once or twice."""
    _compiled(pattern)
    return str(pattern)


def found(pattern: str, text: str) -> bool:
    """Return whether `pattern` occurs in `text`, as `=~` of bash would; raise `bad_pattern` for one that is not understood."""
    nodes, begin = _compiled(pattern)

    def closure(states: list[int], index: int) -> set[int]:
        reached: set[int] = set()
        while states:
            state = states.pop()
            if state in reached:
                continue
            node = nodes[state]
            if node.anchor and index != (0 if node.anchor == "^" else len(text)):
                continue
            reached.add(state)
            if node.marks is None:
                states += node.follow
        return reached

    current: set[int] = set()
    for index in range(len(text) + 1):
        current = closure([*current, begin], index)
        if 0 in current:
            return True
        if index < len(text):
            current = {
                follower
                for state in current
                if nodes[state].marks is not None and (text[index] in (nodes[state].marks or ())) != nodes[state].nots
                for follower in nodes[state].follow
            }
    return False
