# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run stages: time each, show that it lives, stop at the first failure, and end with a table.

A stage's output goes to a log; the console gets one line when it begins, one at least every ``heartbeat_s`` seconds with
the newest line of the log, one when it ends, what it skipped, and the end of the log when it failed. A live stage has
the console for itself. Knows nothing about what stages do.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

HEARTBEAT_S = 30.0
GRACE_S = 120.0  # a lab that was told to stop has machines to power off
TAIL_LINES = 120
SYMPTOM_LINES = 14
SYMPTOM_WIDTH = 120
COLOUR = re.compile("\x1b\\[[0-9;]*m")
FRAME = re.compile("[\u2500-\u257f]")  # Molecule draws boxes around what it runs
FATAL = re.compile(r"^fatal: |^E  |^\w*Error\b|^FAIL")
WORD = re.compile(r"\w{2}")


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
    """How a stage ended; ``rc`` is None for one that never began, ``symptoms`` are lines of the log of one that failed."""

    name: str
    rc: int | None
    seconds: float
    symptoms: Sequence[str] = ()

    @property
    def word(self) -> str:
        """Return the one word for the table, of a stage that ran."""
        return "ok" if self.rc == 0 else f"FAILED ({self.rc})"


def clock(seconds: float) -> str:
    """Return a duration as people read it: ``8.1 s``, ``2 min 05 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def table(outcomes: Sequence[Outcome], wall_s: float) -> str:
    """Return the closing summary: a line per stage, the time it took in all, and why what failed failed.

    The whole may be less than the sum where some ran together. The reasons come last, and briefly: of a long output
    people are often shown no more than its end.
    """
    ran = [outcome for outcome in outcomes if outcome.rc is not None]
    width = max((len(outcome.name) for outcome in ran), default=len("total"))
    lines = [f"  {outcome.name:<{width}}  {clock(outcome.seconds):>12}  {outcome.word}" for outcome in ran]
    lines.append(f"  {'total':<{width}}  {clock(wall_s):>12}")
    waiting = [outcome.name for outcome in outcomes if outcome.rc is None]
    if waiting:
        lines.append(f"  not run: {', '.join(waiting)}")
    for outcome in outcomes:
        if outcome.symptoms:
            lines += [f"{outcome.name}:", *(f"  | {line}" for line in outcome.symptoms)]
    return "\n".join(lines)


def newest_line(log: Path) -> str:
    """Return the last line of ``log`` that says something, without colours, shortened to a console line."""
    lines = [COLOUR.sub("", line).strip() for line in log.read_text(errors="replace").splitlines()[-20:]]
    words = [line for line in lines if WORD.search(line)]  # not the rules that are drawn below a heading
    return words[-1][:120] if words else "no output yet"


def symptoms(log: Path) -> list[str]:
    """Return the lines of ``log`` that tell best why its stage failed: from the last one that reports a failure on, else its end."""
    lines = [FRAME.sub("", COLOUR.sub("", line)).strip() for line in log.read_text(errors="replace").splitlines()]
    lines = [line[:SYMPTOM_WIDTH] for line in lines if WORD.search(line)]
    last = max((index for index, line in enumerate(lines) if FATAL.match(line)), default=len(lines) - SYMPTOM_LINES)
    return lines[max(last, 0) :][:SYMPTOM_LINES]


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


class Runner:
    """Runs stages, ``workers`` at a time; ``logs`` is the folder of their logs, ``out`` the console.

    The thread that calls ``run`` is the one that signals interrupt; it ends whatever stages are running then.
    """

    def __init__(self, logs: Path, out: TextIO, *, keep_going: bool = False, workers: int = 1, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._logs = logs
        self._out = out
        self._keep_going = keep_going
        self._workers = workers
        self._heartbeat_s = heartbeat_s
        self._lock = threading.Lock()  # of the console and of what follows
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._halted = False  # begin no more
        self._interrupted = False  # and end those that run

    def run(self, stages: Sequence[Stage]) -> list[Outcome]:
        """Run ``stages``, begun in order, until one fails or, when told to keep going, all.

        The answer has all of them in order; those that never began are marked so.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                return list(pool.map(self._run_one, stages))
            except BaseException:
                self._interrupt()
                raise

    def _interrupt(self) -> None:
        with self._lock:
            self._halted = self._interrupted = True
            running = dict(self._running)
        for name, process in running.items():
            self._say(f"    {name}: interrupted, letting it clean up")
            stop(process)

    def _say(self, text: str) -> None:
        with self._lock:
            print(text, file=self._out, flush=True)

    def _run_one(self, stage: Stage) -> Outcome:
        if self._halted:
            return Outcome(stage.name, None, 0.0)
        self._say(f"==> {stage.name}")
        log = self._logs / f"{stage.name.replace(' ', '-')}.log"
        began = time.monotonic()
        with log.open("wb") as sink:
            rc = self._attend(stage, log, sink)
        failed = rc != 0 and not stage.live and not self._interrupted
        outcome = Outcome(stage.name, rc, time.monotonic() - began, symptoms(log) if failed else ())
        if rc != 0 and not self._keep_going:
            self._halted = True
        self._say("\n".join([*self._remarks(stage, log, rc), f"<== {stage.name}: {outcome.word} after {clock(outcome.seconds)}"]))
        return outcome

    def _attend(self, stage: Stage, log: Path, sink: BinaryIO) -> int:
        """Start a stage and stay with it; return its exit status, 127 when it cannot be started."""
        environment = {**os.environ, **stage.environment}
        output = None if stage.live else sink
        began = time.monotonic()
        try:
            process = subprocess.Popen(
                list(stage.argv), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
        except OSError as problem:
            self._say(f"    {stage.name}: cannot start {stage.argv[0]}: {problem.strerror}")
            return 127
        with self._lock:
            self._running[stage.name] = process
            too_late = self._interrupted
        try:
            if too_late:
                stop(process)
            while True:
                try:
                    return process.wait(self._heartbeat_s)
                except subprocess.TimeoutExpired:
                    if not stage.live:
                        self._say(f"    {stage.name}: {clock(time.monotonic() - began)}, newest line: {newest_line(log)}")
        except BaseException:
            stop(process)
            raise
        finally:
            with self._lock:
                del self._running[stage.name]

    def _remarks(self, stage: Stage, log: Path, rc: int) -> list[str]:
        """Return what the console shows of a stage's log when it ended: what it skipped, and all its end when it failed."""
        lines = log.read_text(errors="replace").splitlines()
        remarks = [f"    {stage.name}: {line}" for line in lines if line.startswith("SKIPPED")]
        if rc != 0 and not stage.live and not self._interrupted:
            remarks += [*(f"    | {line}" for line in lines[-TAIL_LINES:]), f"    whole log: {log}"]
        return remarks


def raise_on_signals() -> None:
    """Turn a polite kill into KeyboardInterrupt, so that it takes the same way out as ctrl-C.

    An interrupt is heard again, too, by this process and by the stages: a shell has what it begins in the background ignore it.
    """

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)


def succeeded(outcomes: Sequence[Outcome]) -> bool:
    """Say whether every stage ran and passed."""
    return all(outcome.rc == 0 for outcome in outcomes)


__all__ = ["Outcome", "Runner", "Stage", "raise_on_signals", "succeeded", "table"]

if __name__ == "__main__":
    sys.exit("stages.py is used by gates.py; run: make help")
