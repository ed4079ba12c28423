# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The right to act on a host, asked for before anything is begun."""

from __future__ import annotations

from ..core.errors import TwostepError


def check_root(euid: int) -> None:
    """Raise `not_root` unless ``euid`` is root's."""
    if euid != 0:
        raise TwostepError("not_root", f"This needs root; it runs as user {euid}.", "Set become: true.")
