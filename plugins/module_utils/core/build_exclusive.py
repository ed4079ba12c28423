# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For which kernels a package is meant: DKMS's BUILD_EXCLUSIVE_* as data, asked before a build instead of after one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from . import kernel_pattern
from .errors import TwostepError

_CONFIG = re.compile(r"!?CONFIG_[A-Z0-9_]{1,64}")
_MAX_CONFIGS = 32


@dataclass(frozen=True)
class Exclusive:
    """`kernel` and `arch` are patterns, `configs` names of kernel options, `!` before one that must not be set. Empty: any."""

    kernel: str = ""
    arch: str = ""
    configs: tuple[str, ...] = ()


def exclusive(values: Mapping[str, Any] | None) -> Exclusive:
    """Return the checked answer from `kernel`, `arch` and `config`, or raise `bad_pattern` or `bad_config`."""
    values = values or {}
    configs = tuple(values.get("config") or ())
    for name in configs:
        if not isinstance(name, str) or _CONFIG.fullmatch(name) is None or len(configs) > _MAX_CONFIGS:
            raise TwostepError(
                "bad_config",
                f"{str(name)[:80]!r} is not the name of a kernel option.",
                "Write CONFIG_NAME, or !CONFIG_NAME for one not set.",
            )
    patterns = {name: kernel_pattern.checked(values[name]) if values.get(name) else "" for name in ("kernel", "arch")}
    return Exclusive(patterns["kernel"], patterns["arch"], configs)


def reason(wanted: Exclusive, kernel: str, arch: str, config: str) -> str:
    """Return why a package is not meant for a kernel, or an empty string.

    :param config: text of the kernel's .config; empty when it is not known, then its options exclude nothing, as with DKMS.
    """
    if wanted.kernel and not kernel_pattern.found(wanted.kernel, kernel):
        return f"BUILD_EXCLUSIVE_KERNEL is {wanted.kernel}"
    if wanted.arch and not kernel_pattern.found(wanted.arch, arch):
        return f"BUILD_EXCLUSIVE_ARCH is {wanted.arch}, the host is {arch}"
    enabled = set(re.findall(r"^(CONFIG_\w+)=[ym]$", config, re.MULTILINE))
    for name in wanted.configs if config else ():
        if (name.lstrip("!") in enabled) == name.startswith("!"):
            return f"BUILD_EXCLUSIVE_CONFIG asks for {name}"
    return ""


def render(wanted: Exclusive) -> list[str]:
    """Return the lines for dkms.conf, so that a build which a kernel upgrade triggers leaves the same kernels out."""
    lines = [("KERNEL", wanted.kernel), ("ARCH", wanted.arch), ("CONFIG", " ".join(wanted.configs))]
    return [f'BUILD_EXCLUSIVE_{name}="{value}"' for name, value in lines if value]
