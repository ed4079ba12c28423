# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run stages one after another: time each, show that it lives, stop at the first failure, and end with a table.

A stage's output goes to a log; the console gets one line when it begins, one at least every ``heartbeat_s`` seconds with
the newest line of the log, one when it ends, what it skipped, and the end of the log when it failed. A live stage has
the console for itself. Knows nothing about what stages do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Callable, TextIO

HEARTBEAT_S = 30.0
GRACE_S = 120.0  # a lab that was told to stop has machines to power off
TAIL_LINES = 120


@dataclass(frozen=True)
class Stage:
    """One named command.

    ``environment`` is added to the runner's own. A ``live`` stage speaks to the console itself and has no log.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    live: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a stage ended; ``rc`` is None for one that never began."""

    name: str
    rc: int | None
    seconds: float

    @property
    def word(self) -> str:
        """Return the one word for the table."""
        return "not run" if self.rc is None else "ok" if self.rc == 0 else f"FAILED ({self.rc})"


def clock(seconds: float) -> str:
    """Return a duration as people read it: ``8.1 s``, ``2 min 05 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the closing summary: a line per stage and the total."""
    width = max((len(outcome.name) for outcome in outcomes), default=0)
    lines = [f"  {outcome.name:<{width}}  {clock(outcome.seconds):>12}  {outcome.word}" for outcome in outcomes]
    total = f"  {'total':<{width}}  {clock(sum(outcome.seconds for outcome in outcomes)):>12}"
    return "\n".join([*lines, total])


def newest_line(log: Path) -> str:
    """Return the last line with text in it of ``log``, shortened to a console line."""
    lines = [line for line in log.read_text(errors="replace").splitlines()[-20:] if line.strip()]
    return lines[-1].strip()[:120] if lines else "no output yet"


def stop(process: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
    """End a stage and everything in its process group, giving it time to clean up after itself."""
    for number, patience_s in ((signal.SIGINT, grace_s), (signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience_s)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def attend(stage: Stage, sink: BinaryIO | None, beat: Callable[[], None], say: Callable[[str], None], heartbeat_s: float) -> int:
    """Start the stage and stay with it, calling ``beat`` regularly; return its exit status, 127 when it cannot be started."""
    environment = {**os.environ, **stage.environment}
    argv = list(stage.argv)
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    except OSError as problem:
        say(f"cannot start {argv[0]}: {problem.strerror}")
        return 127
    try:
        while True:
            try:
                return process.wait(heartbeat_s)
            except subprocess.TimeoutExpired:
                beat()
    except BaseException:
        say("interrupted, letting it clean up")
        stop(process)
        raise


def run_stage(stage: Stage, logs: Path, out: TextIO, heartbeat_s: float = HEARTBEAT_S) -> Outcome:
    """Run one stage to its end and say how it went."""
    log = logs / f"{stage.name.replace(' ', '-')}.log"

    def say(text: str) -> None:
        print(f"    {stage.name}: {text}", file=out, flush=True)

    def beat() -> None:
        if not stage.live:
            say(f"{clock(time.monotonic() - began)}, newest line: {newest_line(log)}")

    print(f"==> {stage.name}", file=out, flush=True)
    began = time.monotonic()
    with log.open("wb") as sink:
        rc = attend(stage, None if stage.live else sink, beat, say, heartbeat_s)
    outcome = Outcome(stage.name, rc, time.monotonic() - began)
    lines = log.read_text(errors="replace").splitlines()
    for line in (line for line in lines if line.startswith("SKIPPED")):
        say(line)
    if rc != 0 and not stage.live:
        print("\n".join(f"    | {line}" for line in lines[-TAIL_LINES:]), file=out)
        print(f"    whole log: {log}", file=out)
    print(f"<== {stage.name}: {outcome.word} after {clock(outcome.seconds)}", file=out, flush=True)
    return outcome


def run_stages(stages: Sequence[Stage], logs: Path, out: TextIO, keep_going: bool = False) -> list[Outcome]:
    """Run ``stages`` in order, until one fails or, with ``keep_going``, all; those that never began are in the answer, marked so."""
    logs.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    for stage in stages:
        failed = any(outcome.rc != 0 for outcome in outcomes)
        outcomes.append(Outcome(stage.name, None, 0.0) if failed and not keep_going else run_stage(stage, logs, out))
    return outcomes


def raise_on_signals() -> None:
    """Turn a polite kill into KeyboardInterrupt, so that it takes the same way out as ctrl-C."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)


def succeeded(outcomes: Sequence[Outcome]) -> bool:
    """Say whether every stage ran and passed."""
    return all(outcome.rc == 0 for outcome in outcomes)


__all__ = ["Outcome", "Stage", "raise_on_signals", "run_stages", "succeeded", "table"]

if __name__ == "__main__":
    sys.exit("stages.py is used by gates.py; run: make help")
