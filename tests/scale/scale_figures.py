# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what came over ssh to figures for one host. Pure: no files, no clock, no processes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from statistics import mean
from typing import Any, Mapping, Sequence

ACT = "swap"  # the module that swaps, and later commits
# Above these the run fails. In the window are the swap, the look after it with the question for health, and the commit.
MOST_IN_WINDOW = 3
MOST_BYTES_PER_ROUND_TRIP = 4096
MOST_TASKS_PER_HOST = 20
# What sessions of the controller's own run, and not Ansible.
SESSIONS = ("health_program", "evidence_program", "look_program", "lease_program", "witness_program")
WITNESS = "witness_program"
_RECAP = re.compile(r"^(\S+) +: ok=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """One command that came to a host over ssh: a round trip."""

    host: str
    what: str
    began: float
    ended: float
    sent: int
    said: int
    rc: int


@dataclass(frozen=True)
class Cost:
    """What a playbook took on the controller, with the programs that it has started there."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def windows(commands: Sequence[Command]) -> dict[str, list[Command]]:
    """Return by host what came to it from its swap to its commit, both included; what it does as a witness of others is left out."""
    acts: dict[str, list[Command]] = {}
    for command in commands:
        if command.what == ACT:
            acts.setdefault(command.host, []).append(command)
    spans = {host: (min(one.began for one in found), max(one.ended for one in found)) for host, found in acts.items()}
    found: dict[str, list[Command]] = {host: [] for host in spans}
    for command in commands:
        first, last = spans.get(command.host, (1.0, 0.0))
        if first <= command.began <= last and command.what != WITNESS:
            found[command.host].append(command)
    return found


def summary(hosts: Sequence[str], commands: Sequence[Command], log: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a run, per host where the name says so.

    :param log: what ansible-playbook printed.
    """
    tasks = {host: int(count) for host, count in _RECAP.findall(log)}
    in_window = windows(commands)
    counts = [len(in_window.get(host, [])) for host in hosts]
    number = len(hosts)
    return {
        "upgraded": sum(node["outcome"] == "upgraded" for node in report["nodes"]),
        "waves": max(node["wave"] or 0 for node in report["nodes"]),
        # The first host of a wave has those that run once, too.
        "tasks_per_host": min(tasks[host] for host in hosts),
        "tasks_on_localhost": tasks.get("localhost", 0),
        "round_trips": len(commands),
        "round_trips_per_host": len(commands) / number,
        "by_ansible_per_host": sum(one.what not in SESSIONS for one in commands) / number,
        "in_window": {"least": min(counts), "most": max(counts), "what": dict(sorted(Counter(_words(in_window, hosts)).items()))},
        "window_s": mean(max(one.ended for one in found) - min(one.began for one in found) for found in in_window.values()),
        "result_bytes_per_host": sum(one.said for one in commands) / number,
        "failed_round_trips": sum(one.rc != 0 for one in commands),
        "sent_bytes_per_host": sum(one.sent for one in commands) / number,
        "by_what": {
            what: {"times": len(found), "said_bytes": round(mean(one.said for one in found)), "s": round(mean(_s(one) for one in found), 3)}
            for what in sorted({one.what for one in commands})
            for found in [[one for one in commands if one.what == what]]
        },
    }  # fmt: skip


def objections(figures: Mapping[str, Any]) -> list[str]:
    """Return what is above its bound; durations have none."""
    largest = max(one["said_bytes"] for one in figures["by_what"].values())
    found = (
        ("round trips to a host in its window", figures["in_window"]["most"], MOST_IN_WINDOW),
        ("bytes of results of one round trip", largest, MOST_BYTES_PER_ROUND_TRIP),
        ("tasks for each host", figures["tasks_per_host"], MOST_TASKS_PER_HOST),
        ("round trips that failed", figures["failed_round_trips"], 0),
    )
    return [f"{value:g} {what}, more than {most}" for what, value, most in found if value > most]


def _s(command: Command) -> float:
    return command.ended - command.began


def _words(in_window: Mapping[str, Sequence[Command]], hosts: Sequence[str]) -> list[str]:
    return [one.what for host in hosts for one in in_window.get(host, [])]


def page(made: Mapping[str, Any]) -> str:
    """Return the figures as people read them."""
    plan, figures, number = made["plan"], made["figures"], made["plan"]["hosts"]
    bare, upgrade = made["bare"], made["upgrade"]
    words = {word: round(times / number, 2) for word, times in figures["in_window"]["what"].items()}
    rows: list[tuple[str, object, object]] = [
        ("", "upgrade", "one ping"),
        ("wall seconds", f"{upgrade['wall_s']:.1f}", f"{bare['wall_s']:.1f}"),
        ("controller CPU seconds", f"{upgrade['cpu_s']:.1f}", f"{bare['cpu_s']:.1f}"),
        ("controller CPU seconds per host", f"{upgrade['cpu_s'] / number:.2f}", f"{bare['cpu_s'] / number:.2f}"),
        ("peak memory, MiB", f"{upgrade['peak_bytes'] / 2**20:.0f}", f"{bare['peak_bytes'] / 2**20:.0f}"),
        ("peak memory per host, KiB", f"{upgrade['peak_bytes'] / 1024 / number:.0f}", f"{bare['peak_bytes'] / 1024 / number:.0f}"),
        ("tasks per host, but for the first of each wave", figures["tasks_per_host"], 1),
        ("round trips per host", f"{figures['round_trips_per_host']:.1f}", 1),
        ("  of them by Ansible's connection", f"{figures['by_ansible_per_host']:.1f}", 1),
        ("  in the window, swap to commit", f"{figures['in_window']['least']} to {figures['in_window']['most']}", "-"),
        ("window, mean seconds", f"{figures['window_s']:.1f}", "-"),
        ("bytes of results per host", f"{figures['result_bytes_per_host']:.0f}", "-"),
        ("report.json, bytes per host", f"{made['files']['report.json'] / number:.0f}", "-"),
    ]
    head = (
        f"== {number} pretended hosts on {made['cpus']} CPU, which they share with the controller; {figures['waves']} waves of at most "
        f"{plan['wave_size']}; load {made['load']:.1f}"
    )
    settings = " ".join(f"{name}={value!r}" for name, value in made["ansible"].items())
    kinds = [
        (what, one["times"], f"{one['times'] / number:.2f}", one["said_bytes"], one["s"])
        for what, one in sorted(figures["by_what"].items(), key=lambda item: -item[1]["times"])
    ]
    return "\n".join(
        [
            head,
            f"   {settings}",
            "",
            *(f"{name:36}{value!s:>12}{other!s:>12}" for name, value, other in rows),
            "",
            f"in the window, per host: {', '.join(f'{word} {times:g}' for word, times in words.items())}",
            "",
            f"{'round trip':40}{'times':>8}{'per host':>10}{'bytes':>8}{'seconds':>9}",
            *(f"{what:40}{times:>8}{each:>10}{said:>8}{seconds:>9}" for what, times, each, said, seconds in kinds),
        ]
    )
