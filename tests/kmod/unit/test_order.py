# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks between two logs: each goes red for the one thing that it is there for."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import order
import pytest
import replay
import stamps
import verdict
from history import PLAN, History


def run(path: Path, script: Callable[[History], Any]) -> History:
    history = History(path)
    script(history)
    return history


def honest(history: History) -> None:
    for round_ in range(6):
        history.write(0)
        history.write(1)
        history.log.mark(f"swap-{round_}")
        history.write(0)
        history.flush(0, 1)
        history.write(1, fua=True)


def checks(tmp_path: Path, below_script: Callable[[History], Any], above_script: Callable[[History], Any] = honest) -> dict[str, list[str]]:
    """Return what each check says of two histories."""
    with run(tmp_path / "above", above_script).save() as above_log, run(tmp_path / "below", below_script).save() as below_log:
        above, below = order.track("above", above_log, PLAN), order.track("below", below_log, PLAN)
        wrong, matched = order.check_order(above, below)
        replayed, looked = replay.check_every_point(below, below_log, matched)
        assert looked > 0
        assert above.problems == []
        return {"order": wrong + below.problems, "counts": order.check_counts(above, below), "replay": replayed}


def red(found: dict[str, list[str]]) -> set[str]:
    return {name for name, problems in found.items() if problems}


def variant(change: Callable[[History], Any]) -> Callable[[History], None]:
    """An honest history with something else in the place of its fourth round."""

    def script(history: History) -> None:
        for round_ in range(6):
            if round_ == 3:
                change(history)
                continue
            history.write(0)
            history.write(1)
            history.write(0)
            history.flush(0, 1)
            history.write(1, fua=True)

    return script


def test_the_same_is_fine(tmp_path: Path) -> None:
    assert red(checks(tmp_path, honest)) == set()


def test_more_flushes_than_asked_for_are_fine(tmp_path: Path) -> None:
    def eager(history: History) -> None:
        for thread in (0, 1, 0):
            history.write(thread)
            history.flush()
        history.flush(0, 1)
        history.write(1, fua=True)

    assert red(checks(tmp_path, variant(eager))) == set()


def test_a_merged_write_is_two(tmp_path: Path) -> None:
    history = History(tmp_path / "log")
    blocks = dict(history.block(0) for _write in range(40))
    start = min(at for at in blocks if at + stamps.BLOCK_BYTES in blocks)
    history.log.write(start, blocks[start] + blocks[start + stamps.BLOCK_BYTES])
    with history.save() as log:
        track = order.track("log", log, PLAN)
    assert (track.problems, len(track.place)) == ([], 2)


def test_a_lost_write_is_found(tmp_path: Path) -> None:
    def loses(history: History) -> None:
        history.write(0)
        history.write(1, lost=True)
        history.write(0)
        history.flush(0, 1)
        history.write(1, fua=True)

    found = checks(tmp_path, variant(loses))
    assert red(found) == {"order", "replay"}
    assert "was written above and not below" in found["order"][0]


def test_a_write_that_comes_after_its_flush_is_found(tmp_path: Path) -> None:
    def late(history: History) -> None:
        history.write(0)
        history.write(1)
        start_bytes, data = history.block(0)
        history.flush(0, 1)
        history.log.write(start_bytes, data)
        history.write(1, fua=True)

    assert red(checks(tmp_path, variant(late))) >= {"order"}


def test_a_swallowed_flush_is_found(tmp_path: Path) -> None:
    def swallows(history: History) -> None:
        history.write(0)
        history.write(1)
        history.write(0)
        history.flush(0, 1, lost=True)
        history.write(1, fua=True)

    found = checks(tmp_path, variant(swallows))
    assert red(found) == {"order", "counts"}  # this log has the writes in their places all the same
    assert found["counts"] == ["6 flushes above, 5 below"]


def test_a_flush_that_is_made_up_for_later_is_found(tmp_path: Path) -> None:
    """Their numbers are equal, but for a while a promise was not true."""

    def swallows(history: History) -> None:
        history.write(0)
        history.write(1)
        history.write(0)
        history.flush(0, 1, lost=True)
        history.write(1, fua=True)
        history.flush()

    found = checks(tmp_path, variant(swallows))
    assert red(found) >= {"order"}
    assert found["counts"] == []


def test_a_swallowed_fua_is_found(tmp_path: Path) -> None:
    def swallows(history: History) -> None:
        history.write(0)
        history.write(1)
        history.write(0)
        history.flush(0, 1)
        history.write(1, fua=True, swallow_fua=True)

    found = checks(tmp_path, variant(swallows))
    assert red(found) == {"order", "counts"}
    assert found["counts"] == ["6 FUA writes above, 5 below"]


def test_a_damaged_block_is_found(tmp_path: Path) -> None:
    def damages(history: History) -> None:
        for thread in (0, 1):
            history.write(thread)
        start_bytes, data = history.block(0)
        history.log.write(start_bytes, data[:512] + bytes(512) + data[1024:])
        history.flush(0, 1)
        history.write(1, fua=True)

    found = checks(tmp_path, variant(damages))
    assert {"order", "replay"} <= red(found)


def test_two_empty_logs_prove_nothing(tmp_path: Path) -> None:
    with run(tmp_path / "empty", lambda _history: None).save() as log:
        track = order.track("above", log, PLAN)
    assert order.check_counts(track, track) == ["above: nothing to compare: 0 flushes, 0 writes"]


def cut_after(history: History, tmp_path: Path, acknowledged: dict[int, int]) -> verdict.Cut:
    history.save()
    return verdict.Cut(PLAN, Path(history.log.path), PLAN.all_blocks * stamps.BLOCK_BYTES, max(history.number), acknowledged)


@pytest.mark.parametrize("seed", range(5))
def test_a_power_cut_may_take_what_was_not_flushed(tmp_path: Path, seed: int) -> None:
    history = run(tmp_path / "log", honest)
    acknowledged = dict(enumerate(history.promise))
    for _write in range(4):
        history.write(0)
        history.write(1)
    wrong, looked = verdict.judge(cut_after(history, tmp_path, acknowledged), tmp_path / "image", seed, 10)
    assert wrong == []
    assert "control: " in looked


def test_a_power_cut_may_not_take_what_was_acknowledged(tmp_path: Path) -> None:
    history = run(tmp_path / "log", honest)
    history.write(0)
    history.flush(0, lost=True)
    wrong, _looked = verdict.judge(cut_after(history, tmp_path, dict(enumerate(history.promise))), tmp_path / "image", 1, 10)
    assert [problem for problem in wrong if problem.startswith("up to the last flush")]


def test_of_an_unflushed_cache_some_is_lost_and_some_is_not(tmp_path: Path) -> None:
    history = History(tmp_path / "log")
    history.write(0)
    history.flush(0)
    for _write in range(30):
        history.write(1)
    with history.save() as log:
        chosen = [entry.index for entry in replay.after_a_cut(log, len(log.entries) - 1, random.Random(1))]
    assert chosen[:2] == [0, 1]
    assert 2 < len(chosen) < 32
