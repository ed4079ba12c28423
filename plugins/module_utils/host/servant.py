# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of ours that does what may never end: each order is bounded in time, and a hanging servant is left to its fate.

Work on a broken child can end in a sleep that no signal reaches. Whoever waits for a thread then waits for ever, so it is a process:
it dies with us, has no file of ours open, and is never waited for longer than was said.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import time
from typing import Any, Callable, Mapping, Sequence

from ..core.errors import TwostepError

Handlers = Mapping[str, Callable[..., Any]]
Orders = Callable[[], Handlers]

_PR_SET_PDEATHSIG = 1
_MOST_FILES = 4096
_PIPE_BYTES = 65536
_POLL_S = 0.01


class Servant:
    """A forked process that takes orders by name.

    :param orders: called in the new process, gives its handlers; what they return must be JSON.
    :param keep: files that it needs open. All others are closed there.
    """

    def __init__(self, name: str, orders: Orders, keep: Sequence[int] = ()) -> None:
        self.name = name
        self._answer_due = False
        self._buffer = b""
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _be(parent, theirs_in, theirs_out, orders, keep)  # does not return
        os.close(theirs_in)
        os.close(theirs_out)

    def order(self, order: str, timeout_s: float, **arguments: Any) -> Any:
        """Give an order and return its answer; see `begin` and `finish`."""
        self.begin(order, **arguments)
        return self.finish(timeout_s)

    def begin(self, order: str, **arguments: Any) -> None:
        """Give an order. The one before must have been answered."""
        if self._answer_due:
            raise self._hangs("still has its last order to do")
        self._answer_due = True
        with contextlib.suppress(BrokenPipeError):
            os.write(self._to, json.dumps([order, arguments]).encode("ascii") + b"\n")

    def finish(self, timeout_s: float) -> Any:
        """Wait for the answer to the last order.

        :raises TwostepError: `stuck` when there is none in time, or whatever the handler raised.
        """
        end = time.monotonic() + max(0.0, timeout_s)
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise self._hangs(f"did not answer within {timeout_s:.1f} s")
            piece = os.read(self._from, _PIPE_BYTES)
            if not piece:
                raise self._hangs("ended without an answer")
            self._buffer += piece
        line, _newline, self._buffer = self._buffer.partition(b"\n")
        self._answer_due = False
        answer = json.loads(line)
        if "error" in answer:
            raise TwostepError(**answer["error"])
        return answer["result"]

    def end(self, timeout_s: float = 10.0) -> bool:
        """End the process and return whether it is gone; one in a sleep that no signal reaches is not."""
        for handle in (self._to, self._from):
            with contextlib.suppress(OSError):
                os.close(handle)
        self._to = self._from = -1
        end = time.monotonic() + timeout_s
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        while True:
            try:
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    return True
            except ChildProcessError:
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_S)

    def _hangs(self, how: str) -> TwostepError:
        return TwostepError(
            "stuck",
            f"The rehearsal's process for {self.name} {how}.",
            "Read the kernel log of the host: the child may keep requests, or sleep where it must not.",
            {"process": self.name, "pid": self.pid},
        )


def _be(parent: int, orders_in: int, answers_out: int, orders: Orders, keep: Sequence[int]) -> None:
    """Be the servant until the pipe ends; never returns."""
    try:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            _close_all_but({orders_in, answers_out, *keep})
            _serve(orders_in, answers_out, orders)
    finally:
        os._exit(0)


def _close_all_but(wanted: set[int]) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(nothing, handle)
    begin = 3
    for handle in sorted(handle for handle in wanted if handle > 2):
        os.closerange(begin, handle)
        begin = handle + 1
    os.closerange(begin, _MOST_FILES)


def _serve(orders_in: int, answers_out: int, orders: Orders) -> None:
    handlers: Handlers = {}
    defect: dict[str, Any] | None = None
    try:
        handlers = orders()
    except Exception as error:  # noqa: BLE001  told as the answer to every order
        defect = _defect("begin", error)
    with os.fdopen(orders_in, encoding="ascii") as stream:
        for line in stream:
            order, arguments = json.loads(line)
            told = defect or answer(handlers, order, arguments)
            data = json.dumps(told).encode("ascii") + b"\n"
            while data:
                data = data[os.write(answers_out, data) :]


def answer(handlers: Handlers, order: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what a handler answers, as it goes through the pipe."""
    try:
        return {"result": handlers[order](**arguments)}
    except TwostepError as error:
        return {"error": {"code": error.code, "message": error.message, "next_step": error.next_step, "data": error.data}}
    except Exception as error:  # noqa: BLE001  the one place where a defect of ours must become an answer
        return _defect(order, error)


def _defect(order: str, error: Exception) -> dict[str, Any]:
    return {
        "error": {
            "code": "rehearsal_failed",
            "message": f"The rehearsal's order {order} failed: {type(error).__name__}: {str(error)[:300]}.",
            "next_step": "Look at the host, and report this.",
            "data": {},
        }
    }
