# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session passes on its command's status and lets nothing of it live."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import session

MOLECULE = Path(__file__).resolve().parents[2] / "molecule"
PATIENT = """
import signal, sys
def told(*_):
    print("told", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, told)
print("ready", flush=True)
signal.pause()
"""
LEAVE = "import os, subprocess, sys; print(subprocess.Popen(['sleep', '1000'], stdout=subprocess.DEVNULL).pid, file=open(sys.argv[1], 'w'))"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Give the signal handlers back that a session takes."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 128 + signal.SIGTERM)])
def test_the_status_is_the_commands(script: str, status: int) -> None:
    assert session.run(["sh", "-c", script]) == status


def test_the_command_knows_its_session(tmp_path: Path) -> None:
    assert session.run(["sh", "-c", f"echo $TWOSTEP_LAB_OWNER > {tmp_path}/owner"]) == 0
    assert int((tmp_path / "owner").read_text()) == os.getpid()


def test_what_survives_is_an_error_and_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "GRACE_S", 0.0)
    assert session.run([sys.executable, "-c", LEAVE, str(tmp_path / "pid")]) == session.SURVIVED
    assert "survived the session: sleep 1000" in capsys.readouterr().err
    try:
        handle = os.pidfd_open(int((tmp_path / "pid").read_text()))
    except ProcessLookupError:
        return
    assert select.select([handle], [], [], 20.0)[0]


def test_a_command_that_is_not_there_is_said() -> None:
    with pytest.raises(SystemExit, match=r"cannot run /nonexistent.*Next: "):
        session.run(["/nonexistent"])


def test_a_polite_end_reaches_the_command() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "session", "--", sys.executable, "-c", PATIENT],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(MOLECULE)},
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout as answers:
        assert answers.readline() == "ready\n"
        process.terminate()
        assert answers.readline() == "told\n"
    assert process.wait(60) == 7
