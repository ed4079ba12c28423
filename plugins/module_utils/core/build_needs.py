# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build will need, as numbers: bytes on each filesystem, and which compiler. Decides; `host/dkms_needs.py` looks."""

from __future__ import annotations

import re
from dataclasses import dataclass

MIB = 1024 * 1024
# Older kernels quote it in auto.conf, newer ones do not.
_VERSION_TEXT = re.compile(r'^CONFIG_CC_VERSION_TEXT="?(\S+) ', re.MULTILINE)
_VERSION = re.compile(r"^CONFIG_(?:GCC|CLANG)_VERSION=([1-9]\d{4,6})$", re.MULTILINE)
_PROGRAM = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_DUMPED = re.compile(r"(\d{1,3})(?:\.\d+)*\s*")


@dataclass(frozen=True)
class Compiler:
    """The compiler that a kernel was built with: candidates for the program, best first, and its major version (0: not known)."""

    programs: tuple[str, ...]
    major: int = 0


def compiler(auto_conf: str) -> Compiler:
    """Return the compiler that `include/config/auto.conf` of the headers tells; gcc when it tells nothing."""
    plain = "clang" if "CONFIG_CC_IS_CLANG=y" in auto_conf else "gcc"
    named = _VERSION_TEXT.search(auto_conf)
    version = _VERSION.search(auto_conf)
    programs = [named[1]] if named and _PROGRAM.fullmatch(named[1]) else []
    return Compiler(tuple(dict.fromkeys([*programs, plain])), int(version[1]) // 10000 if version else 0)


def major(dumped: str) -> int:
    """Return the major version in what `gcc -dumpversion` printed, 0 when it is none."""
    match = _DUMPED.fullmatch(dumped)
    return int(match[1]) if match else 0


def bytes_needed(source_bytes: int, modules: int, builds: int) -> dict[str, int]:
    """Return the free bytes that building wants: in DKMS's tree, for temporary files and in the module folders.

    A build folder holds the source, objects with debug information of several times its size, and is deleted afterwards; what
    stays of each build is its modules. Deliberately generous: the check is to come before a half tree, not after one.
    """
    kept = modules * builds * 2 * MIB
    return {"tree": 6 * source_bytes + 16 * MIB + kept, "temporary": 8 * MIB, "modules": 4 * MIB + kept}
