# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real etcd of one member on this machine, on free ports, that is gone without a trace after the test."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import http

PROGRAM = "/usr/bin/etcd"
_START_S = 60.0


class Server:
    """``endpoint`` is where clients ask; ``kill`` ends it as a power cut would, and ``start`` begins it again with its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        ports = _free_ports(2)
        self.endpoint, self._peer = (f"http://127.0.0.1:{port}" for port in ports)

    def start(self) -> None:
        """Start it, and return once it answers."""
        log = (self._folder / "etcd.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    PROGRAM,
                    *("--name", "n1", "--data-dir", str(self._folder / "data")),
                    *("--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint),
                    *("--listen-peer-urls", self._peer, "--initial-advertise-peer-urls", self._peer),
                    *("--initial-cluster", f"n1={self._peer}", "--unsafe-no-fsync"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin"},
            )
        end = time.monotonic() + _START_S
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(TwostepError):
                if http.fetch(f"{self.endpoint}/health", {}, 5.0)[0] == 200:
                    return
            time.sleep(0.05)
        raise AssertionError((self._folder / "etcd.log").read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """End it at once."""
        if self._process:
            self._process.kill()
            self._process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _unused in range(count)]
        return [int(found.getsockname()[1]) for found in sockets]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Give a server that answers, and end it."""
    found = Server(folder)
    try:
        found.start()
        yield found
    finally:
        found.kill()
