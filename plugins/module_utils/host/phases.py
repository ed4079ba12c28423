# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases that an agent goes through, each framed by two lines of the ledger."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from ..core import ledger as ledger_lines
from ..core.errors import TwostepError
from ..core.swap_request import Phase
from . import ledger
from .world import World


class Phases:
    """The phases of one request; `slot` is empty where it is not about one."""

    def __init__(self, world: World, run_id: str, request_id: str, slot: str = "") -> None:
        self._world = world
        self._ids = (run_id, request_id, slot)
        self.done: list[Phase] = []
        self.current = ""  # the one that was begun last

    @contextlib.contextmanager
    def phase(self, name: str, recorded: bool = True) -> Iterator[dict[str, Any]]:
        """Frame a phase; what the body puts into the dict stands in the second line.

        :param recorded: whether it fails where the ledger cannot be written. A way back does not wait for room on a disk.
        """
        record = self._record if recorded else self._try_to_record
        self.current = name
        record(name, "begin", {})
        begun_ns = self._world.monotonic_ns()
        told: dict[str, Any] = {}
        event = "end"
        try:
            yield told
        except TwostepError as error:
            event = "fail"
            told.update(code=error.code, message=error.message[:1000])
            raise
        finally:
            duration_ns = self._world.monotonic_ns() - begun_ns
            self.done.append(Phase(name, event, self._world.now(), duration_ns))
            record(name, event, {**told, "duration_ns": duration_ns})

    def _record(self, phase: str, event: str, data: dict[str, Any]) -> None:
        ledger.append(self._world.paths, ledger_lines.Entry(0, self._world.now(), *self._ids, phase, event, data))

    def _try_to_record(self, phase: str, event: str, data: dict[str, Any]) -> None:
        with contextlib.suppress(TwostepError):
            self._record(phase, event, data)
