# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking over ssh: a real server on this machine, real keys, a real program that is sent and runs from memory."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import zipfile
from dataclasses import replace

import pytest

paramiko = pytest.importorskip("paramiko")

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError  # noqa: E402
from ansible_collections.twostep.hotswap.plugins.plugin_utils import sessions  # noqa: E402
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import Target  # noqa: E402
from ansible_collections.twostep.hotswap.tests.unit.plugins.plugin_utils import ssh_server  # noqa: E402

ECHO = """
import sys
sys.stdout.write(f"{sys.argv[1:]} {sys.stdin.read()}")
sys.stderr.write("told")
sys.exit(3)
"""


def zipapp(source: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("__main__.py", source)
    return packed.getvalue()


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


def ask(*targets: Target, source: str = ECHO, timeout_s: float = 30.0) -> dict:
    return sessions.ask_all(targets, sessions.Program(zipapp(source), ("a", "b c"), b"question"), timeout_s)


def test_all_are_asked_and_each_answers(server, target: Target) -> None:
    replies = ask(target, replace(target, host="n2"))
    assert replies == {host: sessions.Reply(3, "['a', 'b c'] question", "told") for host in ("n1", "n2")}
    assert len(server.lines) == 2


def test_a_large_program_arrives_whole(target: Target) -> None:
    source = f"filler = '''{'x' * 300000}'''\nprint(len(filler))"
    assert ask(target, source=source)["n1"].stdout == "300000\n"


def test_by_password(target: Target) -> None:
    assert ask(replace(target, keys=(), password="secret"))["n1"].rc == 3  # noqa: S106 - of the server above


def test_through_another_host(server, target: Target) -> None:
    hop = replace(target, host="gate", alias="node")
    assert ask(replace(target, jump=(hop,)))["n1"].rc == 3
    assert len(server.lines) == 1


RELAY = """
import socket, sys, threading
there = socket.create_connection(("127.0.0.1", int(sys.argv[1])))

def back():
    while data := there.recv(4096):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

threading.Thread(target=back, daemon=True).start()
while data := sys.stdin.buffer.raw.read(4096):
    there.sendall(data)
"""


def test_through_a_command(target: Target, tmp_path) -> None:
    (tmp_path / "relay.py").write_text(RELAY)
    command = f"{sys.executable} {tmp_path}/relay.py {target.port}"
    assert ask(replace(target, port=1, proxy_command=command))["n1"].rc == 3


def test_a_key_is_read_once_for_all_hosts(target: Target, monkeypatch) -> None:
    read = []
    real = paramiko.PKey.from_path
    monkeypatch.setattr(paramiko.PKey, "from_path", lambda path: read.append(path) or real(path))
    replies = ask(*(replace(target, host=f"n{number}") for number in range(8)))
    assert [reply.rc for reply in replies.values()] == [3] * 8
    assert read == list(target.keys)


@pytest.mark.parametrize("content", ["no key", "encrypted"])
def test_a_key_that_cannot_be_read_leaves_the_turn_to_the_next_one(target: Target, tmp_path, content: str) -> None:
    first = tmp_path / "first"
    if content == "encrypted":
        paramiko.RSAKey.generate(2048).write_private_key_file(str(first), password=ssh_server.USER)
    else:
        first.write_text(content)
    reply = ask(replace(target, keys=(str(first), *target.keys)))["n1"]
    assert isinstance(reply, sessions.Reply) and reply.rc == 3
    refused = ask(replace(target, keys=(str(first),)))["n1"]
    assert isinstance(refused, TwostepError) and refused.code == "no_session"


def test_sudo_is_asked_not_to_ask(server, target: Target, tmp_path, monkeypatch) -> None:
    (tmp_path / "sudo").write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert ask(replace(target, become=True))["n1"].rc == 3
    assert server.lines[0].startswith("sudo -n -H -- ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"alias": "other"}, "not found in known_hosts"),
        ({"known_hosts": ("/nonexistent",)}, "not found in known_hosts"),
        ({"user": "somebody"}, "cannot be asked at the same time"),
        ({"keys": ()}, "No authentication methods available"),
        ({"port": 1}, "Connection refused"),
        ({"proxy_command": "/nonexistent/relay"}, "No such file or directory"),
        ({"proxy_command": "relay 'x"}, "No closing quotation"),
    ],
)
def test_a_host_that_is_not_reached_in_this_way_says_why(server, target: Target, change: dict, said: str) -> None:
    replies = ask(target, replace(target, host="n2", **change))
    assert isinstance(replies["n2"], TwostepError)
    assert replies["n2"].code == "no_session"
    assert said in replies["n2"].message
    assert replies["n1"].rc == 3  # nobody waits for it


def test_a_host_with_another_key_is_refused(server, target: Target, tmp_path) -> None:
    with ssh_server.serving() as other:
        (tmp_path / "known_hosts").write_text(other.known_as("node"))
    reply = ask(target)["n1"]
    assert (reply.code, "does not match" in reply.message) == ("no_session", True)
    assert server.lines == []


def test_a_damaged_file_of_known_hosts_concerns_its_host_alone(target: Target, tmp_path) -> None:
    (tmp_path / "damaged").write_text("node ssh-rsa AAAAx\n")
    replies = ask(target, replace(target, host="n2", known_hosts=(str(tmp_path / "damaged"),)))
    assert (replies["n1"].rc, replies["n2"].code) == (3, "no_session")


def test_a_program_in_between_that_does_not_end_keeps_nobody(target: Target, tmp_path, monkeypatch) -> None:
    """What it has started holds its pipes open, and it does not heed a polite signal."""
    (tmp_path / "relay.sh").write_text("trap '' TERM; sleep 600 & echo $! > \"$0.pid\"; wait\n")
    monkeypatch.setattr(sessions, "_CONNECT_S", 1.0)
    try:
        assert ask(replace(target, proxy_command=f"sh {tmp_path}/relay.sh"))["n1"].code == "no_session"
    finally:
        os.kill(int((tmp_path / "relay.sh.pid").read_text()), signal.SIGKILL)


def test_a_host_that_is_late_is_left(target: Target) -> None:
    reply = ask(target, source="import sys, time; sys.stdout.close(); time.sleep(2)", timeout_s=1.0)["n1"]
    assert (reply.code, reply.message) == ("host_late", "n1 did not answer within 1 s.")


def test_a_host_that_hangs_before_it_has_begun_is_left(target: Target, monkeypatch) -> None:
    """paramiko waits for the answer to its wish without a limit."""
    hangs = threading.Event()
    monkeypatch.setattr(ssh_server._Interface, "check_channel_exec_request", lambda *_wish: hangs.wait(20.0))
    try:
        assert ask(target, timeout_s=1.0)["n1"].code == "host_late"
        assert not hangs.is_set()
    finally:
        hangs.set()


def test_endless_words_are_cut_off(target: Target) -> None:
    reply = ask(target, source=f"print('x' * {2 * 2**20})")["n1"]
    assert (reply.code, "more than" in reply.message) == ("no_session", True)


def test_without_paramiko_nobody_is_asked(monkeypatch, target: Target) -> None:
    monkeypatch.setattr(sessions, "HAS_PARAMIKO", False)
    assert ask(target)["n1"].code == "no_session"


def test_nobody_to_ask() -> None:
    assert ask() == {}
