# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's uevents, as they are sent, for as long as a ``with`` block lasts."""

from __future__ import annotations

import socket

NETLINK_KOBJECT_UEVENT = 15
KERNEL_GROUP = 1


class Uevents:
    """``events`` has a dictionary for each uevent; of those sent before the block ends none is missing."""

    def __init__(self) -> None:
        self.events: list[dict[str, str]] = []

    def __enter__(self) -> Uevents:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((0, KERNEL_GROUP))
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.setblocking(False)
        try:
            while True:
                words = self.socket.recv(1 << 16).split(b"\0")[1:]
                self.events.append(dict(word.decode().split("=", 1) for word in words if b"=" in word))
        except BlockingIOError:
            self.socket.close()

    def of(self, subsystem: str) -> list[dict[str, str]]:
        """Return the events of one subsystem."""
        return [event for event in self.events if event.get("SUBSYSTEM") == subsystem]
