# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os
import socket
from typing import Iterator

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import nbd
from ansible_collections.twostep.hotswap.plugins.module_utils.host import nbd_server
from ansible_collections.twostep.hotswap.plugins.module_utils.host.nbd_server import Server

SIZE = 65536
FUA = 1 << 16
HANDLE = b"a handle"


class Kernel:
    """The other end, as the kernel would be."""

    def __init__(self, server: Server, near: socket.socket) -> None:
        self.server = server
        self.orders = server.handlers()
        self.near = near

    def send(self, kind: int, offset: int = 0, length: int = 0, data: bytes = b"") -> None:
        self.near.sendall(nbd.REQUEST.pack(0x25609513, kind, HANDLE, offset, length) + data)

    def receive(self, length: int = 0) -> tuple[int, bytes]:
        answer = b""
        while len(answer) < 16 + length:
            piece = self.near.recv(16 + length - len(answer))
            assert piece
            answer += piece
        assert answer[8:16] == HANDLE
        return int.from_bytes(answer[4:8], "big"), answer[16:]


@pytest.fixture
def kernel(tmp_path) -> Iterator[Kernel]:
    near, far = socket.socketpair()
    near.settimeout(60)
    store = os.open(tmp_path / "store", os.O_RDWR | os.O_CREAT)
    os.ftruncate(store, SIZE)
    with near:
        yield Kernel(Server(far, store), near)
    os.close(store)


def test_what_is_written_is_read(kernel: Kernel) -> None:
    kernel.send(1, 4096, 3, b"abc")
    assert kernel.receive() == (0, b"")
    kernel.send(0, 4095, 5)
    assert kernel.receive(5) == (0, b"\0abc\0")


def test_it_remembers_what_arrives(kernel: Kernel) -> None:
    for kind, offset, length in ((1 | FUA, 0, 2), (3, 0, 0), (4, 0, 512), (6, 512, 512), (1, 8, 2)):
        kernel.send(kind, offset, length, b"xy" if kind & 1 and length == 2 else b"")
        assert kernel.receive()[0] == 0
    assert kernel.orders["taken"]() == [
        ["write", 0, 2, True],
        ["flush", 0, 0, False],
        ["trim", 0, 512, False],
        ["zeroes", 512, 512, False],
        ["write", 8, 2, False],
    ]
    kernel.orders["mark"]()
    assert kernel.orders["taken"]() == []


@pytest.mark.parametrize("kind", [4, 6])
def test_zeroing(kernel: Kernel, kind: int) -> None:
    kernel.send(1, 0, 8192, b"x" * 8192)
    kernel.receive()
    kernel.send(kind, 4096, 4096)
    assert kernel.receive()[0] == 0
    kernel.send(0, 0, 8192)
    assert kernel.receive(8192)[1] == b"x" * 4096 + bytes(4096)


def test_zeroing_where_no_hole_can_be_punched(kernel: Kernel, monkeypatch) -> None:
    def cannot(*_arguments: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(nbd_server, "punch", cannot)
    test_zeroing(kernel, 6)


def test_what_it_does_not_know(kernel: Kernel) -> None:
    kernel.send(9)
    assert kernel.receive() == (errno.EINVAL, b"")


def test_it_is_slow_when_told_so(kernel: Kernel) -> None:
    kernel.orders["stall"]()
    kernel.send(0, 0, 4)
    assert kernel.orders["stalled"](timeout=60)
    kernel.near.settimeout(0)
    with pytest.raises(BlockingIOError):
        kernel.near.recv(1)
    kernel.near.settimeout(60)
    kernel.orders["release"]()
    assert kernel.receive(4) == (0, bytes(4))


@pytest.mark.parametrize("data", [b"", nbd.REQUEST.pack(0x25609513, 2, HANDLE, 0, 0), b"?" * nbd.REQUEST.size])
def test_it_ends_with_the_connection(kernel: Kernel, data: bytes) -> None:
    kernel.near.sendall(data)
    kernel.near.shutdown(socket.SHUT_WR)
    assert kernel.near.recv(1) == b""
