# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command of the site's own: what its exit status and its first line are taken for.

The convention is that of monitoring plugins (https://www.monitoring-plugins.org/doc/guidelines.html, "Plugin Return Codes"): 0 OK,
1 WARNING, 2 CRITICAL, 3 UNKNOWN, so checks that a site has for its monitoring can be named as they are. A warning is a no.
"""

from __future__ import annotations

from . import untrusted
from .health import NOT_OK, OK, UNKNOWN, Finding

_VERDICTS = {0: OK, 1: NOT_OK, 2: NOT_OK}


def judge(rc: int, stdout: str) -> Finding:
    """Return the finding; the reason is the first line without its performance data, which follow a bar."""
    first = next((line for line in stdout.splitlines() if line.strip()), "")
    told = untrusted.text(first.partition("|")[0]) or f"It ended with exit status {rc} and said nothing."
    return Finding(_VERDICTS.get(rc, UNKNOWN), told)
