# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a run a fault comes: names for its phases, found by the plays and tasks that a run announces."""

from __future__ import annotations

from dataclasses import dataclass, field

WAVES = "Upgrade wave by wave"
# Phase -> the task at whose beginning it is reached. tests/repo/test_chaos.py holds them against the roles.
TASKS = {
    "preflight": "Read the slots",
    "plan": "Plan the waves",
    "lease": "Count who has granted it",
    "build": "Build and install the child",
    "rehearse": "Rehearse the swap of each slot",
    "gate": "Gate before the swap",
    "before the swap": "Swap",
    "after the swap": "Look at the hosts right after the swap",
    "soak": "Let time pass",
    "before the commit": "Commit",
    "after the commit": "Hook after the commit",
    "report": "Write the report",
}
BETWEEN = "between the waves"
HOLD = "in the hold"  # of the swap whose task begins: a watcher on the node knows when
PHASES = (*TASKS, BETWEEN, HOLD)
IN_WAVES = ("gate", "before the swap", "after the swap", "soak", "before the commit", "after the commit", BETWEEN, HOLD)


@dataclass
class Place:
    """A phase of a run, in a wave (from 1 on) where it is one of a wave's.

    ``reached`` is told of each play and task that begins, and says once that this is it.
    """

    phase: str
    wave: int = 1
    _waves: int = field(default=0, repr=False)
    _was: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ValueError(self.phase)

    def reached(self, play: str | None, task: str | None) -> bool:
        """Return whether the run has just come to this place, for the first time."""
        self._waves += play == WAVES
        if self._was:
            return False
        if self.phase == BETWEEN:
            here = play == WAVES and self._waves == self.wave + 1
        else:
            wanted = TASKS["before the swap"] if self.phase == HOLD else TASKS[self.phase]
            here = task == wanted and (self.phase not in IN_WAVES or self._waves == self.wave)
        self._was = here
        return here
