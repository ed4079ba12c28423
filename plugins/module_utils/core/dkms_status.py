# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `dkms status` prints, as data.

DKMS has no machine-readable output and changed its text several times; all knowledge of those
texts is here. Whether a status is good or bad is decided elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAIL = r"(?:, (?P<kernel>[^,\s]+), (?P<arch>[^,:\s]+))?: (?P<state>[a-z][a-z-]*)(?P<rest>.*)"
# Up to 2.8.5, and still for installed-weak in every later one.
_COMMA = re.compile(r"(?P<package>[^,/:\s]+), (?P<version>[^,/:\s]+)" + _TAIL)
# From 2.8.6.
_SLASH = re.compile(r"(?P<package>[^,/:\s]+)/(?P<version>[^,/:\s]+)" + _TAIL)
_NOTE = re.compile(r"\(([^()]*)\)")
_WEAK_FROM = re.compile(r" from (\S+)")


@dataclass(frozen=True)
class StatusLine:
    """One line. `kernel` and `arch` are empty for `added` and `broken`; `notes` are the texts in parentheses.

    `weak_from` is the kernel that an `installed-weak` module was built for.
    """

    package: str
    version: str
    state: str
    kernel: str = ""
    arch: str = ""
    notes: tuple[str, ...] = ()
    weak_from: str = ""


def parse(text: str) -> list[StatusLine]:
    """Return the status lines in `text` in their order; warnings and empty lines are passed over."""
    lines = []
    for line in text.splitlines():
        match = _SLASH.fullmatch(line.rstrip()) or _COMMA.fullmatch(line.rstrip())
        if match is None:
            continue
        weak = _WEAK_FROM.match(match["rest"])
        lines.append(
            StatusLine(
                package=match["package"],
                version=match["version"],
                state=match["state"],
                kernel=match["kernel"] or "",
                arch=match["arch"] or "",
                notes=tuple(_NOTE.findall(match["rest"])),
                weak_from=weak[1] if weak else "",
            )
        )
    return lines


def state_of(lines: list[StatusLine], package: str, version: str, kernel: str) -> str:
    """Return `installed`, `built`, `added` or `absent` for a package version on a kernel; other states as they are called."""
    states = {line.state for line in lines if (line.package, line.version) == (package, version) and line.kernel in ("", kernel)}
    if not states:
        known = any((line.package, line.version) == (package, version) for line in lines)
        return "added" if known else "absent"
    for state in ("broken", "installed", "built", "added"):
        if state in states:
            return state
    return min(states)
