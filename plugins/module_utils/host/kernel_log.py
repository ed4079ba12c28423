# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the kernel's log from /dev/kmsg: all of it that is still there, without waiting for more. Changes nothing.

Each reader has a position of its own, so others that read the log are not disturbed.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Callable

from ..core import kernel_log
from ..core.kernel_log import Log, Record
from .paths import Paths

_RECORD_BYTES = 8192  # the kernel gives one whole record per read, and none is larger (CONSOLE_EXT_LOG_MAX)
_MAX_READS = 100_000
_MAX_BYTES = 16 << 20


@dataclass(frozen=True)
class Device:
    """How /dev/kmsg is read: `read` returns one record or raises OSError as read(2) does."""

    open: Callable[[str], int] = lambda path: os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    read: Callable[[int], bytes] = lambda number: os.read(number, _RECORD_BYTES)
    close: Callable[[int], None] = os.close


def look(paths: Paths, device: Device | None = None) -> Log | None:
    """Return the log, or None where it cannot be read.

    It is not complete if messages were overwritten while it was read, if one was too large, or if it does not end.
    """
    device = device or Device()
    try:
        number = device.open(paths.at("/dev/kmsg"))
    except OSError:
        return None
    try:
        return _read(lambda: device.read(number))
    finally:
        device.close(number)


def _read(read: Callable[[], bytes]) -> Log | None:
    records: list[Record] = []
    complete, left = True, _MAX_BYTES
    for _count in range(_MAX_READS):
        try:
            data = read()
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return kernel_log.collect(records, complete)
            if error.errno not in (errno.EPIPE, errno.EINVAL):
                return None
            complete = False  # EPIPE: some were overwritten, the next read goes on behind them. EINVAL: this one was too large.
            continue
        left -= len(data)
        record = kernel_log.parse_record(data)
        if record is None:
            complete = False
        else:
            records.append(record)
        if not data or left <= 0:
            break
    return kernel_log.collect(records, False)
