# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ssh server on this machine, by paramiko: it runs what it is asked to, for one user with one key."""

from __future__ import annotations

import contextlib
import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import paramiko

USER = "operator"
GONE = (OSError, EOFError, paramiko.SSHException)  # what it is like when the other side has left


class _Interface(paramiko.ServerInterface):
    def __init__(self, server: Server) -> None:
        self._server = server
        self.wishes: dict[int, str] = {}

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == USER and key == self._server.client_key
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == (USER, "secret") else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_direct_tcpip_request(self, chanid: int, origin: tuple, destination: tuple) -> int:
        self._server.forward(chanid, destination)
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._server.begin(self._server.execute, channel, command.decode())
        return True


class Server:
    """Listens on ``port`` until it is closed; ``lines`` are the commands that it was given. Many of them may share their keys."""

    def __init__(self, host_key: paramiko.PKey | None = None, client_key: paramiko.PKey | None = None) -> None:
        self.host_key = host_key or paramiko.RSAKey.generate(2048)
        self.client_key: paramiko.PKey = client_key or paramiko.RSAKey.generate(2048)
        self.lines: list[str] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._transports: list[paramiko.Transport] = []
        self._forwards: dict[int, tuple] = {}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.begin(self._listen)

    def begin(self, what: Callable[..., object], *arguments: object) -> None:
        def run() -> None:
            with contextlib.suppress(*GONE):
                what(*arguments)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        with self._lock:
            self._threads = [*(one for one in self._threads if one.is_alive()), thread]

    def _listen(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.host_key)
            self._transports = [*(one for one in self._transports if one.is_alive()), transport]
            with contextlib.suppress(*GONE):
                transport.start_server(server=_Interface(self))
                self.begin(self._accept, transport)

    def _accept(self, transport: paramiko.Transport) -> None:
        kept: list[paramiko.Channel] = []  # paramiko closes a channel that nobody has any more, also before its command arrives
        while transport.is_active():
            channel = transport.accept(0.1)
            kept = [one for one in (*kept, channel) if one is not None and not one.closed]
            if channel is not None and channel.get_id() in self._forwards:
                self.begin(self._pass_on, channel, self._forwards.pop(channel.get_id()))

    def forward(self, number: int, destination: tuple) -> None:
        self._forwards[number] = destination

    def _pass_on(self, channel: paramiko.Channel, destination: tuple) -> None:
        with contextlib.closing(channel), socket.create_connection(destination) as there:

            def back() -> None:
                while data := there.recv(65536):
                    channel.sendall(data)

            self.begin(back)
            while data := channel.recv(65536):
                there.sendall(data)

    def execute(self, channel: paramiko.Channel, line: str) -> None:
        self.lines.append(line)
        process: Any  # whose streams are there
        with subprocess.Popen(shlex.split(line), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:

            def read() -> None:
                with process.stdin as there:
                    while data := channel.recv(65536):
                        there.write(data)
                        there.flush()

            self.begin(read)
            while data := process.stdout.read1(65536):
                channel.sendall(data)
            channel.sendall_stderr(process.stderr.read())
        channel.send_exit_status(process.returncode)
        channel.close()

    def known_as(self, alias: str) -> str:
        """Return the line of a known-hosts file."""
        return f"{alias} {self.host_key.get_name()} {self.host_key.get_base64()}\n"

    def close(self) -> None:
        with contextlib.suppress(OSError):  # of one that is closed already
            self._socket.shutdown(socket.SHUT_RDWR)  # closing it alone would not wake who accepts
        self._socket.close()
        for transport in self._transports:
            transport.close()
        for thread in self._threads:
            thread.join(5)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()
