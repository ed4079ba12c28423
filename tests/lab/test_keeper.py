# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing survives: with real processes in the place of machines."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import keeper, machine

LAB = Path(__file__).resolve().parents[2] / "molecule"
LIMIT_S = 20.0
CHILD = "echo $$ >&2; exec sleep 1000"


class Stand:
    """An owner, its keeper, and what the keeper started."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.runtime = folder / "r"
        self.state.mkdir()
        self.runtime.mkdir()
        self.owner = subprocess.Popen(["sleep", "1000"])
        self.keeper: subprocess.Popen[bytes] | None = None

    def start(self, *scripts: str) -> bytes:
        """Start a keeper of these children; return its first line."""
        machines = [{"argv": ["sh", "-c", script, "sh", "fd=FD"], "qmp": f"{self.runtime}/{i}"} for i, script in enumerate(scripts)]
        plan = {"switch": None, "machines": machines, "placeholder": "FD", "remove": [str(self.runtime)]}
        (self.state / "commands.json").write_text(json.dumps(plan))
        self.keeper = subprocess.Popen(
            [sys.executable, "-m", "lab.keeper", str(self.state), str(self.owner.pid)],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(LAB)},
        )  # fmt: skip
        assert self.keeper.stdout is not None
        with self.keeper.stdout as answers:
            return answers.readline()

    def children(self) -> list[int]:
        """Return handles of the keeper's children."""
        assert self.keeper is not None
        tasks = Path(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children").read_text().split()
        return [os.pidfd_open(int(pid)) for pid in tasks]

    def end(self) -> None:
        for process in (self.owner, self.keeper):
            if process is not None:
                process.kill()
                process.wait()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path)
    yield made
    made.end()


def all_end(handles: list[int]) -> bool:
    """Wait until all processes have ended; say whether they did."""
    return all(select.select([handle], [], [], LIMIT_S)[0] for handle in handles)


def test_children_end_with_the_owner(stand: Stand) -> None:
    assert stand.start(CHILD, CHILD) == b"ready\n"
    handles = stand.children()
    assert len(handles) == 2
    stand.owner.kill()
    stand.owner.wait()
    assert all_end(handles)
    assert stand.keeper is not None
    assert stand.keeper.wait(LIMIT_S) == 0
    assert not stand.runtime.exists()
    assert f"the owner, process {stand.owner.pid}, ended" in (stand.state / "keeper.log").read_text()


def test_children_end_when_told(stand: Stand) -> None:
    stand.start(CHILD)
    handles = stand.children()
    assert stand.keeper is not None
    stand.keeper.terminate()
    assert all_end(handles)
    assert stand.keeper.wait(LIMIT_S) == 0
    assert not stand.runtime.exists()


def test_children_end_with_a_killed_keeper(stand: Stand) -> None:
    stand.start(CHILD)
    handles = stand.children()
    assert len(handles) == 1
    assert stand.keeper is not None
    stand.keeper.send_signal(signal.SIGKILL)
    assert all_end(handles)


def test_a_failed_machine_ends_the_fleet_and_says_so(stand: Stand) -> None:
    stand.start("exit 3", CHILD)
    assert stand.keeper is not None
    assert stand.keeper.wait(LIMIT_S) == 0
    assert "sh ended with 3" in (stand.state / "keeper.log").read_text()


@pytest.mark.parametrize(("script", "problems"), [("exit 0", []), ("exit 3", ["sh ended with 3"]), ("kill -KILL $$", ["sh ended with -9"])])
def test_a_machine_that_was_switched_off_has_not_failed(script: str, problems: list[str]) -> None:
    ended = subprocess.Popen(["sh", "-c", script])
    ended.wait()
    made = keeper.Keeper(None)
    made.children.append(ended)
    assert made.failed() == problems


def cut(stand: Stand, number: int) -> None:
    # A machine's process is known by its disks; what stands for one here sleeps 1000 s.
    machine.cut_power(machine.Machine(name="n1", disks="1000", qmp=f"{stand.runtime}/{number}", console="", switch=""))


def test_a_machine_without_power_is_gone_and_the_others_stay(stand: Stand) -> None:
    stand.start(CHILD, CHILD)
    first, second = stand.children()
    cut(stand, 0)
    assert select.select([first], [], [], 0)[0]
    assert stand.keeper is not None
    with pytest.raises(subprocess.TimeoutExpired):
        stand.keeper.wait(0.5)
    assert not select.select([second], [], [], 0)[0]
    with pytest.raises(SystemExit, match=r"n1 does not run.*Next: "):
        cut(stand, 0)


def test_only_the_machine_s_own_process_is_killed(stand: Stand) -> None:
    stand.start(CHILD)
    (handle,) = stand.children()
    other = machine.Machine(name="n1", disks="/another/fleet/disks/n1", qmp=f"{stand.runtime}/0", console="", switch="")
    with pytest.raises(SystemExit, match="does not run"):
        machine.cut_power(other)
    assert not select.select([handle], [], [], 0)[0]


def test_no_owner_no_fleet(stand: Stand) -> None:
    stand.owner.kill()
    stand.owner.wait()
    assert stand.start(CHILD) == b""
    assert "is not there" in (stand.state / "keeper.log").read_text()


def test_a_program_that_is_not_there_is_said(stand: Stand) -> None:
    plan = {"switch": ["/nonexistent/switch"], "machines": [], "placeholder": "FD", "remove": []}
    (stand.state / "commands.json").write_text(json.dumps(plan))
    done = subprocess.run(
        [sys.executable, "-m", "lab.keeper", str(stand.state), str(stand.owner.pid)],
        capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(LAB)},
    )  # fmt: skip
    assert done.stdout == b""
    assert "/nonexistent/switch" in (stand.state / "keeper.log").read_text()


def test_a_monitor_can_be_connected_to_before_its_machine_runs(stand: Stand) -> None:
    stand.start(CHILD)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{stand.runtime}/0")
