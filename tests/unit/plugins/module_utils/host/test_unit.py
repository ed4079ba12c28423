# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest, SwapResult
from ansible_collections.twostep.hotswap.plugins.module_utils.host import swap_folder, unit
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

NAME = "twostep-swap-data-1.service"
REQUEST = SwapRequest("data-1", "run", "data", "remap", "1.0.0", "1.1.0", 1, "t", path="/m.ko", module="m", old_module="o")
RESULT = SwapResult("data-1", "run", "data", "1.0.0", "1.1.0", "handover", "committed")


class Systemd:
    """Answers in the order given and keeps what was run."""

    def __init__(self, *answers: Result) -> None:
        self.answers = list(answers)
        self.calls: list[list[str]] = []

    def __call__(self, argv: list[str]) -> Result:
        self.calls.append(argv)
        return self.answers.pop(0)


class Clock:
    """Moves only by sleeping; `at` calls a function once that time has come."""

    def __init__(self, at: float = -1.0, then=None) -> None:
        self.now_s = 0.0
        self.at = at
        self.then = then

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.then and self.now_s >= self.at:
            self.then()
            self.then = None


@pytest.fixture
def paths(tmp_path) -> Paths:
    found = Paths(str(tmp_path))
    swap_folder.write_request(found, REQUEST)
    return found


def test_the_command() -> None:
    systemd = Systemd(Result(0, "", ""))
    unit.start(systemd, "/usr/bin/python3", "/usr/local/lib/twostep/agent-1.pyz", "data-1")
    assert systemd.calls == [
        ["systemd-run", "--quiet", "--collect", f"--unit={NAME}", "--description=Swap data-1 of twostep", "--property=Type=exec",
         "--property=UMask=0077", "--property=OOMScoreAdjust=-1000", "--property=LimitMEMLOCK=infinity",
         "/usr/bin/python3", "-I", "/usr/local/lib/twostep/agent-1.pyz", "swap", "data-1"]
    ]  # fmt: skip


def test_a_unit_that_does_not_start() -> None:
    with pytest.raises(TwostepError) as caught:
        unit.start(Systemd(Result(1, "", "Failed to connect to bus\n")), "python3", "/a", "data-1")
    assert caught.value.code == "unit_not_started"
    assert caught.value.message == f"systemd-run did not start {NAME}: Failed to connect to bus."
    assert caught.value.next_step == "Nothing was touched. Look at systemd on the host; it must run there as PID 1."


@pytest.mark.parametrize(
    ("state", "runs"), [("active", True), ("activating", True), ("deactivating", True), ("inactive", False), ("failed", False), ("", False)]
)
def test_is_it_running(state: str, runs: bool) -> None:
    systemd = Systemd(Result(0, f"{state}\n", ""))
    assert unit.is_running(systemd, "data-1") == runs
    assert systemd.calls == [["systemctl", "show", "--property=ActiveState", "--value", NAME]]


def test_not_knowing_is_an_error() -> None:
    with pytest.raises(TwostepError) as caught:
        unit.is_running(Systemd(Result(1, "", "no bus\n")), "data-1")
    assert caught.value.code == "no_systemd"
    assert caught.value.message == f"systemctl cannot tell whether {NAME} runs: no bus."
    assert caught.value.next_step == "Look at systemd on the host, then run again."


def test_an_id_is_checked_before_it_gets_into_a_name() -> None:
    with pytest.raises(TwostepError):
        unit.name("a b")


def test_a_result_that_is_there(paths: Paths) -> None:
    swap_folder.write_result(paths, RESULT)
    systemd = Systemd()
    clock = Clock()
    assert unit.wait(lambda: swap_folder.read_result(paths, "data-1"), systemd, "data-1", 10, clock.monotonic_s, clock.sleep) == RESULT
    assert clock.now_s == 0


def test_a_result_that_comes(paths: Paths) -> None:
    systemd = Systemd(*[Result(0, "active\n", "")] * 9)
    clock = Clock(2.0, lambda: swap_folder.write_result(paths, RESULT))
    assert unit.wait(lambda: swap_folder.read_result(paths, "data-1"), systemd, "data-1", 10, clock.monotonic_s, clock.sleep) == RESULT


def test_a_unit_that_vanishes(paths: Paths) -> None:
    systemd = Systemd(Result(0, "active\n", ""), Result(0, "inactive\n", ""))
    clock = Clock()
    assert unit.wait(lambda: swap_folder.read_result(paths, "data-1"), systemd, "data-1", 10, clock.monotonic_s, clock.sleep) is None
    assert len(systemd.calls) == 2


def test_a_result_that_is_written_while_systemd_is_asked(paths: Paths) -> None:
    def last_moment(_argv: list[str]) -> Result:
        swap_folder.write_result(paths, RESULT)
        return Result(0, "inactive\n", "")

    clock = Clock()
    assert unit.wait(lambda: swap_folder.read_result(paths, "data-1"), last_moment, "data-1", 10, clock.monotonic_s, clock.sleep) == RESULT


def test_waiting_is_bounded(paths: Paths) -> None:
    systemd = Systemd(*[Result(0, "active\n", "")] * 9)
    clock = Clock()
    with pytest.raises(TwostepError) as caught:
        unit.wait(lambda: swap_folder.read_result(paths, "data-1"), systemd, "data-1", 3, clock.monotonic_s, clock.sleep)
    assert caught.value.code == "still_running"
    assert caught.value.message == f"Swap data-1 has no result after 3 s; its unit {NAME} still runs."
    assert caught.value.next_step == "Run the same task again: it re-attaches to this swap."
    assert 3 <= clock.now_s < 3 + 2 * unit.POLL_S
