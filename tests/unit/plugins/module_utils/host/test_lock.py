# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock between real processes: who waits gets it, who waits too long is told by whom it is held, and a dead one holds nothing."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import lock
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.lock_holder import holding, told


class Clock:
    def __init__(self) -> None:
        self.time_s = 0.0

    def now(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "folder/lock")


@pytest.fixture
def other(path: str):
    """Return a process that holds the lock."""
    with holding(path) as process:
        yield process


def hold(path: str, clock: Clock, wait_s: float = 60.0, sleep=None) -> None:
    with lock.held(path, "this one", wait_s, "busy", clock.now, sleep or clock.sleep):
        pass


def test_who_waits_too_long_is_told_who_holds_it(path: str, other: subprocess.Popen) -> None:
    clock = Clock()
    with pytest.raises(TwostepError) as caught:
        hold(path, clock)
    who = told(other)
    assert (caught.value.code, caught.value.data) == ("busy", {"holder": who, "path": path})
    assert caught.value.message == f"{path} was held by {who} for the 60 s that were waited."
    assert caught.value.next_step == f"Wait until that has ended, then run again; fuser {path} shows the process."
    assert clock.time_s >= 60.0


def test_who_waits_gets_it(path: str, other: subprocess.Popen) -> None:
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        other.communicate("")

    hold(path, clock, sleep=sleep)
    assert 0.0 < clock.time_s < 60.0
    assert Path(path).read_text() == f"this one (process {os.getpid()})"


def test_one_that_is_killed_holds_nothing(path: str, other: subprocess.Popen) -> None:
    other.send_signal(signal.SIGKILL)
    other.wait()
    clock = Clock()
    hold(path, clock, 0.0)
    assert clock.time_s == 0.0


def test_it_is_free_again_after_a_failure(path: str) -> None:
    with pytest.raises(ValueError, match="inside"), lock.held(path, "a", 0.0, "busy"):
        raise ValueError("inside")
    hold(path, Clock(), 0.0)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def test_one_that_has_not_said_who_it_is(path: str) -> None:
    with lock.held(path, "a", 0.0, "busy"):
        os.truncate(path, 0)
        with pytest.raises(TwostepError, match="held by a process that has not said who it is for the 0 s"):
            hold(path, Clock(), 0.0)


def test_a_file_that_cannot_be_had(path: str, tmp_path: Path) -> None:
    os.makedirs(os.path.dirname(path))
    os.symlink(tmp_path / "elsewhere", path)
    with pytest.raises(TwostepError) as caught:
        hold(path, Clock())
    assert caught.value.code == "write_failed"
