# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching over ssh: a real server on this machine, and programs that say what a peer could say."""

from __future__ import annotations

import io
import sys
import zipfile
from dataclasses import replace

import pytest

paramiko = pytest.importorskip("paramiko")

from ansible_collections.twostep.hotswap.plugins.plugin_utils.sessions import Program  # noqa: E402
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import Target  # noqa: E402
from ansible_collections.twostep.hotswap.plugins.plugin_utils.witness import Witness  # noqa: E402
from ansible_collections.twostep.hotswap.tests.unit.plugins.plugin_utils import ssh_server  # noqa: E402

SAYS = """
import json, select, sys
def say(verdict):
    print(json.dumps({"answers": [{"source": "md", "verdict": verdict, "reason": f"md is {verdict}."}]}), flush=True)
asked = json.loads(sys.stdin.buffer.readline())
def is_over(wait_s):
    return select.select([sys.stdin], [], [], wait_s)[0]
"""
FINE = f"{SAYS}while not is_over(0.01):\n    say(asked['verdict'])\nopen(asked['ended'], 'w').close()\n"
TURNS_BAD = f"{SAYS}say('ok')\nsay('not_ok')\nwhile not is_over(0.01):\n    say('ok')\n"
LEAVES = f"{SAYS}say('ok')\n"
HANGS = f"{SAYS}say('ok')\nis_over(60)\n"
RAVES = f"{SAYS}print('x' * 300000, end='', flush=True)\nis_over(60)\n"
BABBLES = f"{SAYS}while not is_over(0.01):\n    print('[[[', flush=True)\n"


@pytest.fixture
def server():
    with ssh_server.serving() as found:
        yield found


@pytest.fixture
def target(server, tmp_path) -> Target:
    key, known = tmp_path / "key", tmp_path / "known_hosts"
    server.client_key.write_private_key_file(str(key))
    known.write_text(server.known_as("node"))
    return Target(
        "n1", "127.0.0.1", server.port, ssh_server.USER, "node", (str(known),), (str(key),), identities_only=True, python=sys.executable
    )


@pytest.fixture
def program(tmp_path):
    def of(source: str) -> Program:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("__main__.py", source)
        return Program(packed.getvalue(), (), b'{"verdict": "ok", "ended": "%s"}\n' % str(tmp_path / "ended").encode())

    return of


def test_all_are_watched_until_it_is_over(server, target: Target, program, tmp_path) -> None:
    with Witness([target, replace(target, host="n2")], program(FINE), 30.0) as witness:
        first = witness.await_samples(1)
        later = witness.await_samples(2)
    assert [(sight.host, sight.finding().verdict) for sight in later] == [("n1", "ok"), ("n2", "ok")]
    assert all(two.samples >= one.samples + 2 for one, two in zip(first, later))
    assert witness.left == {}
    server.close()  # waits for what it has started
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize(
    ("source", "silence_s", "said"),
    [
        (TURNS_BAD, 30.0, "n1: md: md is not_ok."),
        (LEAVES, 30.0, "n1 was lost sight of: its watcher ended."),
        (HANGS, 0.5, "n1 was lost sight of: it said nothing for 0.5 s."),
        (RAVES, 30.0, "n1 was lost sight of: it says more than 262144 bytes at once."),
    ],
)
def test_a_peer_that_turns_bad(target: Target, program, source: str, silence_s: float, said: str) -> None:
    with Witness([target], program(source), silence_s) as witness:
        seen = witness.await_samples(3)
    assert (seen[0].finding().verdict, seen[0].finding().reason) == ("not_ok", said)


def test_what_is_no_sample_is_unknown(target: Target, program) -> None:
    with Witness([target], program(BABBLES), 30.0) as witness:
        assert witness.await_samples(2)[0].finding().verdict == "unknown"


def test_a_server_that_goes_away(server, target: Target, program) -> None:
    with Witness([target], program(FINE), 30.0) as witness:
        witness.await_samples(1)
        server.close()
        assert "was lost sight of" in witness.await_samples(10**6)[0].finding().reason


def test_who_cannot_be_reached_is_left(target: Target, program, tmp_path) -> None:
    strange = replace(target, host="n2", known_hosts=(str(tmp_path / "none"),))
    with Witness([target, strange], program(FINE), 30.0) as witness:
        assert [sight.host for sight in witness.await_samples(1)] == ["n1"]
    assert list(witness.left) == ["n2"]
    assert "n2 cannot be asked at the same time as the others" in witness.left["n2"]


def test_who_does_not_answer_is_lost_sight_of(server, target: Target, program) -> None:
    gone = replace(target, host="n2", port=1)
    with Witness([target, gone], program(FINE), 30.0) as witness:
        seen = {sight.host: sight.finding() for sight in witness.await_samples(1)}
    assert (seen["n1"].verdict, seen["n2"].verdict) == ("ok", "not_ok")
    assert seen["n2"].reason == "n2 was lost sight of: it does not answer."
    assert witness.left == {}


def test_nobody_waits_when_it_ends_early(target: Target, program) -> None:
    with Witness([target], program(HANGS), 60.0):
        pass
