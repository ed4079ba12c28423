# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look at a host and its health as one program, for a controller that wants both at the same moment: one round trip instead of two.

Reads ``family`` and ``health``, the question of ``health_program``, as JSON from standard input. Prints ``look`` and ``health``: what the
modules ``evidence_info`` and ``health_info`` would return. Neither is lost where the other one fails.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Mapping, Sequence

from . import evidence_program, health_program
from .evidence import World
from .paths import Paths
from .slots import Status


def answer(world: World, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the host looks like, and then how it is."""
    return {"look": evidence_program.answer(world, asked), "health": health_program.answers(asked["health"])}


def main(_argv: Sequence[str]) -> int:
    paths = Paths()
    sys.stdout.write(json.dumps(answer(World(paths, Status(paths)), json.load(sys.stdin))))
    return 0
