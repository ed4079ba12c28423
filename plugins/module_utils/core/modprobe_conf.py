# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The administrator's rules about loading modules, as data: modprobe.d and the kernel's command line.

Reading files is `host/modprobe_conf.py`.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Iterable, Sequence

_COMMAND_LINE = "/proc/cmdline"
_SHOWN_CHARS = 120


@dataclass(frozen=True)
class Rule:
    """One rule: `blacklist` or `install`, the module or, in `install`, the pattern, the command, and where it stands.

    :ivar line: number of the line, from 1; 0 on the kernel's command line.
    """

    kind: str
    module: str
    command: str
    path: str
    line: int

    @property
    def place(self) -> str:
        """Return where the rule stands, for a message."""
        return f"line {self.line} of {self.path}" if self.line else "the kernel's command line"


def _plain(name: str) -> str:
    """A dash and an underscore are the same in the name of a module, except within brackets of a pattern."""
    return name if "[" in name else name.replace("-", "_")


def parse(path: str, text: str) -> list[Rule]:
    """Return the rules of one file that keep a module from being loaded. Lines of other kinds are passed over."""
    rules = []
    begun, number, pending = 1, 0, ""
    for raw in text.split("\n"):
        number += 1
        if not pending:
            begun = number
        if raw.endswith("\\"):
            pending += raw[:-1] + " "
            continue
        words, pending = (pending + raw).split(None, 2), ""
        if len(words) < 2 or words[0].startswith("#"):
            continue
        if words[0] in ("blacklist", "install"):
            command = words[2].strip()[:_SHOWN_CHARS] if words[0] == "install" and len(words) > 2 else ""
            rules.append(Rule(words[0], _plain(words[1]), command, path, begun))
    return rules


def parse_command_line(text: str) -> list[Rule]:
    """Return the modules that the kernel's command line rules out: `module_blacklist=` is the kernel's own, the other modprobe's."""
    rules = []
    for word in text.split():
        key, _equals, value = word.partition("=")
        if key.replace("-", "_") in ("module_blacklist", "modprobe.blacklist"):
            rules += [Rule("blacklist", _plain(name), "", _COMMAND_LINE, 0) for name in value.split(",") if name]
    return rules


def order(files: Iterable[str]) -> list[str]:
    """Return which files modprobe reads, in its order: by name, and of one name only the first that is given."""
    first: dict[str, str] = {}
    for path in files:
        name = path.rsplit("/", 1)[-1]
        if name.endswith(".conf"):
            first.setdefault(name, path)
    return [first[name] for name in sorted(first)]


def about(module: str, rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules about a module: every blacklisting, and the first command, which is the one that modprobe runs."""
    found = [rule for rule in rules if rule.kind == "blacklist" and rule.module == module]
    commands = [rule for rule in rules if rule.kind == "install" and fnmatch.fnmatchcase(module, rule.module)]
    return [*found[:8], *commands[:1]]
