# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scratch device that is served by ourselves, over the kernel's network block device; nothing leaves the host.

It alone shows which flushes and which FUA reach the device below a child, and it can be slow when a rehearsal wants that.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import threading
from typing import Any

from ..core import nbd
from ..core.errors import TwostepError
from .nbd_server import Server
from .scratch_disk import Driver, Hire, hire, store
from .servant import Handlers, Servant
from .world import World

_ORDER_S = 20.0
# udev may look at devices that have just come.
_ATTEMPTS = 20
_PAUSE_S = 0.2


class NbdDisk:
    """A device served by ourselves: it tells what arrives, with FUA, and can be slow."""

    kind = "nbd"

    def __init__(self, world: World, folder: str | None, size: int, block: int, hired: Hire = hire) -> None:
        self._world = world
        self._folder = folder
        self._size = size
        self._block = block
        self._hire = hired
        self._driver = Driver(world, "nbd", "/dev/nbd0")
        self._server: Servant | None = None
        self._plug: Servant | None = None
        self._path = ""

    def make(self) -> str:
        """Make it and return its path."""
        self._driver.load()
        file = store(self._folder, self._size)
        near, far = socket.socketpair()
        try:
            self._server = self._hire("the scratch device", lambda: Server(far, file).handlers(), [far.fileno(), file])
            self._plug = self._hire("the scratch device's kernel side", lambda: Plug(near.fileno()).handlers(), [near.fileno()])
            self._server.order("mark", _ORDER_S)
            self._path = self._connected()
        finally:
            near.close()
            far.close()
            os.close(file)
        return self._path

    def _connected(self) -> str:
        if self._plug is None:
            raise ValueError
        blocks = self._size // self._block
        folder = f"{self._world.paths.sys}/class/block"
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._world.sleep(_PAUSE_S)
            for name in sorted(name for name in os.listdir(folder) if name.startswith("nbd") and name[3:].isdigit()):
                path = self._world.paths.at(f"/dev/{name}")
                if os.path.exists(f"{folder}/{name}/pid"):
                    continue
                if self._plug.order("plug", _ORDER_S, path=path, block=self._block, blocks=blocks):
                    self._plug.order("run", _ORDER_S)
                    return f"/dev/{name}"
        raise TwostepError("no_scratch", "Every nbd device of the host is in use.", "Free one, or load nbd with a larger nbds_max.")

    def _ordered(self, order: str, **arguments: Any) -> Any:
        if self._server is None:
            raise ValueError
        return self._server.order(order, _ORDER_S, **arguments)

    def mark(self) -> None:
        """Begin to look at what arrives."""
        self._ordered("mark")

    def taken(self) -> list[list[Any]]:
        """Return what has arrived since the mark."""
        return self._ordered("taken")

    def stall(self) -> None:
        """Answer nothing from now on."""
        self._ordered("stall")

    def stalled(self, timeout_s: float) -> bool:
        """Wait until a request waits."""
        return bool(self._ordered("stalled", timeout=timeout_s))

    def release(self) -> None:
        """Answer again."""
        self._ordered("release")

    def remove(self) -> list[str]:
        """Disconnect it and end both processes."""
        left = []
        if self._plug is not None and self._path:
            with contextlib.suppress(TwostepError):
                self._plug.order("unplug", _ORDER_S)
        for servant in (self._plug, self._server):
            if servant is not None and not servant.end():
                left.append(f"process {servant.pid}")
        self._server = self._plug = None
        self._path = ""
        return left + self._driver.unload()


class Plug:
    """The kernel's side of the connection. All of it must be done by one process, which then is the kernel's for as long as it lasts."""

    def __init__(self, near: int) -> None:
        self._near = near
        self._handle = -1
        self._runs = threading.Thread(target=lambda: fcntl.ioctl(self._handle, nbd.DO_IT), daemon=True)

    def handlers(self) -> Handlers:
        """Return the orders."""
        return {"plug": self.plug, "run": self._runs.start, "unplug": self.unplug}

    def plug(self, path: str, block: int, blocks: int) -> bool:
        """Connect a device; False when somebody else has it.

        The lock keeps udev from reading it as long as it lasts: a read that a disconnection meets would be an error in the kernel's log.
        """
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for request, value in (
                (nbd.SET_BLKSIZE, block),
                (nbd.SET_SIZE_BLOCKS, blocks),
                (nbd.SET_FLAGS, nbd.FLAGS),
                (nbd.SET_SOCK, self._near),
            ):
                fcntl.ioctl(handle, request, value)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def unplug(self) -> None:
        """Disconnect the device, through the file that connected it.

        While another one is open, the kernel (``nbd_bdev_reset``) leaves the device its size, and who looks at it next gets read errors.
        """
        fcntl.ioctl(self._handle, nbd.DISCONNECT)
        self._runs.join()
        fcntl.ioctl(self._handle, nbd.CLEAR_SOCK)
        os.close(self._handle)
