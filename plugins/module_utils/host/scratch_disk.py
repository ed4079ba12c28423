# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that a rehearsal may ruin: made from a nameless file, and gone with the processes that hold it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from typing import Any, Callable, Protocol, Sequence

from ..core.errors import TwostepError
from ..core.exercise import Offers
from . import kernel_module
from .servant import Orders, Servant
from .world import World

Hire = Callable[[str, Orders, Sequence[int]], Servant]

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LO_FLAGS_AUTOCLEAR = 4
# struct loop_config: fd, block_size, struct loop_info64 (its lo_flags stand at byte 52), reserved.
_LOOP_CONFIG = struct.Struct("=II52sI176s64s")
_FLUSHES = 15


class Disk(Protocol):
    """What a rehearsal asks of a scratch device."""

    kind: str

    def make(self) -> str:
        """Make it and return its path."""

    def mark(self) -> None:
        """Begin to look at what arrives."""

    def taken(self) -> list[list[Any]]:
        """Return what has arrived since the mark: kind, offset, length, FUA."""

    def stall(self) -> None:
        """Let the device answer nothing."""

    def stalled(self, timeout_s: float) -> bool:
        """Return whether a request waits."""

    def release(self) -> None:
        """Let it answer again."""

    def remove(self) -> list[str]:
        """Take it away and return what could not be."""


def hire(name: str, orders: Orders, keep: Sequence[int] = ()) -> Servant:
    """Start a real servant."""
    return Servant(name, orders, keep)


def store(folder: str | None, size: int) -> int:
    """Return a file of zeros without a name, in memory or in a folder."""
    try:
        if folder is None:
            handle = os.memfd_create("rehearsal", os.MFD_CLOEXEC)
        else:
            handle = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        os.ftruncate(handle, size)
    except OSError as error:
        raise TwostepError(
            "no_scratch",
            f"No scratch file can be made in {folder or 'memory'}: {error.strerror}.",
            "Choose a folder on a local filesystem such as ext4 or xfs, or memory.",
        ) from None
    return handle


def offers(world: World, device: str) -> Offers:
    """Return what a block device lets its users ask for, by its name in /sys/class/block."""
    queue = f"{world.paths.sys}/class/block/{device}/queue"

    def read(name: str) -> str:
        try:
            return world.status.read_text(f"{queue}/{name}").strip()
        except OSError:
            return ""

    def is_set(name: str) -> bool:
        text = read(name)
        return text.isascii() and text.isdigit() and int(text) > 0

    return Offers(
        flush=read("write_cache") == "write back",
        fua=read("write_cache") == "write back" and is_set("fua"),
        discard=is_set("discard_max_bytes"),
        write_zeroes=is_set("write_zeroes_max_bytes"),
    )


def block_bytes(world: World, device: str) -> int:
    """Return the logical block size of a block device."""
    text = world.status.read_text(f"{world.paths.sys}/class/block/{device}/queue/logical_block_size").strip()
    return int(text)


def _no_device(kind: str, error: OSError) -> TwostepError:
    return TwostepError(
        "no_scratch",
        f"No {kind} device can be made: {error.strerror or error}.",
        f"Look at the kernel log, and whether the module {kind} can be loaded.",
    )


class Driver:
    """The kernel module behind a scratch device, unloaded again if it was not there before."""

    def __init__(self, world: World, module: str, sign: str) -> None:
        self._world = world
        self._module = module
        self._sign = sign
        self._is_ours = False

    def load(self) -> None:
        """Load the module unless its sign is there."""
        paths = self._world.paths
        if not os.path.exists(paths.at(self._sign)):
            kernel_module.load(paths, self._world.run, self._module)
            self._is_ours = True

    def unload(self) -> list[str]:
        """Unload it if it is ours. Somebody may look at its devices for a moment."""
        for attempt in range(20 if self._is_ours else 0):
            if attempt:
                self._world.sleep(0.1)
            with contextlib.suppress(TwostepError):
                kernel_module.unload(self._world.paths, self._world.run, self._module)
                return []
        return [f"module {self._module}"] if self._is_ours else []


class LoopDisk:
    """A loop device: everything but FUA. The kernel clears it when its last user goes, whatever becomes of us."""

    kind = "loop"

    def __init__(self, world: World, folder: str | None, size: int, block: int) -> None:
        self._world = world
        self._folder = folder
        self._size = size
        self._block = block
        self._driver = Driver(world, "loop", "/dev/loop-control")
        self._handle = -1
        self._name = ""
        self._flushes = 0

    def make(self) -> str:
        """Make it and return its path."""
        self._driver.load()
        file = store(self._folder, self._size)
        try:
            self._handle = self._attach(file)
        except OSError as error:
            raise _no_device("loop", error) from None
        finally:
            os.close(file)
        return f"/dev/{self._name}"

    def _attach(self, file: int) -> int:
        at = self._world.paths.at
        with open(at("/dev/loop-control"), "rb") as control:
            problem = OSError(errno.EBUSY, "no loop device stays free")
            for _attempt in range(4):
                number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
                handle = os.open(at(f"/dev/loop{number}"), os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.ioctl(handle, _LOOP_CONFIGURE, _LOOP_CONFIG.pack(file, self._block, b"", _LO_FLAGS_AUTOCLEAR, b"", b""))
                except OSError as error:
                    os.close(handle)
                    problem = error
                    continue
                self._name = f"loop{number}"
                return handle
        raise problem

    def _flushed(self) -> int:
        words = self._world.status.read_text(f"{self._world.paths.sys}/class/block/{self._name}/stat").split()
        return int(words[_FLUSHES]) if len(words) > _FLUSHES else 0

    def mark(self) -> None:
        """Begin to count flushes."""
        self._flushes = self._flushed()

    def taken(self) -> list[list[Any]]:
        """Return the flushes since the mark, behind a write to everywhere: a loop device tells nothing else."""
        return [["write", 0, self._size, False]] + [["flush", 0, 0, False]] * (self._flushed() - self._flushes)

    def stall(self) -> None:
        """A loop device is never slow."""

    def stalled(self, timeout_s: float) -> bool:
        return False

    def release(self) -> None:
        """Nothing waits."""

    def remove(self) -> list[str]:
        """Close it; the kernel clears it then."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        return self._driver.unload()
