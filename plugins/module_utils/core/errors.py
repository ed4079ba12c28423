# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that carries a refusal from where it is found to where it is shown."""

from __future__ import annotations


class TwostepError(Exception):
    """A refusal or failure that an operator can act on.

    :param code: stable lower-case word, e.g. ``bad_version``; tests and callers match it.
    :param message: what is wrong, with the value; one sentence, ends with a full stop.
    :param next_step: what to do now; one sentence, ends with a full stop.
    :param data: JSON-serialisable evidence.
    """

    def __init__(self, code: str, message: str, next_step: str, data: dict | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_step = next_step
        self.data = data or {}

    def __str__(self) -> str:
        return f"{self.message} Next: {self.next_step}"
