# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of figures: bench.json as text, and what in it is a failure. Pure, as figures.py is."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Callable

from figures import NS_PER_MS, milliseconds, ratio, steady, summary, table, too_dear, wrong_ticks

MS = ("n", "min", "median", "p90", "max")
PHASES = ("hold", "quiesce", "drain", "abandon", "adopt", "release")
KINDS = {"swap": "1.0.0 <-> 1.1.0", "same": "control: child for itself", "nothing": "control: no swap"}


def _steady(raw: list[dict[str, Any]]) -> str:
    rows = [
        (f"{one.lower} {one.size // 1024}k {one.kind} depth {one.depth}", f"{one.plain:.1f}", f"{one.parent:.1f}", f"{one.extra:+.1f}",
         f"{one.percent:+.2f} %", f"{one.spread:.1f}")
        for one in steady(raw)
    ]  # fmt: skip
    return table(("instructions per I/O (virtual time, no statement on concurrency)", "plain", "parent", "extra", "", "spread"), rows)


def _holds(raw: dict[str, Any]) -> str:
    base = summary(raw["undisturbed_ns"])
    ratios, phases = [], []
    for kind, label in KINDS.items():
        found = raw["series"][kind]
        seen = summary(one["blackout_ns"] for one in found)
        in_hold = summary(ratio(one["blackout_ns"], one["hold_ns"]) for one in found) if "hold_ns" in found[0] else None
        ratios.append(
            (label, f"{in_hold.median:.1f}" if in_hold else "", f"{in_hold.most:.1f}" if in_hold else "",
             f"{ratio(seen.median, base.p999):.2f}", f"{ratio(seen.most, base.p999):.2f}", sum(one["failed"] for one in found))
        )  # fmt: skip
        phases += [
            (f"{label}: {phase}", *milliseconds(one[f"{phase}_ns"] for one in found)) for phase in PHASES if f"{phase}_ns" in found[0]
        ]
        phases.append((f"{label}: blackout", *milliseconds(one["blackout_ns"] for one in found)))
        if "hold_ns" in found[0]:
            phases.insert(-1, (f"{label}: hold without drain", *milliseconds(one["hold_ns"] - one["drain_ns"] for one in found)))
    phases.append(("undisturbed read", *milliseconds(raw["undisturbed_ns"])))
    setting = raw["setting"]
    held = [one["held_requests"] for one in raw["series"]["swap"]]
    return "\n".join(
        [
            table(("handover, as ratios", "blackout/hold", "worst", "blackout/p99.9", "worst", "failed I/O"), ratios),
            "",
            table(("the same in ms, under emulation unless said otherwise", *MS), phases),
            (
                f"requests held per swap: median {summary(held).median:.0f}, most {max(held)}; "
                f"undisturbed p99.9 {base.p999 / NS_PER_MS:.3f} ms; load {setting['fio_iops']} IOPS of {setting['iops_alone']}"
            ),
        ]
    )


def _periods(raw: dict[str, Any]) -> str:
    fence = summary(raw["periods"]["fence_ns"]).median
    rows = [
        (name.removesuffix("_ns"), f"{ratio(summary(values).median, fence):.2f}", *milliseconds(values))
        for name, values in raw["periods"].items()
    ]
    return table(("until every CPU is known to have seen a change", "to the fence", *MS), rows)


def _compared(raw: dict[str, Any]) -> str:
    seen: dict[str, list[dict[str, int]]] = defaultdict(list)
    for block in raw["blocks"]:
        for one in block["seen"]:
            seen[one["what"]].append(one)
    base = summary(one["blackout_ns"] for one in seen["handover"]).median
    rows: list[tuple[object, ...]] = []
    for what, found in seen.items():
        ns = [one["blackout_ns"] for one in found]
        rows.append((what, f"{ratio(summary(ns).median, base):.2f}", *milliseconds(ns), sum(one["failed"] for one in found)))
    quiet = [value for block in raw["blocks"] for value in block["undisturbed_ns"]]
    rows.append(("undisturbed read", f"{ratio(summary(quiet).median, base):.2f}", *milliseconds(quiet), 0))
    return table(("blackout of the same probe, ms", "to handover", *MS, "failed I/O"), rows)


PAGES: dict[str, tuple[Callable[[Any], str], ...]] = {"steady": (_steady,), "swaps": (_holds, _periods), "compare": (_compared,)}


def page(found: dict[str, Any]) -> str:
    """Return all of bench.json's figures as text."""
    lines = []
    for run in found["runs"]:
        machine, load = run["environment"], run["host_load"]
        lines += [
            (
                f"== {run['name']}: {machine['kernel']}, {machine['cpus']} CPU, {machine['hypervisor']}"
                f"{', time counts instructions' if run['icount'] else ''}, mitigations={machine['mitigations']}, HZ={machine['hz']}, "
                f"host load {load['before']:.1f} to {load['after']:.1f} on {found['host']['cpus']} CPU"
            ),
            f"   {run['command']}",
            "",
        ]
        lines += [line for part in PAGES[run["name"]] for line in (part(run["result"]), "")]
    return "\n".join(lines)


def failures(found: dict[str, Any]) -> list[str]:
    """Say what must not be, whatever the machine: no time is judged here."""
    wrong = []
    for run in found["runs"]:
        result = run["result"]
        if run["name"] == "steady":
            wrong += wrong_ticks(result) or too_dear(steady(result))
            continue
        wrong += [f"{run['name']}: kernel log: {line}" for line in result["alarms"]]
        if run["name"] == "swaps":
            failed = {kind: sum(one["failed"] for one in values) for kind, values in result["series"].items()}
        else:
            failed = defaultdict(int)
            for one in (one for block in result["blocks"] for one in block["seen"] if not one["what"].startswith("cold")):
                failed[one["what"]] += one["failed"]
        wrong += [f"{run['name']}: {count} reads failed in {kind}" for kind, count in failed.items() if count]
    return wrong
