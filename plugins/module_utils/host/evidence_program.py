# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look at a host as a program of its own, for controllers that look at many hosts at the same moment.

Reads the name of a family as JSON from standard input and prints what the module ``evidence_info`` would return.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Mapping, Sequence

from ..core.errors import TwostepError
from . import evidence
from .evidence import World
from .paths import Paths
from .slots import Status


def answer(world: World, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence that the controller has asked for, or the refusal."""
    try:
        return {"evidence": evidence.look(world, asked["family"]).as_dict()}
    except TwostepError as error:
        return {"failed": True, "msg": str(error), "code": error.code}


def main(_argv: Sequence[str]) -> int:
    paths = Paths()
    sys.stdout.write(json.dumps(answer(World(paths, Status(paths)), json.load(sys.stdin))))
    return 0
