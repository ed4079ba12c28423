# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to a machine's monitor with QEMU's own QMP client. Each function connects, speaks and leaves."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from qemu.qmp import ConnectError, ExecInterruptedError, ExecuteError, QMPClient

ANSWER_S = 120.0
_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+22\s")
_Answer = TypeVar("_Answer")


@contextlib.asynccontextmanager
async def _connected(socket: str) -> AsyncIterator[QMPClient]:
    client = QMPClient("lab")
    await client.connect(socket)
    try:
        yield client
    finally:
        with contextlib.suppress(EOFError):  # the machine was quicker
            await client.disconnect()


def _talk(socket: str, conversation: Callable[[QMPClient], Awaitable[_Answer]]) -> _Answer:
    async def run() -> _Answer:
        async with _connected(socket) as client:
            return await conversation(client)

    try:
        return asyncio.run(asyncio.wait_for(run(), ANSWER_S))
    except asyncio.TimeoutError:  # an OSError, too
        raise SystemExit(f"lab: a machine's monitor did not answer within {ANSWER_S:.0f} s. Next: read its console log.") from None
    except (ConnectError, EOFError, OSError) as problem:
        raise SystemExit(f"lab: a machine does not run (any more): {problem}. Next: read keeper.log and its console log.") from problem


def line(socket: str, text: str) -> str:
    """Run a line of the human monitor and return what it prints; savevm and usernet have no other form."""

    async def converse(client: QMPClient) -> str:
        return str(await client.execute("human-monitor-command", {"command-line": text}))

    return _talk(socket, converse)


def forwarded_port(usernet: str) -> int:
    """Return the host's port of the ssh forwarding from what ``info usernet`` prints."""
    found = _FORWARD.search(usernet)
    if not found:
        raise SystemExit(f"lab: QEMU does not forward a port for ssh: {usernet.strip()!r}. Next: is 127.0.0.1 up?")
    return int(found.group(1))


def port(socket: str) -> int:
    """Return the port of 127.0.0.1 that leads to the machine's ssh; waits until the machine runs."""
    return forwarded_port(line(socket, "info usernet"))


def save(socket: str, name: str) -> None:
    """Take a snapshot of the stopped machine: all disks and its memory."""

    async def converse(client: QMPClient) -> str:
        await client.execute("stop")
        return str(await client.execute("human-monitor-command", {"command-line": f"savevm {name}"}))

    answer = _talk(socket, converse).strip()
    if answer:
        raise SystemExit(f"lab: no snapshot: {answer}. Next: is the disk full?")


def set_link(socket: str, up: bool) -> None:
    """Plug or unplug the card of the private network."""

    async def converse(client: QMPClient) -> None:
        await client.execute("set_link", {"name": "card", "up": up})

    _talk(socket, converse)


def plug_disk(socket: str, name: str, disk: str, log: str | None) -> None:
    """Plug in a disk, a raw file. With ``log`` every write and flush is logged there, in the format of the kernel's dm-log-writes.

    The log is the machine's outside view: what it holds was there before the guest was told that it is, and outlives the machine.
    """
    file = {"driver": "file", "filename": disk, "cache": {"no-flush": True}}
    node: dict[str, object] = {**file, "node-name": name}
    if log is not None:
        logged = {"driver": "file", "filename": log, "cache": {"no-flush": True}}
        node = {"driver": "blklogwrites", "node-name": name, "file": file, "log": logged, "log-super-update-interval": 1}
    device = {"driver": "virtio-blk-pci", "drive": name, "id": name, "serial": name, "write-cache": "on"}

    async def converse(client: QMPClient) -> None:
        await client.execute("blockdev-add", node)
        await client.execute("device_add", device)

    try:
        _talk(socket, converse)
    except ExecuteError as problem:
        raise SystemExit(f"lab: no disk {name}: {problem}. Next: is the name taken, and are the files there?") from problem


def reset(socket: str) -> None:
    """Reset the machine; on return its old kernel runs no more."""

    async def converse(client: QMPClient) -> None:
        with client.listener("RESET") as events:
            await client.execute("system_reset")
            await events.get()

    _talk(socket, converse)


def quit_machine(socket: str) -> None:
    """End the machine in good order: its disks are flushed."""

    async def converse(client: QMPClient) -> None:
        with contextlib.suppress(ExecInterruptedError, EOFError):
            await client.execute("quit")

    _talk(socket, converse)
