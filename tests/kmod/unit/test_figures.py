# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures: what is made of raw values, and what of them is a failure."""

from __future__ import annotations

from typing import Any

import pytest
from figures import median_cost, rank, ratio, steady, summary, table, too_dear, wrong_ticks
from told import failures, page

MACHINE = {"kernel": "6.1.0", "cpus": 1, "hypervisor": "QEMU, emulated (TCG)", "mitigations": "off", "hz": 250}


def raw(variant: str, instructions: int, lower: str = "null_blk", depth: int = 1, known_ticks: int = 400) -> dict[str, Any]:
    """Return one measurement whose median batch costs ``instructions`` per I/O."""
    ticks = 2 * depth * instructions
    costs = [[ticks - 2, 1], [ticks, 2], [9 * ticks, 1]]
    known = {"known_instructions": 200, "known_ticks": known_ticks}
    return {"lower": lower, "variant": variant, "kind": "read", "bytes": 4096, "depth": depth, "costs": costs, **known}


def test_a_rank_is_a_value_that_was_measured() -> None:
    assert [rank([1, 2, 3, 4], share) for share in (0.0, 0.25, 0.5, 0.51, 1.0)] == [1, 1, 2, 3, 4]


def test_no_value_is_left_out_of_a_summary() -> None:
    told = summary([1000, *range(1, 100)])
    assert (told.number, told.least, told.median, told.p90, told.most) == (100, 1, 50, 90, 1000)


def test_a_ratio_to_nothing_is_infinite() -> None:
    assert (ratio(3, 2), ratio(3, 0)) == (1.5, float("inf"))


def test_the_median_of_counted_values() -> None:
    assert median_cost([[10, 1], [20, 1], [30, 5]]) == 30
    assert median_cost([[10, 2], [20, 2]]) == 10
    with pytest.raises(ValueError, match="no values"):
        median_cost([])


@pytest.mark.parametrize("depth", [1, 32])
def test_a_parent_s_cost_is_per_request_and_in_instructions(depth: int) -> None:
    (found,) = steady([raw("plain", 1000, depth=depth), raw("parent", 1010, depth=depth), raw("parent", 1014, depth=depth)])
    assert (found.plain, found.parent, found.extra, found.percent, found.spread) == (1000, 1012, 12, 1.2, 4)


@pytest.mark.parametrize(("parent", "count"), [(1010, 0), (1011, 1)])
def test_more_than_one_percent_is_too_dear(parent: int, count: int) -> None:
    found = too_dear(steady([raw("plain", 1000), raw("parent", parent)]))
    assert len(found) == count


@pytest.mark.parametrize(("deeper", "count"), [(1006, 0), (1007, 1)])
def test_the_mean_of_the_workloads_is_judged(deeper: int, count: int) -> None:
    workloads = [raw("plain", 1000), raw("parent", 1014), raw("plain", 1000, depth=32), raw("parent", deeper, depth=32)]
    assert len(too_dear(steady(workloads))) == count


def test_the_shortest_path_alone_is_judged() -> None:
    assert too_dear(steady([raw("plain", 1000, "virtio"), raw("parent", 1100, "virtio")])) == []


@pytest.mark.parametrize(("ticks", "count"), [(400, 0), (401, 1), (399, 1)])
def test_a_clock_that_does_not_count_instructions_is_found_out(ticks: int, count: int) -> None:
    assert len(wrong_ticks([raw("plain", 1000, known_ticks=ticks)])) == count


def run_of(name: str, result: Any) -> dict[str, Any]:
    load = {"before": 1.0, "after": 2.0}
    one = {"name": name, "command": "the command", "icount": name == "steady", "environment": MACHINE, "host_load": load, "result": result}
    return {"host": {"cpus": 2}, "runs": [one]}


def compared(failed: int, what: str, alarms: list[str]) -> dict[str, Any]:
    seen = [{"what": "handover", "blackout_ns": 2_000_000, "failed": 0}, {"what": what, "blackout_ns": 9_000_000, "failed": failed}]
    return run_of("compare", {"alarms": alarms, "blocks": [{"seen": seen, "undisturbed_ns": [1_000_000]}]})


def test_a_parent_that_is_too_dear_fails_the_run() -> None:
    assert failures(run_of("steady", [raw("plain", 1000), raw("parent", 1010)])) == []
    (told,) = failures(run_of("steady", [raw("plain", 1000), raw("parent", 1020)]))
    assert "2.00 % of the ordinary driver's instructions, more than 1.0 %" in told


def test_a_clock_that_is_wrong_is_told_instead_of_figures() -> None:
    (told, _other) = failures(run_of("steady", [raw("plain", 1000, known_ticks=500), raw("parent", 2000, known_ticks=500)]))
    assert "an instruction takes 2.5000 ticks" in told


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (compared(0, "two_step", []), []),
        (compared(3, "two_step", []), ["compare: 3 reads failed in two_step"]),
        (compared(3, "cold: close, rmmod, insmod, open", []), []),
        (compared(0, "two_step", ["BUG: x"]), ["compare: kernel log: BUG: x"]),
    ],
)
def test_reads_fail_in_a_cold_upgrade_only(found: dict[str, Any], told: list[str]) -> None:
    assert failures(found) == told


def test_every_page_says_what_it_was_measured_on() -> None:
    text = page(compared(0, "two_step", []))
    assert "6.1.0, 2 CPU" not in text
    assert "6.1.0, 1 CPU, QEMU, emulated (TCG), mitigations=off, HZ=250, host load 1.0 to 2.0 on 2 CPU" in text
    (row,) = [line.split() for line in text.splitlines() if line.startswith("two_step")]
    assert row == ["two_step", "4.50", "1", "9.000", "9.000", "9.000", "9.000", "0"]


def test_a_table_has_its_names_to_the_left() -> None:
    assert table(("a", "bb"), [("long", 1)]) == "a     bb\n--------\nlong   1"
