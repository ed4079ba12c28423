# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the chaos campaign which play and task begins, and waits for its word: a fault comes at a named place, not after a sleep.

Loaded from the test tree only (``ANSIBLE_CALLBACK_PLUGINS``); the collection knows nothing of it. ``TWOSTEP_CHAOS_SOCKET`` names the
campaign's socket.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: chaos_phases
type: aggregate
short_description: Tells a campaign of faults where a run is
description: Says each play and task before it begins, and waits for an answer.
author: [The twostep.hotswap authors (@twostep)]
"""


class CallbackModule(CallbackBase):
    """One line of JSON for each play and task; the answer is a line, too."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chaos_phases"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(os.environ["TWOSTEP_CHAOS_SOCKET"])
        self._words = connection.makefile("rw", encoding="utf-8")

    def _say(self, **where: str) -> None:
        self._words.write(json.dumps(where) + "\n")
        self._words.flush()
        self._words.readline()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._say(play=str(play.get_name()))

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        del is_conditional
        self._say(task=str(task.name))
