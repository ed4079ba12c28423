# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watcher of a peer: what one look says, and the real program as a host runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import packed, witness_program
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.health_double import HealthHost

ASKED = {"sources": [], "settings": {}, "stall_seconds": 1.0, "timeout_s": 7.0, "interval_s": 0.01, "still_s": 5.0, "lifetime_s": 60}
IDLE = "9 0 md0 1 0 0 0 1 0 0 0 0 0 0\n"
BUSY = "9 0 md0 1 0 0 0 1 0 0 0 3 0 0\n"


def verdicts(told: dict) -> list[tuple[str, str]]:
    return [(answer["source"], answer["verdict"]) for answer in told["answers"]]


def test_a_look_has_the_sources_and_the_disks(tmp_path) -> None:
    times, disks = iter([0.0, 6.0]), iter([IDLE, BUSY])
    looks = witness_program.Looks({**ASKED, "sources": ["md"]}, HealthHost(tmp_path).world, lambda: next(disks), lambda: next(times))
    assert verdicts(looks.look()) == [("md", "unknown"), ("progress", "ok")]  # there is no array
    told = looks.look()
    assert verdicts(told) == [("md", "unknown"), ("progress", "not_ok")]
    assert told["answers"][1]["reason"] == "md0 has 3 requests in flight, and none has ended for 6 s."


def test_counters_that_cannot_be_read_are_unknown(tmp_path) -> None:
    def read() -> str:
        raise PermissionError(13, "Permission denied")

    looks = witness_program.Looks(ASKED, HealthHost(tmp_path).world, read, lambda: 0.0)
    assert looks.look()["answers"][0]["reason"] == "The counters of the disks cannot be read: Permission denied."


def test_a_source_that_is_none_is_said(tmp_path) -> None:
    told = witness_program.Looks({**ASKED, "sources": ["x"]}, HealthHost(tmp_path).world, lambda: IDLE, lambda: 0.0).look()
    assert told["code"] == "bad_source"


@pytest.fixture
def start(tmp_path):
    program = tmp_path / "witness.pyz"
    program.write_bytes(packed.pack(witness_program, "twostep_witness"))
    begun = []

    def go(**asked: object) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        begun.append(process)
        process.stdin.write(json.dumps({**ASKED, **asked}).encode() + b"\n")
        process.stdin.flush()
        return process

    yield go
    for process in begun:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_it_looks_again_and_again_and_ends_with_its_input(start) -> None:
    process = start()
    for _look in range(3):
        assert verdicts(json.loads(process.stdout.readline())) == [("progress", "ok")]
    process.stdin.close()
    assert process.wait(30) == 0


def test_it_does_not_outlive_its_time(start) -> None:
    process = start(lifetime_s=1, interval_s=3600)
    assert process.wait(30) == -14  # SIGALRM
