# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what this host demands of a module's signature. Changes nothing, and a source that is missing is an answer, too."""

from __future__ import annotations

import os
import stat

from ..core import signature_policy
from ..core.errors import TwostepError
from ..core.signature_policy import Policy
from .dkms_needs import Which
from .paths import Paths
from .runner import Run

_MAX_BYTES = 1024 * 1024


def _content(path: str, limit: int = _MAX_BYTES) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read(limit)
    except OSError:
        return None


def _text(path: str) -> str | None:
    content = _content(path)
    return None if content is None else content.decode("utf-8", "replace")


def _secure_boot(paths: Paths, run: Run, which: Which) -> str:
    efi = os.path.join(paths.sys, "firmware/efi")
    variable = None
    try:
        names = sorted(name for name in os.listdir(os.path.join(efi, "efivars")) if name.startswith("SecureBoot-"))
    except OSError:
        names = []
    if names:
        variable = _content(os.path.join(efi, "efivars", names[0]), signature_policy.SECURE_BOOT_BYTES + 1)
    told = ""
    if os.path.isdir(efi) and variable is None and which("mokutil"):
        try:
            told = run(["mokutil", "--sb-state"], timeout_s=30.0).stdout
        except TwostepError:
            told = ""
    return signature_policy.secure_boot(os.path.isdir(efi), variable, told)


def _mode(path: str) -> int | None:
    try:
        return stat.S_IMODE(os.lstat(path).st_mode)
    except OSError:
        return None


def read(paths: Paths, run: Run, which: Which) -> Policy:
    """Return the policy of this host."""
    return Policy(
        lockdown=signature_policy.lockdown(_text(os.path.join(paths.sys, "kernel/security/lockdown"))),
        secure_boot=_secure_boot(paths, run, which),
        sig_enforce=(_text(os.path.join(paths.sys, "module/module/parameters/sig_enforce")) or "").strip() in ("Y", "1"),
        keys=signature_policy.keys(_text(os.path.join(paths.proc, "keys")) or ""),
        dkms_key=signature_policy.dkms_key(_mode(os.path.join(paths.dkms_tree, "mok.key"))),
    )
