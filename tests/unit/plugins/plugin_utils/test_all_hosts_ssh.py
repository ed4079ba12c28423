# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock host is asked over a real ssh server on this machine. Only what changes nothing is asked: the answers are the machine's own."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("paramiko")

from ansible_collections.twostep.hotswap.plugins.module_utils.host import lease_program
from ansible_collections.twostep.hotswap.plugins.plugin_utils import all_hosts
from ansible_collections.twostep.hotswap.tests.unit.plugins.plugin_utils import ssh_server


@pytest.fixture
def ways(tmp_path):
    """Tell how ``n1`` is reached; ``n2`` has another key than is known of it."""
    key, known = tmp_path / "key", tmp_path / "known_hosts"
    with ssh_server.serving() as server:
        server.client_key.write_private_key_file(str(key))
        known.write_text(server.known_as("n1"))
        options = {
            "host": "127.0.0.1",
            "port": server.port,
            "remote_user": ssh_server.USER,
            "private_key_file": str(key),
            "python": sys.executable,
        }
        shared = f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null"
        yield SimpleNamespace(of=lambda host: {**options, "ssh_args": f"{shared} -o HostKeyAlias={host}"})


def test_lock_hosts_answer_for_themselves(ways) -> None:
    asked = all_hosts.ask(["n1", "n2"], ways, lease_program, {"state": "read"}, 60.0)
    (told,) = asked.results
    assert told["item"] == "n1"
    if os.geteuid() == 0:
        assert (told["changed"], told["highest_epoch"] >= 0, told["diff"]["before"]) == (False, True, told["diff"]["after"])
    else:
        assert told["code"] == "not_root"
    assert list(asked.left) == ["n2"]


def test_a_refusal_is_an_answer(ways) -> None:
    asked = all_hosts.ask(["n1"], ways, lease_program, {"state": "released", "run_id": "../x", "epoch": 1}, 60.0)
    (told,) = asked.results
    assert (told["failed"], told["code"]) == (True, "bad_id" if os.geteuid() == 0 else "not_root")
