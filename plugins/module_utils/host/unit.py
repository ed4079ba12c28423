# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as a transient systemd unit of its own, so that neither a lost connection nor a killed Ansible reaches it.

`command` is what the agent is told to do, `swap` or `reload`.
"""

from __future__ import annotations

from typing import Callable, TypeVar

from ..core import names
from ..core.errors import TwostepError
from .runner import Run

Answer = TypeVar("Answer")

POLL_S = 0.05
_ALIVE = ("active", "activating", "deactivating", "reloading")


def name(request_id: str, command: str = "swap") -> str:
    """Return the unit of a request."""
    return f"twostep-{command}-{names.identifier(request_id)}.service"


def start(run: Run, python: str, agent: str, request_id: str, command: str = "swap") -> None:
    """Start the agent; on return its process runs, or has ended already.

    It is not started with --no-block: until its job is done, a unit looks like one that has vanished.
    """
    unit = name(request_id, command)
    answer = run(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={unit}",
            f"--description={command.capitalize()} {request_id} of twostep",
            "--property=Type=exec",
            "--property=UMask=0077",
            "--property=OOMScoreAdjust=-1000",
            "--property=LimitMEMLOCK=infinity",
            python,
            "-I",
            agent,
            command,
            request_id,
        ]
    )
    if answer.rc != 0:
        raise TwostepError(
            "unit_not_started",
            f"systemd-run did not start {unit}: {(answer.stderr or answer.stdout).strip()[-300:]}.",
            "Nothing was touched. Look at systemd on the host; it must run there as PID 1.",
            {"unit": unit},
        )


def is_running(run: Run, request_id: str, command: str = "swap") -> bool:
    """Return whether the agent of a request still runs; a unit that is gone does not."""
    unit = name(request_id, command)
    answer = run(["systemctl", "show", "--property=ActiveState", "--value", unit])
    if answer.rc != 0:
        raise TwostepError(
            "no_systemd",
            f"systemctl cannot tell whether {unit} runs: {answer.stderr.strip()[-200:]}.",
            "Look at systemd on the host, then run again.",
        )
    return answer.stdout.strip() in _ALIVE


def wait(
    read: Callable[[], Answer | None],
    run: Run,
    request_id: str,
    timeout_s: float,
    monotonic_s: Callable[[], float],
    sleep: Callable[[float], None],
    command: str = "swap",
) -> Answer | None:
    """Return the result of a request, or None when its agent has ended without one.

    :param read: returns the result as soon as there is one.
    :raises TwostepError: `still_running` after `timeout_s`; the agent goes on.
    """
    end = monotonic_s() + timeout_s
    asked = 0
    while True:
        result = read()
        if result is not None:
            return result
        asked += 1
        # Asking systemd costs a process; a swap takes milliseconds, so the file is looked at more often.
        if asked % 10 == 0 and not is_running(run, request_id, command):
            return read()
        if monotonic_s() >= end:
            unit = name(request_id, command)
            raise TwostepError(
                "still_running",
                f"{command.capitalize()} {request_id} has no result after {timeout_s:g} s; its unit {unit} still runs.",
                f"Run the same task again: it re-attaches to this {command}.",
                {"id": request_id, "unit": unit},
            )
        sleep(POLL_S)
