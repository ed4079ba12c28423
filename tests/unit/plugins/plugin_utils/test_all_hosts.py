# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts, one question: who is asked and left, and that a host speaks for itself. Their words are tested with ``fleet_health``."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import lease_program
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts, sessions
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import no_session

WAYS = SimpleNamespace(of=lambda host: {"connection": "local"} if host == "n2" else {"host": host})


@pytest.fixture
def sent(monkeypatch) -> list:
    found: list = []

    def ask_all(targets, program, timeout_s):
        found.append((program, timeout_s))
        said = {"n1": sessions.Reply(0, '{"item": "n9", "x": 1}', ""), "n3": no_session("n3", "refused")}
        return {target.host: said.get(target.host, TwostepError("host_late", "Late.", "Look.")) for target in targets}

    monkeypatch.setattr(all_hosts.sessions, "ask_all", ask_all)
    monkeypatch.setattr(all_hosts.reach.ssh_config, "lookup", lambda _path, _host: {})
    return found


def test_each_speaks_for_itself_and_the_rest_is_left(sent: list) -> None:
    asked = all_hosts.ask(["n1", "n2", "n3", "n4"], WAYS, lease_program, {"state": "read"}, 7.0)
    assert asked.results == [{"item": "n1", "x": 1}, {"failed": True, "msg": "Late. Next: Look.", "code": "host_late", "item": "n4"}]
    assert {host: why.split(": ")[1] for host, why in asked.left.items()} == {"n2": "its connection is local, not ssh.", "n3": "refused."}
    ((program, timeout_s),) = sent
    assert (json.loads(program.stdin), timeout_s) == ({"state": "read"}, 7.0)
    assert b"twostep_lease_program/host/lease_program.py" in program.zipapp


def test_no_program_asks_nobody(sent: list) -> None:
    assert all_hosts.ask(["n1", "n2"], WAYS, None, {}, 7.0).results == []
    assert sent == []
