# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own version, as reports name it. A test holds it to galaxy.yml."""

from __future__ import annotations

VERSION = "0.1.0"
