# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches hosts at the same time over sessions of the controller's own, while something else is done to another host.

One thread for each host reads what the program there says; what it means is core/witness.py. Nothing is decided here.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.witness import Sight
from ansible_collections.twostep.hotswap.plugins.plugin_utils import sessions
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import Target

_MAX_LINE_BYTES = 1 << 18
_PARTING_S = 30.0


class Witness:
    """A context: begins to watch when entered, and has left all hosts when it is over.

    ``left`` has, by host, why those cannot be watched in this way that the controller may not or cannot ask. One that does not answer is
    seen as lost.

    :param silence_s: how long a host may say nothing before it counts as lost sight of, in seconds; also until its first word.
    """

    def __init__(self, targets: Sequence[Target], program: sessions.Program, silence_s: float) -> None:
        self._silence_s = silence_s
        self._news = threading.Condition()
        self._channels: dict[str, Any] = {}
        self._is_over = False
        self.left: dict[str, str] = {}
        self._sights = {target.host: Sight(target.host) for target in targets}
        self._threads = [threading.Thread(target=self._watch, args=(target, program), daemon=True) for target in targets]

    def __enter__(self) -> Witness:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        with self._news:
            self._is_over = True
            channels = list(self._channels.values())
        for channel in channels:
            # The program sees the end of its input. Whoever reads from it here is woken up, and may have left the host before this returns.
            with contextlib.suppress(OSError, EOFError):
                channel.close()
        for thread in self._threads:
            thread.join(_PARTING_S)

    def await_samples(self, count: int) -> list[Sight]:
        """Wait until each host has given so many samples more, or is lost sight of, and return what was seen of all of them."""
        with self._news:
            wanted = {host: sight.samples + count for host, sight in self._sights.items()}
            self._news.wait_for(lambda: all(sight.gone or sight.samples >= wanted[host] for host, sight in self._sights.items()))
            return [replace(sight) for sight in self._sights.values()]

    def _watch(self, target: Target, program: sessions.Program) -> None:
        try:
            with sessions.opened(target) as client:
                try:
                    with sessions.started(client, target, program, self._silence_s) as channel:
                        if self._begin(target.host, channel):
                            self._read(target.host, channel)
                except socket.timeout:
                    self._lost(target.host, f"it said nothing for {self._silence_s:g} s")
        except TwostepError as error:
            self._no_session(target.host, error)

    def _begin(self, host: str, channel: Any) -> bool:
        with self._news:
            self._channels[host] = channel
            return not self._is_over

    def _read(self, host: str, channel: Any) -> None:
        kept = b""
        heard_s = time.monotonic()
        while True:
            channel.settimeout(max(0.001, heard_s + self._silence_s - time.monotonic()))
            part = channel.recv(1 << 16)
            kept += part
            *lines, kept = kept.split(b"\n")
            for line in lines:
                heard_s = time.monotonic()
                self._take(host, line, heard_s)
            if not part:
                self._lost(host, "its watcher ended")
                return
            if len(kept) > _MAX_LINE_BYTES:
                self._lost(host, f"it says more than {_MAX_LINE_BYTES} bytes at once")
                return

    def _take(self, host: str, line: bytes, now_s: float) -> None:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        with self._news:
            if not self._is_over:
                self._sights[host].take(told, now_s)
                self._news.notify_all()

    def _no_session(self, host: str, error: TwostepError) -> None:
        with self._news:
            is_left = self._sights[host].samples == 0 and not error.data.get("is_silent")
            if is_left:
                self.left[host] = error.message
                del self._sights[host]
                self._news.notify_all()
        if not is_left:
            self._lost(host, "there is no session to it any more" if self._sights[host].samples else "it does not answer")

    def _lost(self, host: str, why: str) -> None:
        with self._news:
            if not self._is_over:
                self._sights[host].gone = why
                self._news.notify_all()
