# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller: ``rolling_upgrade`` as a process group of its own, stopped at a named place while something is done to the fleet."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .place import Place

HERE = Path(__file__).resolve().parent.parent
RUN_LIMIT_S = 1500.0  # of a run that waits for hosts that do not answer; longer is a hang


class Controller:
    """One run of ``rolling_upgrade``.

    :param log: where its output goes; ``text`` reads it.
    :param variables: extra variables.
    :ivar reached: whether it has come to the place that it was to stop at.
    :ivar stopped: whether it sleeps.
    """

    def __init__(self, inventory: Path, log: Path, variables: dict[str, Any], playbook: str = "twostep.hotswap.rolling_upgrade") -> None:
        self.log = log
        self.stopped = False
        self._folder = tempfile.TemporaryDirectory(prefix="twostep-chaos-")
        address = f"{self._folder.name}/socket"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen(1)
        environment = {
            **os.environ,
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "chaos_phases",
            "TWOSTEP_CHAOS_SOCKET": address,
        }
        words = [
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "--inventory",
            str(inventory),
            playbook,
            "--extra-vars",
            json.dumps(variables),
        ]
        with open(log, "wb") as out:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
        self._ended = os.pidfd_open(self._process.pid)
        self._listener = listener
        self._words: Any = None
        self.reached = False

    def go(self, place: Place | None = None, act: Callable[[], None] | None = None) -> None:
        """Let it run to its end, or to its ``kill`` or ``stop`` by ``act``, which is called while it waits at the place.

        :raises TimeoutError: the run has not ended within ``RUN_LIMIT_S``.
        """
        while (word := self._next()) is not None:
            if place and act and place.reached(word.get("play"), word.get("task")):
                self.reached = True
                act()
                if self.stopped or self._process.poll() is not None:
                    return
            self._answer()

    def _next(self) -> dict[str, str] | None:
        """Return what it says next, None when it has ended."""
        if self._words is None:
            if not self._wait(self._listener):
                return None
            connection, _address = self._listener.accept()
            with connection:  # open as long as the words are
                self._words = connection.makefile("rwb", buffering=0)
        if not self._wait(self._words):
            return None
        line = self._words.readline()
        if line:
            return json.loads(line)
        self._process.wait(RUN_LIMIT_S)
        return None

    def _wait(self, talker: Any) -> bool:
        ready = select.select([talker, self._ended], [], [], RUN_LIMIT_S)[0]
        if not ready:
            self.kill()
            raise TimeoutError(f"the run said nothing for {RUN_LIMIT_S:.0f} s; see {self.log}")
        return talker in ready

    def _answer(self) -> None:
        try:
            self._words.write(b"\n")
        except OSError:  # it was ended by somebody
            return

    def signal(self, number: int) -> None:
        """Send a signal to it and to all that it has started."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, as a crash of its machine would."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Let it sleep; ``wake`` goes on from there."""
        self.signal(signal.SIGSTOP)
        self.stopped = True

    def wake(self) -> None:
        """Let it go on to its end."""
        self.stopped = False
        self.signal(signal.SIGCONT)
        self._answer()
        self.go()

    @property
    def status(self) -> int | None:
        """Its exit status; negative if a signal has ended it, None while it runs."""
        return self._process.poll()

    def text(self) -> str:
        """Return what it printed, on one line."""
        return re.sub(r"\s+", " ", self.log.read_text(encoding="utf-8", errors="replace"))

    def close(self) -> None:
        """End what is left of it, and forget it."""
        if self._process.poll() is None:
            self.kill()
        if self._words is not None:
            self._words.close()
        self._listener.close()
        os.close(self._ended)
        self._folder.cleanup()
