# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from unittest.mock import MagicMock

from ansible.playbook.play_context import PlayContext

from ansible_collections.twostep.hotswap.plugins.plugin_utils import reach
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options


def test_who_is_within_reach_and_why_others_are_not(monkeypatch) -> None:
    monkeypatch.setattr(reach.ssh_config, "lookup", lambda _path, _host: {})
    hostvars = {"n1": {"ansible_host": "10.0.0.1"}, "n2": {"ansible_connection": "local"}}
    targets, left = reach.of_hosts(["n1", "n2"], Options(MagicMock(dump_attrs=dict), PlayContext(), hostvars))
    assert [(target.host, target.address) for target in targets] == [("n1", "10.0.0.1")]
    assert list(left) == ["n2"]
    assert "its connection is local, not ssh" in left["n2"]
