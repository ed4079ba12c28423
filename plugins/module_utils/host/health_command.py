# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the commands that a site has for its own kind of health. They must be read-only; a hold of a slot may be going on."""

from __future__ import annotations

from ..core import health_command
from ..core.errors import TwostepError
from ..core.health import UNKNOWN, Finding
from .health_probe import UNANSWERED, Question, Sample, World

SUBJECT = "commands"
_NONE = "No command is named in the setting command. Take command out of twostep_health_sources if there is none."


def sample(question: Question, world: World) -> list[Sample]:
    commands = question.settings.get("command") or []
    for command in commands:
        if not command["argv"]:
            raise TwostepError("bad_setting", f"The command {command['name']!r} is empty.", "Name a program, and its arguments, in argv.")
    return [_sample(command["name"], command["argv"], world) for command in commands] or [Sample(SUBJECT, Finding(UNKNOWN, _NONE))]


def _sample(name: str, argv: list[str], world: World) -> Sample:
    try:
        result = world.run(argv, timeout_s=world.timeout_s)
    except TwostepError as error:
        if error.code not in UNANSWERED:
            raise
        return Sample(name, Finding(UNKNOWN, error.message), {"error": error.code})
    return Sample(name, health_command.judge(result.rc, result.stdout), {"rc": result.rc})
