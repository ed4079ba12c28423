# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The far end of a scratch device: serves NBD from a file, remembers in which order what arrived, and can be slow when told so."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import threading
from typing import Any

from ..core import nbd
from .servant import Handlers

_MOST_REMEMBERED = 4096
_PIECE = 1 << 20
_PUNCH_HOLE = 0x03  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE


def punch(handle: int, offset: int, length: int) -> None:
    """Zero a range of a file or block device without writing it; OSError where that cannot be done."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(handle, _PUNCH_HOLE, ctypes.c_long(offset), ctypes.c_long(length)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Server:
    """Serves one connection from one file.

    `_log` is the thread's while requests run, and everybody's between a probe's end and the next one. The lock is for the exceptions.
    """

    def __init__(self, connection: socket.socket, store: int) -> None:
        self._connection = connection
        self._store = store
        self._lock = threading.Lock()
        self._log: list[list[Any]] = []
        self._quick = threading.Event()
        self._quick.set()
        self._waits = threading.Event()

    def handlers(self) -> Handlers:
        """Return the orders, and begin to serve."""
        threading.Thread(target=self._serve, daemon=True).start()
        return {"mark": self.mark, "taken": self.taken, "stall": self.stall, "stalled": self._waits.wait, "release": self.release}

    def mark(self) -> None:
        """Forget what has arrived."""
        with self._lock:
            self._log.clear()

    def taken(self) -> list[list[Any]]:
        """Return what has arrived since the mark: kind, offset, length, FUA."""
        with self._lock:
            return list(self._log)

    def stall(self) -> None:
        """Answer nothing until `release`."""
        self._waits.clear()
        self._quick.clear()

    def release(self) -> None:
        """Answer again."""
        self._quick.set()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, ValueError, EOFError):
            while True:
                request = nbd.parse(self._receive(nbd.REQUEST.size))
                if request.kind == "disconnect":
                    break
                payload = self._receive(request.length) if request.kind == "write" else b""
                if not self._quick.is_set():
                    self._waits.set()
                    self._quick.wait()
                error, data = self._perform(request, payload)
                self._connection.sendall(nbd.reply(request.handle, error) + data)
        self._connection.close()

    def _receive(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            piece = self._connection.recv(min(_PIECE, length - len(data)))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _perform(self, request: nbd.Request, payload: bytes) -> tuple[int, bytes]:
        with self._lock:
            if len(self._log) < _MOST_REMEMBERED and request.kind != "read":
                self._log.append([request.kind, request.offset, request.length, request.fua])
        try:
            if request.kind == "read":
                data = os.pread(self._store, request.length, request.offset)
                return 0, data + bytes(request.length - len(data))
            if request.kind == "write":
                self._write(payload, request.offset)
            elif request.kind in ("trim", "zeroes"):
                self._zero(request.offset, request.length)
            elif request.kind != "flush":
                return errno.EINVAL, b""
        except OSError as error:
            return error.errno or errno.EIO, b""
        return 0, b""

    def _write(self, data: bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            done = os.pwrite(self._store, view, offset)
            view, offset = view[done:], offset + done

    def _zero(self, offset: int, length: int) -> None:
        try:
            punch(self._store, offset, length)
        except OSError:
            for at in range(offset, offset + length, _PIECE):
                self._write(bytes(min(_PIECE, offset + length - at)), at)
