# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which DRBD is asked in which way, and what a host without one answers."""

from __future__ import annotations

import json

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_drbd
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.health_double import ABSENT, HANGS, HealthHost, put

STATUS, SHOW = "drbdsetup status --json", "drbdsetup show --show-defaults --json"
NINE = "version: 9.1.7 (api:2/proto:110-121)\nGIT-hash: bfd2450739\nTransports (api:17): tcp (9.1.7)\n"
EIGHT = "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 96ED19D4C144624490A9AB1 \n"
DEVICE = (
    " {}: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n"
    "    ns:49152 nr:0 dw:16384 dr:51272 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0\n"
)
PEER_DEVICE = {
    "volume": 0,
    "replication-state": "Established",
    "peer-disk-state": "UpToDate",
    "peer-client": False,
    "resync-suspended": "no",
    "out-of-sync": 0,
}
R0 = {
    "name": "r0",
    "suspended": False,
    "devices": [{"volume": 0, "disk-state": "UpToDate", "client": False, "quorum": True}],
    "connections": [{"name": "n2", "connection-state": "Connected", "peer_devices": [PEER_DEVICE]}],
}
HEALTHY, DEGRADED = json.dumps([R0]), json.dumps([{**R0, "suspended": True}])
SHOWN = json.dumps([{"resource": "r0", "options": {"quorum": "off", "quorum-minimum-redundancy": "off"}}])
NONE = "This host has no DRBD resource. Take drbd out of twostep_health_sources if it is not meant to have one."


def ask(host: HealthHost) -> list[tuple[str, str, str]]:
    return [(sample.subject, sample.finding.verdict, sample.finding.reason) for sample in health_drbd.sample(Question(1.0), host.world)]


def test_a_host_without_the_module_is_not_asked_further_since_drbdsetup_would_load_it(tmp_path) -> None:
    host = HealthHost(tmp_path)
    assert ask(host) == [("resources", "unknown", NONE)]
    assert host.calls == []


@pytest.mark.parametrize(
    ("status", "show", "answer"),
    [
        (Result(0, HEALTHY, ""), Result(0, SHOWN, ""), ("r0", "ok", None)),
        (Result(0, DEGRADED, ""), Result(0, SHOWN, ""), ("r0", "not_ok", "r0 does not let I/O pass: suspended.")),
        (Result(0, "[\n]\n", ""), Result(0, "[\n]\n", ""), ("resources", "unknown", NONE)),
        (
            Result(20, "", "Could not connect to 'drbd' generic netlink family"),
            ABSENT,
            ("resources", "unknown", "drbdsetup status ended with exit status 20, so DRBD did not answer."),
        ),
        # An old drbdsetup whose `show` has no JSON: how many votes are needed is not known.
        (Result(0, HEALTHY, ""), Result(20, "USAGE", ""), ("r0", "unknown", "drbdsetup does not tell how many votes r0 asks for.")),
        (Result(0, HEALTHY, ""), Result(0, "{", ""), ("r0", "unknown", "drbdsetup does not tell how many votes r0 asks for.")),
        (Result(0, HEALTHY, ""), Result(0, "[]", ""), ("r0", "unknown", "drbdsetup does not tell how many votes r0 asks for.")),
    ],
)
def test_nine_is_asked_by_drbdsetup(tmp_path, status, show, answer: tuple) -> None:
    put(tmp_path, {"proc/drbd": NINE})
    ((subject, verdict, reason),) = ask(HealthHost(tmp_path, {STATUS: [status], SHOW: [show]}))
    assert (subject, verdict) == answer[:2]
    assert answer[2] in (None, reason)


def test_eight_is_read_and_no_command_is_run(tmp_path) -> None:
    degraded = DEVICE.format(1).replace("oos:0", "oos:8")
    put(tmp_path, {"proc/drbd": EIGHT + DEVICE.format(0) + degraded})
    host = HealthHost(tmp_path)
    assert [answer[:2] for answer in ask(host)] == [("drbd0", "ok"), ("drbd1", "not_ok")]
    assert host.calls == []


def test_eight_is_read_to_its_end(tmp_path) -> None:
    put(tmp_path, {"proc/drbd": EIGHT + "".join(DEVICE.format(minor) for minor in range(200))})
    assert len(ask(HealthHost(tmp_path))) == 200


def test_eight_without_a_device_has_nothing_to_say(tmp_path) -> None:
    put(tmp_path, {"proc/drbd": EIGHT})
    assert ask(HealthHost(tmp_path)) == [("resources", "unknown", NONE)]


@pytest.mark.parametrize("text", ["", "nonsense", EIGHT.replace("8.4.11", "8.3.11"), EIGHT + DEVICE.format(0) * 8000])
def test_an_unknown_version_or_a_page_without_end_is_unreadable(tmp_path, text: str) -> None:
    put(tmp_path, {"proc/drbd": text})
    with pytest.raises(TwostepError) as caught:
        ask(HealthHost(tmp_path))
    assert caught.value.code == "unreadable_answer"


def test_a_page_that_may_not_be_read_is_unreadable(tmp_path) -> None:
    put(tmp_path, {"proc/drbd/": ""})  # open() refuses a folder, also to root
    with pytest.raises(TwostepError) as caught:
        ask(HealthHost(tmp_path))
    assert caught.value.code == "unreadable_answer"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({STATUS: [ABSENT]}, "no_command"),
        ({STATUS: [HANGS]}, "command_timeout"),
        ({STATUS: [Result(0, HEALTHY, "")], SHOW: [HANGS]}, "command_timeout"),
        ({STATUS: [Result(0, HEALTHY[:-5], "")]}, "unreadable_answer"),
        ({STATUS: [Result(0, "status: unrecognized option '--json'", "")]}, "unreadable_answer"),
    ],
)
def test_what_drbdsetup_does_not_answer_passes_through(tmp_path, answers: dict, code: str) -> None:
    put(tmp_path, {"proc/drbd": NINE})
    with pytest.raises(TwostepError) as caught:
        ask(HealthHost(tmp_path, answers))
    assert caught.value.code == code
