# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as a transient systemd unit of its own, so that neither a lost connection nor a killed Ansible reaches a swap."""

from __future__ import annotations

from typing import Callable

from ..core import names
from ..core.errors import TwostepError
from ..core.swap_request import SwapResult
from . import swap_folder
from .paths import Paths
from .runner import Run

POLL_S = 0.05
_ALIVE = ("active", "activating", "deactivating", "reloading")


def name(swap_id: str) -> str:
    """Return the unit of a swap."""
    return f"twostep-swap-{names.identifier(swap_id)}.service"


def start(run: Run, python: str, agent: str, swap_id: str) -> None:
    """Start the agent; on return its process runs, or has ended already.

    It is not started with --no-block: until its job is done, a unit looks like one that has vanished.
    """
    answer = run(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={name(swap_id)}",
            f"--description=Swap {swap_id} of twostep",
            "--property=Type=exec",
            "--property=UMask=0077",
            "--property=OOMScoreAdjust=-1000",
            "--property=LimitMEMLOCK=infinity",
            python,
            "-I",
            agent,
            "swap",
            swap_id,
        ]
    )
    if answer.rc != 0:
        raise TwostepError(
            "unit_not_started",
            f"systemd-run did not start {name(swap_id)}: {(answer.stderr or answer.stdout).strip()[-300:]}.",
            "The slot was not touched. Look at systemd on the host; it must run there as PID 1.",
            {"unit": name(swap_id)},
        )


def is_running(run: Run, swap_id: str) -> bool:
    """Return whether the agent of a swap still runs; a unit that is gone does not."""
    answer = run(["systemctl", "show", "--property=ActiveState", "--value", name(swap_id)])
    if answer.rc != 0:
        raise TwostepError(
            "no_systemd",
            f"systemctl cannot tell whether {name(swap_id)} runs: {answer.stderr.strip()[-200:]}.",
            "Look at systemd on the host, then run again.",
        )
    return answer.stdout.strip() in _ALIVE


def wait(
    paths: Paths, run: Run, swap_id: str, timeout_s: float, monotonic_s: Callable[[], float], sleep: Callable[[float], None]
) -> SwapResult | None:
    """Return the result of a swap, or None when its agent has ended without one.

    :raises TwostepError: `still_running` after `timeout_s`; the swap goes on.
    """
    end = monotonic_s() + timeout_s
    asked = 0
    while True:
        result = swap_folder.read_result(paths, swap_id)
        if result is not None:
            return result
        asked += 1
        # Asking systemd costs a process; a swap takes milliseconds, so the file is looked at more often.
        if asked % 10 == 0 and not is_running(run, swap_id):
            return swap_folder.read_result(paths, swap_id)
        if monotonic_s() >= end:
            raise TwostepError(
                "still_running",
                f"Swap {swap_id} has no result after {timeout_s:g} s; its unit {name(swap_id)} still runs.",
                "Run the same task again: it re-attaches to this swap.",
                {"swap_id": swap_id, "unit": name(swap_id)},
            )
        sleep(POLL_S)
