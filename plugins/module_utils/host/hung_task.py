# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When does this host's kernel call a waiting task hung? Changes nothing."""

from __future__ import annotations

from ..core.slots import number
from .paths import Paths


def timeout_s(paths: Paths) -> int:
    """Return the kernel's `hung_task_timeout_secs` (Documentation/admin-guide/sysctl/kernel.rst); 0 without a detector."""
    try:
        with open(f"{paths.proc}/sys/kernel/hung_task_timeout_secs", encoding="ascii", errors="replace") as stream:
            return number(stream.read(32).strip())
    except (OSError, ValueError):
        return 0
