# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pretended host for the health sources that speak of copies and paths: a tree below a folder, and answers by command."""

from __future__ import annotations

import os
from typing import Mapping, Sequence, Union

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

Answer = Union[Result, TwostepError]

ABSENT = TwostepError("no_command", "The program is not installed on this host.", "Install it.")
HANGS = TwostepError("command_timeout", "It did not finish within 7 s.", "Look at the host.")


class HealthHost:
    """`answers` are by the words of a command; of several, each is given once, the last one again and again."""

    def __init__(self, root: object, answers: Mapping[str, Sequence[Answer]] | None = None) -> None:
        self._answers = {command: list(given) for command, given in (answers or {}).items()}
        self.calls: list[str] = []
        self.world = World(
            run=self._run, paths=Paths(str(root)), now=lambda: "2026-01-01T00:00:00Z", sleep=self._sleep, timeout_s=7.0, sample_gap_s=0.25
        )

    def _run(self, argv: list[str], timeout_s: float) -> Result:
        assert timeout_s == 7.0
        self.calls.append(" ".join(argv))
        given = self._answers[self.calls[-1]]
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, TwostepError):
            raise answer
        return answer

    @staticmethod
    def _sleep(_seconds: float) -> None:
        raise AssertionError("a source does not sleep")


def put(root: object, files: Mapping[str, str]) -> None:
    """Write files below a root; a name that ends with a slash is a folder."""
    for path, text in files.items():
        full = os.path.join(str(root), path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if not path.endswith("/"):
            with open(full, "w", encoding="utf-8") as stream:
                stream.write(text)
