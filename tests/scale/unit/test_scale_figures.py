# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted of a scale run, and what is too much of it."""

from __future__ import annotations

from typing import Any

import pytest
from scale_figures import MOST_IN_WINDOW, Command, objections, page, summary, windows

LOG = "PLAY RECAP ***\nlocalhost : ok=20 changed=1\nn1 : ok=30 changed=2\nn2                 : ok=12   changed=2\n"
REPORT: dict[str, Any] = {"nodes": [{"outcome": "upgraded", "wave": 1}, {"outcome": "upgraded", "wave": 2}]}


def command(host: str, what: str, began: float, said: int = 100, rc: int = 0) -> Command:
    return Command(host, what, began, began + 1, 1000, said, rc)


def wave(host: str, at: float) -> list[Command]:
    """Return what comes to a host: before its window, in it, and after it."""
    return [command(host, "health_program", at), *(command(host, what, at + 10 * step) for step, what in enumerate(
        ("swap", "look_program", "witness_program", "swap"), 1)), command(host, "health_program", at + 50)]  # fmt: skip


def test_a_window_is_from_the_swap_to_the_commit_without_what_is_done_for_others() -> None:
    found = windows([*wave("n1", 0), *wave("n2", 100)])
    assert {host: [one.what for one in commands] for host, commands in found.items()} == {
        host: ["swap", "look_program", "swap"] for host in ("n1", "n2")
    }


def figures(*more: Command) -> dict[str, Any]:
    return summary(["n1", "n2"], [*wave("n1", 0), *wave("n2", 100), *more], LOG, REPORT)


def test_figures_are_for_one_host() -> None:
    found = figures()
    assert (found["upgraded"], found["waves"], found["tasks_per_host"], found["round_trips_per_host"]) == (2, 2, 12, 6.0)
    assert found["in_window"] == {"least": 3, "most": 3, "what": {"look_program": 2, "swap": 4}}
    assert (found["window_s"], found["by_ansible_per_host"], found["result_bytes_per_host"]) == (31.0, 2.0, 600.0)
    assert objections(found) == []


@pytest.mark.parametrize(
    ("more", "objection"),
    [
        (
            [command("n1", "health_info", 15 + step) for step in range(2)],
            f"5 round trips to a host in its window, more than {MOST_IN_WINDOW}",
        ),
        ([command("n1", "setup", 200, said=100_000)], "100000 bytes of results of one round trip, more than 4096"),
        ([command("n1", "setup", 200, rc=1)], "1 round trips that failed, more than 0"),
    ],
)
def test_what_is_too_much_is_an_objection(more: list[Command], objection: str) -> None:
    assert objections(figures(*more)) == [objection]


def test_more_tasks_for_each_host_are_an_objection() -> None:
    assert objections({**figures(), "tasks_per_host": 21}) == ["21 tasks for each host, more than 20"]


def test_a_host_without_a_window_is_seen() -> None:
    assert summary(["n1", "n2"], wave("n1", 0), LOG, REPORT)["in_window"]["least"] == 0


def test_the_page_tells_both_playbooks() -> None:
    cost = {"wall_s": 20.0, "cpu_s": 8.0, "peak_bytes": 1 << 20}
    made = {
        "plan": {"hosts": 2, "wave_size": 1}, "cpus": 2, "load": 0.5, "ansible": {"ANSIBLE_FORKS": "25"},
        "files": {"report.json": 500}, "bare": {**cost, "cpu_s": 1.0}, "upgrade": cost, "figures": figures(),
    }  # fmt: skip
    lines = page(made).splitlines()
    assert lines[0].startswith("== 2 pretended hosts on 2 CPU")
    assert next(line.split()[-2:] for line in lines if line.startswith("controller CPU seconds per host")) == ["4.00", "0.50"]
    assert "in the window, per host: look_program 1, swap 2" in lines
