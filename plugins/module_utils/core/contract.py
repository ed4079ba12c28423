# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of the contract between parent and children, as kmod/include/twostep.h has it; a test holds the two together."""

from __future__ import annotations

MAJOR = 1
MINOR = 0
