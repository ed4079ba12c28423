# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's names, and what ending one may touch."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lab import fleet


@pytest.mark.parametrize("names", [["n1"], ["n1", "n2", "n3"], [f"n{number}" for number in range(1, 17)]])
def test_good_names(names: list[str]) -> None:
    fleet.check_names(names)


@pytest.mark.parametrize(
    "names", [[], [""], ["n1", "n1"], ["../n1"], ["n1 n2"], ["-n"], ["N1"], ["n" * 17], [f"n{number}" for number in range(17)]]
)
def test_bad_names_are_refused(names: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"bad node names.*Next: "):
        fleet.check_names(names)


def fill(state: Path, keeper: int, runtime: Path) -> None:
    (state / "disks/n1").mkdir(parents=True)
    runtime.mkdir()
    (state / "n1.console").write_text("log")
    (state / "keeper.log").write_text("log")
    (state / "fleet.json").write_text(json.dumps({"keeper": keeper, "remove": [str(runtime)], "machines": []}))


def gone() -> int:
    """Return the number of a process that has ended."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_down_cleans_up_after_a_keeper_that_was_killed(tmp_path: Path) -> None:
    state, runtime, logs = tmp_path / "state", tmp_path / "runtime", tmp_path / "logs"
    fill(state, gone(), runtime)
    fleet.down(state, logs)
    assert not state.exists()
    assert not runtime.exists()
    assert sorted(path.name for path in logs.iterdir()) == ["keeper.log", "n1.console"]


def test_the_logs_of_a_failed_attempt_are_kept_too(tmp_path: Path) -> None:
    state, logs = tmp_path / "state", tmp_path / "logs"
    (state / fleet.FAILED).mkdir(parents=True)
    (state / fleet.FAILED / "n1.console").write_text("panic")
    fleet.down(state, logs)
    assert (logs / "n1.console").read_text() == "panic"
    assert not state.exists()


def test_down_leaves_what_is_not_the_fleets(tmp_path: Path) -> None:
    state = tmp_path / "state"
    fill(state, gone(), tmp_path / "runtime")
    (state / "mine.txt").write_text("mine")
    fleet.down(state)
    assert [path.name for path in state.iterdir()] == ["mine.txt"]


def test_down_twice_is_fine(tmp_path: Path) -> None:
    fleet.down(tmp_path / "nothing")


def test_a_process_that_got_the_keepers_number_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path / "state", os.getpid(), tmp_path / "runtime")
    fleet.down(tmp_path / "state")  # would have sent us SIGTERM


def test_the_owner_is_the_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOSTEP_LAB_OWNER", "4711")
    assert fleet.owner() == 4711
    monkeypatch.delenv("TWOSTEP_LAB_OWNER")
    assert fleet.owner() == os.getppid()


def test_no_fleet_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no fleet in .*Next: "):
        fleet.load(tmp_path)
