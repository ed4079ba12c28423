# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health sources as a program of its own, for controllers that ask all hosts at the same moment.

Reads one question as JSON from standard input and prints what the module ``health_info`` would return.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Mapping, Sequence

from ..core.errors import TwostepError
from . import health
from .health_probe import Question, World, utc_now
from .paths import Paths
from .runner import run


def answers(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers to a question as it comes from the controller, or the refusal."""
    world = World(run, Paths(), utc_now, time.sleep, asked["timeout_s"], asked["sample_gap_s"])
    try:
        found = health.ask(asked["sources"], Question(asked["stall_seconds"], asked["settings"]), world)
    except TwostepError as error:
        return {"failed": True, "msg": str(error), "code": error.code}
    return {"answers": [answer.as_dict() for answer in found]}


def main(_argv: Sequence[str]) -> int:
    sys.stdout.write(json.dumps(answers(json.load(sys.stdin))))
    return 0
