# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consul: what the answer of autopilot is taken for. The captured ones are from servers of 1.8.7."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import health_consul
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import NOT_OK, OK, UNKNOWN

CAPTURED = json.loads((Path(__file__).parents[1] / "captured/health_consul.json").read_text(encoding="utf-8"))["1.8.7"]
THREE = CAPTURED["three"]["body"]
LOST = "If this host stalled for 1 s, quorum would be lost: no server can be spared."
REFUSED = "Consul refuses the question with HTTP status 403: it needs a token with operator:read."
UNCLEAR = "Consul does not tell clearly whether it is healthy."


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("three", OK, "Consul is healthy. All 3 voters are healthy. Servers that can be spared: 1."),
        ("killed", NOT_OK, "Consul is not healthy. s3 is not healthy. " + LOST),
        ("killed_later", NOT_OK, LOST),  # the dead server is no longer in the list
        ("one_server", NOT_OK, LOST),
        ("denied", UNKNOWN, REFUSED),
        ("bad_token", UNKNOWN, REFUSED),
    ],
)
def test_captured(name: str, verdict: str, reason: str) -> None:
    finding = health_consul.judge(CAPTURED[name]["status"], CAPTURED[name]["body"], 1.0)
    assert (finding.verdict, finding.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("status", "old", "new", "verdict", "reason"),
    [
        (200, '{"Healthy":true', '{"Healthy":false', NOT_OK, "Consul is not healthy."),
        (429, '{"Healthy":true', '{"Healthy":true', UNKNOWN, UNCLEAR),
        (200, '{"Healthy":true,', "{", UNKNOWN, UNCLEAR),
        (200, '{"Healthy":true', '{"Healthy":1', UNKNOWN, UNCLEAR),
        (200, '"FailureTolerance":1', '"FailureTolerance":-1', UNKNOWN, "Consul does not tell how many servers it can spare."),
        (200, '"FailureTolerance":1', '"FailureTolerance":true', UNKNOWN, "Consul does not tell how many servers it can spare."),
        (200, '"FailureTolerance":1', '"Tolerance":1', UNKNOWN, "Consul does not tell how many servers it can spare."),
        (200, '"FailureTolerance":1', '"FailureTolerance":2', OK, None),
        (200, '"Healthy":true,"Voter":true', '"Healthy":false,"Voter":true', NOT_OK, "s1 is not healthy."),
        (200, '"Healthy":true,"Voter":true', '"Healthy":false,"Voter":false', OK, None),
        (200, '"Healthy":true,"Voter":true', '"Healthy":true', UNKNOWN, "Consul does not tell the health of s1."),
        (200, '"Name":"s1",', "", UNKNOWN, "Consul does not tell the health of a server."),
        (200, '"Servers":[', '"Servers":[3,', UNKNOWN, "Consul does not tell its servers."),
        (200, '"Servers":', '"Servers":null,"Others":', UNKNOWN, "Consul does not tell its servers."),
        (200, '"Servers":', '"Servers":[],"Others":', UNKNOWN, "Consul tells of no server that has a vote."),
        (500, "{", "{", UNKNOWN, "Consul answered with HTTP status 500."),
        (302, "{", "{", UNKNOWN, "Consul answered with HTTP status 302."),
        (404, "{", "{", UNKNOWN, "Consul answered with HTTP status 404."),
        (401, "{", "{", UNKNOWN, REFUSED.replace("403", "401")),
    ],
)
def test_one_thing_is_different(status: int, old: str, new: str, verdict: str, reason: str | None) -> None:
    assert old in THREE
    finding = health_consul.judge(status, THREE.replace(old, new, 1), 1.0)
    assert finding.verdict == verdict
    assert reason is None or finding.reason == reason


def test_not_healthy_counts_without_its_servers() -> None:
    assert health_consul.judge(429, '{"Healthy":false,"FailureTolerance":0,"Servers":null}', 1.0).verdict == NOT_OK


def test_another_page_of_json_is_unknown() -> None:
    assert health_consul.judge(200, "[]", 1.0).verdict == UNKNOWN


@pytest.mark.parametrize("body", ["", "rate limit exceeded", THREE[:-9]])
def test_a_body_that_is_no_json_cannot_be_read(body: str) -> None:
    with pytest.raises(TwostepError) as caught:
        health_consul.judge(429, body, 1.0)
    assert (caught.value.code, caught.value.message) == ("unreadable_answer", "The answer of Consul could not be read.")


def test_evidence() -> None:
    assert health_consul.evidence(429, CAPTURED["killed"]["body"]) == {
        "status": 429,
        "failure_tolerance": 0,
        "servers": {"s1": True, "s2": True, "s3": False},
    }
    assert health_consul.evidence(403, "Permission denied") == {"status": 403}
