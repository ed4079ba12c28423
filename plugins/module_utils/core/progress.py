# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has I/O come to a standstill? A block device with requests in flight, none of which ends any more.

Works on ``/proc/diskstats`` (Documentation/admin-guide/iostats.rst of the kernel). Its count of requests in flight is exact for devices
with a queue of their own; md and device-mapper count what was begun and has not ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from .health import NOT_OK, OK, Finding

_NAME = 2
_ENDED = (3, 7, 14, 18)  # reads, writes, discards and flushes that ended; the last two are absent before 4.18 and 5.5
_IN_FLIGHT = 11
_FEWEST = 14


@dataclass(frozen=True)
class Counters:
    """What a device says of its requests: how many have ended since the boot, and how many are in flight."""

    ended: int
    in_flight: int


def parse(text: str) -> dict[str, Counters]:
    """Return the counters by device of what ``/proc/diskstats`` says; a line that is not one of its is left out."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < _FEWEST or not all(word.isdigit() for word in words[_NAME + 1 :]):
            continue
        ended = sum(int(words[place]) for place in _ENDED if place < len(words))
        found[words[_NAME]] = Counters(ended, int(words[_IN_FLIGHT]))
    return found


@dataclass(frozen=True)
class _Seen:
    ended: int
    since_s: float  # when it had ended so many for the first time
    has_moved: bool


class Progress:
    """Follows the devices of a host from look to look.

    Only a device that was seen idle, or ending requests, can come to a standstill: some kernels have counted requests as in flight for
    ever after an error, and what is so from the beginning on was not brought about by whatever is watched.

    :param stall_s: how long a device may have requests in flight of which none ends, in seconds.
    """

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._last: dict[str, _Seen] = {}

    def look(self, devices: Mapping[str, Counters], now_s: float) -> Finding:
        """Return what the counters say at ``now_s``, on a clock that never goes back."""
        self._last = {name: self._seen(self._last.get(name), counters, now_s) for name, counters in devices.items()}
        stuck = [
            f"{name} has {devices[name].in_flight} requests in flight, and none has ended for {now_s - seen.since_s:.0f} s."
            for name, seen in self._last.items()
            if seen.has_moved and now_s - seen.since_s > self._stall_s
        ]
        if stuck:
            return Finding(NOT_OK, " ".join(stuck))
        return Finding(OK, f"I/O gets on at {len(devices)} devices.")

    @staticmethod
    def _seen(last: _Seen | None, counters: Counters, now_s: float) -> _Seen:
        if not counters.in_flight or (last is not None and last.ended != counters.ended):
            return _Seen(counters.ended, now_s, True)
        return last or _Seen(counters.ended, now_s, False)
