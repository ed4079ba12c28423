# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the administrator has ruled about loading modules: modprobe.d and the kernel's command line. Changes nothing."""

from __future__ import annotations

import os

from ..core import modprobe_conf
from ..core.errors import TwostepError
from ..core.modprobe_conf import Rule
from . import module_file
from .paths import Paths

# In the order in which one folder's file hides that of the same name in the next.
_FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
_MOST_FILES = 512
_MOST_BYTES = 1024 * 1024


def _files(paths: Paths) -> list[str]:
    found = []
    for folder in _FOLDERS:
        try:
            found += [os.path.join(paths.at(folder), name) for name in sorted(os.listdir(paths.at(folder)))]
        except OSError:
            continue
    return modprobe_conf.order(found)[:_MOST_FILES]


def _text(path: str, most_bytes: int = _MOST_BYTES) -> str:
    """Return a file's text, empty for what is no file: modprobe passes over that, too."""
    try:
        return module_file.read(path, most_bytes).decode("utf-8", "replace")
    except TwostepError:
        return ""


def rules(paths: Paths) -> list[Rule]:
    """Return every rule that keeps a module from being loaded."""
    found = modprobe_conf.parse_command_line(_text(f"{paths.proc}/cmdline", 65536))
    for path in _files(paths):
        found += modprobe_conf.parse(path, _text(path))
    return found
