# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long is a hold, and how long does an application see it? Prints JSON.

``swaps.py PROGRAMS SWAPS`` swaps 1.0.0 and 1.1.0 under load, each swap beside two controls: the child for itself, and
nothing at all. The grace periods that a parent could have waited for instead are measured under the same load.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

import bench
import load
from openloop import Probe
from windows import Window, blackouts, undisturbed

PHASES = ("hold_ns", "quiesce_ns", "drain_ns", "abandon_ns", "adopt_ns", "release_ns", "prepare_ns", "held_requests")
PERIODS = ("fence_ns", "rcu_ns", "rcu_expedited_ns", "srcu_ns", "srcu_expedited_ns", "freeze_ns")
PAUSE_S = 0.05
MARGIN_NS = 20_000_000


def handover(slot: bench.Slot, version: str) -> dict:
    """Swap; return when, and what the kernel says about it."""
    line = slot.line(version, deadline_ms=5000)
    begun = time.monotonic_ns()
    slot.set("swap", line)
    window = Window(f"to {version}", begun, time.monotonic_ns())
    found = {"window": window, **{name: slot.number(f"last_swap/{name}") for name in PHASES}}
    slot.commit()
    return found


def nothing() -> dict:
    begun = time.monotonic_ns()
    time.sleep(0.001)
    return {"window": Window("nothing", begun, time.monotonic_ns())}


def series(slot: bench.Slot, programs: str, period_us: int, swaps: int) -> dict:
    """Make ``swaps`` of each kind in turn, seen by the probe."""
    found: dict[str, list[dict]] = {"swap": [], "same": [], "nothing": []}
    with Probe(programs, slot.device, period_us) as probe:
        for number in range(swaps):
            if number % 20 == 0:
                print(f"swap {number} of {swaps}", file=sys.stderr, flush=True)
            version = slot.get("version")
            found["same"].append(handover(slot, version))
            time.sleep(PAUSE_S)
            found["swap"].append(handover(slot, "1.1.0" if version == "1.0.0" else "1.0.0"))
            time.sleep(PAUSE_S)
            found["nothing"].append(nothing())
            time.sleep(PAUSE_S)
    windows = sorted((one["window"] for kind in found.values() for one in kind), key=lambda window: window.begun_ns)
    saw = dict(zip(windows, blackouts(probe.seen, windows)))
    for kind in found.values():
        for one in kind:
            one.update(saw[one.pop("window")])
    return {"series": found, "undisturbed_ns": sorted(undisturbed(probe.seen, windows, MARGIN_NS))}


def periods() -> dict:
    bench.run("insmod", str(bench.MODULES / "grace_periods.ko"))
    values = pathlib.Path("/sys/module/grace_periods/parameters")
    found = {name: [int(value) for value in (values / name).read_text().split(",")] for name in PERIODS}
    bench.unload("grace_periods")
    return found


def main(programs: str, swaps: int) -> None:
    load.make_lower()
    bench.start_parent()
    slot = bench.Slot(lower=load.LOWER)
    slot.swap("1.0.0")
    bench.load(bench.module_of("1.1.0"))
    bench.run("udevadm", "settle")
    alone = {depth: load.requests_per_s(slot.device, depth) for depth in (1, 8)}
    rate, period_us = int(alone[8] * load.SHARE), load.period_us(alone[1])
    with load.fio(slot.device, rate):
        waited = periods()
        found = series(slot, programs, period_us, swaps)
    alarms = [line for line in bench.kernel_log().splitlines() if bench.ALARMS.search(line)]
    slot.remove()
    setting = {"iops_alone": alone, "fio_iops": rate, "probe_period_us": period_us, "lower": load.MODULE}
    json.dump({"setting": setting, "alarms": alarms, "periods": waited, **found}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
