# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running commands: lists only, locale C, no shell, bounded in time.

``Run`` is the type that all host code takes as a parameter; ``run`` is the real one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass
from typing import Callable, Sequence

from ..core.errors import TwostepError

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PARTING_S = 1.0


@dataclass(frozen=True)
class Result:
    """What a command answered. ``rc`` is its exit status; the texts are decoded, undecodable bytes replaced."""

    rc: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


def run(argv: Sequence[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
    """Run ``argv`` and return its result, whatever the exit status.

    :raises TwostepError: ``no_command`` when the program is not installed or cannot be started, ``command_timeout`` after ``timeout_s``.
    """
    environment = {"PATH": _PATH, "LC_ALL": "C", "LANG": "C", "HOME": os.environ.get("HOME", "/root")}
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
        )
    except FileNotFoundError:
        raise TwostepError(
            "no_command", f"The program {argv[0]!r} is not installed on this host.", f"Install the package that provides {argv[0]}."
        ) from None
    except OSError as error:
        raise TwostepError(
            "no_command", f"The program {argv[0]!r} cannot be started: {error.strerror}.", "Look at the file's mode and at its first line."
        ) from None
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise TwostepError(
            "command_timeout",
            f"{' '.join(argv)[:200]!r} did not finish within {timeout_s:g} s.",
            "Look at the host: a command that hangs often waits for a device that does not answer.",
        ) from None
    finally:
        _part_from(process)
    return Result(process.returncode, stdout, stderr)


def _part_from(process: subprocess.Popen[str]) -> None:
    """End a command that still runs. One that waits for a device cannot be killed: then it is left alone, and nobody waits for it."""
    if process.poll() is None:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_PARTING_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):  # what it was to be told and never read
                stream.close()
