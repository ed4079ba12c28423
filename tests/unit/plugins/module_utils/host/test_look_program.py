# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that looks at a host and asks for its health: packed, run alone, one question in and both answers out."""

from __future__ import annotations

import json
import subprocess
import sys

from ansible_collections.twostep.hotswap.plugins.module_utils.host import look_program, packed
from ansible_collections.twostep.hotswap.plugins.module_utils.host.evidence import World
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

COMMAND = {"command": [{"name": "mine", "argv": ["true"]}]}
HEALTH = {"sources": ["command"], "settings": COMMAND, "stall_seconds": 1.0, "timeout_s": 10.0, "sample_gap_s": 0.0}


def test_it_runs_alone_and_neither_answer_is_lost_where_the_other_one_fails(tmp_path) -> None:
    path = tmp_path / "program.pyz"
    path.write_bytes(packed.pack(look_program, "p"))
    question = json.dumps({"family": "Remap", "health": HEALTH})
    done = subprocess.run(
        [sys.executable, "-I", str(path)], input=question, capture_output=True, text=True, check=True, cwd="/", timeout=120
    )
    told = json.loads(done.stdout)
    assert told["look"]["code"] == "bad_family"
    assert [answer["verdict"] for answer in told["health"]["answers"]] == ["ok"]


def test_both_are_told(tmp_path) -> None:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    asked = {"family": "remap", "health": {**HEALTH, "sources": ["nagios"]}}
    told = look_program.answer(World(fake.paths, fake.status, lambda: 1.0), asked)
    assert [slot["slot"] for slot in told["look"]["evidence"]["slots"]] == ["data"]
    assert told["health"]["code"] == "bad_source"
