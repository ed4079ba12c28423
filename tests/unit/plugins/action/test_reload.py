# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows if a peer turns bad beside a reload. That it is watched at all: plugin_utils/test_witnessed.py."""

from __future__ import annotations

from unittest.mock import MagicMock

from ansible.playbook.play_context import PlayContext

from ansible_collections.twostep.hotswap.plugins.action import reload as action
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import Finding


def test_a_peer_that_turns_bad_halts_and_nothing_is_taken_back() -> None:
    plugin = action.ActionModule(MagicMock(args={}), MagicMock(), PlayContext(), MagicMock(), MagicMock(), None)
    found = Finding("not_ok", "n2: md: md is not_ok.")
    result = plugin.turned_bad({"outcome": "reloaded", "changed": True}, found, {}, {})
    assert (result["failed"], result["code"], result["changed"]) == (True, "witness", True)
    assert "n2: md: md is not_ok. The new modules are loaded. Next: " in result["msg"]
