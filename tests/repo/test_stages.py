# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage runner: order, first failure, table, heartbeat, interruption."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import stages
from stages import Outcome, Runner, Stage


def run_one(stage: Stage, logs: Path, out: io.StringIO, heartbeat_s: float = 60.0) -> int | None:
    (outcome,) = Runner(logs, out, heartbeat_s=heartbeat_s).run([stage])
    return outcome.rc


def python(name: str, code: str) -> Stage:
    return Stage(name, [sys.executable, "-c", code])


def test_stages_run_in_order_and_stop_at_the_first_failure(tmp_path: Path) -> None:
    wanted = [python("one", ""), python("two", "raise SystemExit(3)"), python("three", "")]
    outcomes = Runner(tmp_path, io.StringIO()).run(wanted)
    assert [(outcome.name, outcome.rc) for outcome in outcomes] == [("one", 0), ("two", 3), ("three", None)]
    assert not (tmp_path / "three.log").exists()
    assert not stages.succeeded(outcomes)


def test_all_run_when_asked_to_keep_going_and_the_failure_still_counts(tmp_path: Path) -> None:
    wanted = [python("bad", "raise SystemExit(1)"), python("good", "")]
    outcomes = Runner(tmp_path, io.StringIO(), keep_going=True).run(wanted)
    assert [outcome.rc for outcome in outcomes] == [1, 0]
    assert not stages.succeeded(outcomes)


def test_the_table_has_a_line_per_stage_the_total_and_what_was_not_run() -> None:
    lines = stages.table(
        [Outcome("a", 0, 1.5), Outcome("long name", 2, 120.0), Outcome("c", None, 0.0), Outcome("d", None, 0.0)], 90.0
    ).splitlines()
    assert [line.split() for line in lines] == [
        ["a", "1.5", "s", "ok"],
        ["long", "name", "2", "min", "00", "s", "FAILED", "(2)"],
        ["total", "1", "min", "30", "s"],
        ["not", "run:", "c,", "d"],
    ]


MOLECULE = """\
fatal: [n1]: FAILED! => an earlier one that was rescued
\x1b[0;31m  \x1b[0m\u2502 \x1b[31mfatal: [n1]: FAILED! => {"changed": false, "msg": "the last one\x1b[0m
\x1b[2m  \u2502   goes on"}\x1b[0m
  \u2502
  \u2514\u2500\u2500\u2500
"""


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (MOLECULE, ['fatal: [n1]: FAILED! => {"changed": false, "msg": "the last one', 'goes on"}']),
        ("first\nsecond\n", ["first", "second"]),
        ("".join(f"line {number}\n" for number in range(100)), [f"line {number}" for number in range(86, 100)]),
        ("", []),
    ],
)
def test_what_failed_is_told_again_at_the_end(tmp_path: Path, log: str, told: list[str]) -> None:
    (tmp_path / "log").write_text(log, encoding="utf-8")
    assert stages.symptoms(tmp_path / "log") == told
    below = "".join(f"\n  | {line}" for line in told)
    assert stages.table([Outcome("bad", 2, 1.0, told)], 2.0).endswith(f"  2.0 s{chr(10)}bad:{below}" if told else "  2.0 s")


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (60.0, "1 min 00 s"), (3725.0, "62 min 05 s")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert stages.clock(seconds) == text


def test_a_stage_s_output_is_in_its_log_and_its_environment_is_set(tmp_path: Path) -> None:
    stage = Stage("a stage", [sys.executable, "-c", "import os; print(os.environ['X'])"], {"X": "marker"})
    assert run_one(stage, tmp_path, io.StringIO()) == 0
    assert (tmp_path / "a-stage.log").read_text() == "marker\n"


def test_a_failed_stage_shows_the_end_of_its_log(tmp_path: Path) -> None:
    out = io.StringIO()
    assert run_one(python("bad", "print('the reason'); raise SystemExit(7)"), tmp_path, out) == 7
    assert "| the reason" in out.getvalue()
    assert "FAILED (7)" in out.getvalue()


def test_what_a_stage_skipped_is_shown(tmp_path: Path) -> None:
    out = io.StringIO()
    assert run_one(python("good", "print('noise'); print('SKIPPED: x: no y here')"), tmp_path, out) == 0
    assert "good: SKIPPED: x: no y here" in out.getvalue()
    assert "noise" not in out.getvalue()


def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    out = io.StringIO()
    assert run_one(Stage("gone", [str(tmp_path / "no-such-program")]), tmp_path, out) == 127
    assert "no-such-program" in out.getvalue()


def test_a_long_stage_shows_that_it_lives(tmp_path: Path) -> None:
    class Released(io.StringIO):
        """Lets the stage end only once its heartbeat was seen."""

        def write(self, text: str) -> int:
            if "newest line: waiting here" in text:
                (tmp_path / "go").touch()
            return super().write(text)

    seen = f"pathlib.Path({str(tmp_path / 'go')!r}).exists()"
    code = f"import pathlib, time\nprint('waiting here', flush=True)\nwhile not {seen}: time.sleep(0.01)"
    assert run_one(python("slow", code), tmp_path, Released(), heartbeat_s=0.05) == 0


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("", "no output yet"),
        ("one\ntwo words\n\n", "two words"),
        ("\x1b[2mTASK [Build]\x1b[0m\n ***********\n", "TASK [Build]"),
    ],
)
def test_the_newest_line_says_something(tmp_path: Path, log: str, told: str) -> None:
    (tmp_path / "log").write_text(log)
    assert stages.newest_line(tmp_path / "log") == told


def test_a_live_stage_speaks_for_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    stage = Stage("demo", [sys.executable, "-c", "print('result: succeeded')"], live=True)
    assert run_one(stage, tmp_path, out) == 0
    assert capfd.readouterr().out == "result: succeeded\n"
    assert "newest line" not in out.getvalue()


@pytest.fixture
def heard() -> Iterator[None]:
    """Have this process hear an interrupt, though whoever began it in the background had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_an_interrupted_stage_may_clean_up(tmp_path: Path) -> None:
    class Interrupting(io.StringIO):
        """Plays the person at the keyboard, once the stage has begun its work."""

        def write(self, text: str) -> int:
            if "newest line: working" in text:
                os.kill(os.getpid(), signal.SIGINT)
            return super().write(text)

    code = (
        "import pathlib, signal, threading\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n    print('working', flush=True); threading.Event().wait()\n"
        f"finally:\n    pathlib.Path({str(tmp_path / 'cleaned')!r}).touch()\n"
    )
    with pytest.raises(KeyboardInterrupt):
        run_one(python("endless", code), tmp_path, Interrupting(), heartbeat_s=0.05)
    assert (tmp_path / "cleaned").exists()
    assert threading.active_count() == 1


def test_two_stages_run_beside_each_other(tmp_path: Path) -> None:
    meet = "import pathlib, time\npathlib.Path({mine!r}).touch()\nwhile not pathlib.Path({other!r}).exists(): time.sleep(0.01)"
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    wanted = [python("a", meet.format(mine=one, other=two)), python("b", meet.format(mine=two, other=one))]
    outcomes = Runner(tmp_path / "logs", io.StringIO(), workers=2).run(wanted)
    assert [(outcome.name, outcome.rc) for outcome in outcomes] == [("a", 0), ("b", 0)]
