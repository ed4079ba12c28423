# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that answers for a host: packed, run alone, one question in and one answer out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import health, health_program, packed

QUESTION = {"sources": ["command"], "settings": {}, "stall_seconds": 1.0, "timeout_s": 10.0, "sample_gap_s": 0.0}


def test_it_runs_alone_with_every_source(tmp_path) -> None:
    path = tmp_path / "program.pyz"
    path.write_bytes(packed.pack(health_program, "p"))
    # Of each at least that it could be loaded; none but command can be ok here.
    question = {**QUESTION, "sources": list(health.SOURCES), "settings": {"command": [{"name": "mine", "argv": ["true"]}]}}
    done = subprocess.run(
        [sys.executable, "-I", str(path)], input=json.dumps(question), capture_output=True, text=True, check=True, cwd="/", timeout=120
    )
    answers = json.loads(done.stdout)["answers"]
    assert list(dict.fromkeys(answer["source"] for answer in answers)) == list(health.SOURCES)
    assert [answer["verdict"] for answer in answers if answer["source"] == "command"] == ["ok"]


@pytest.mark.parametrize(
    ("change", "code"), [({"sources": ["nagios"]}, "bad_source"), ({"settings": {"command": [{"name": "x", "argv": []}]}}, "bad_setting")]
)
def test_a_refusal_is_an_answer(change: dict, code: str) -> None:
    found = health_program.answers({**QUESTION, **change})
    assert (found["failed"], found["code"]) == (True, code)
