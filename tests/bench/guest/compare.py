# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to exchange what serves a device, seen by the same probe in the same boot on the same lower device. Prints JSON.

``compare.py PROGRAMS TIMES BLOCKS``. None of them starts a process while it is at work. The stacks take turns, in blocks.
"""

from __future__ import annotations

import json
import sys
import time

import bench
import kernel_module
import load
from dm import NOFLUSH, SKIP_LOCKFS, Linear
from openloop import CLOSE, CLOSED, READ, READING, Probe
from windows import Window, blackouts, undisturbed

PAUSE_S = 0.05
MARGIN_NS = 20_000_000


class Stack:
    """What is measured of one stack: windows while ``act`` was at work, and what the probe saw of them."""

    def __init__(self, programs: str, device: str, period_us: int) -> None:
        self.probe = Probe(programs, device, period_us)
        self.windows: list[Window] = []

    def act(self, what: str, action, *arguments: object) -> None:
        begun = time.monotonic_ns()
        action(*arguments)
        self.windows.append(Window(what, begun, time.monotonic_ns()))
        time.sleep(PAUSE_S)

    def result(self) -> dict:
        seen = [{"what": window.what, **saw} for window, saw in zip(self.windows, blackouts(self.probe.seen, self.windows))]
        return {"seen": seen, "undisturbed_ns": sorted(undisturbed(self.probe.seen, self.windows, MARGIN_NS))}


def two_step(slot: bench.Slot, version: str, image: bytes) -> None:
    old = slot.get("module")
    slot.set("swap", slot.line(version, mode="two_step", deadline_ms=5000, schema=1))
    kernel_module.remove(old)
    kernel_module.insert(image)
    bench.wait_until(lambda: slot.get("state") == "serving", "the new child serves")


def twostep(programs: str, period_us: int, times: int) -> dict:
    images = {version: (bench.MODULES / f"{bench.module_of(version)}.ko").read_bytes() for version in ("1.0.0", "1.1.0")}
    bench.start_parent()
    slot = bench.Slot(lower=load.LOWER)
    slot.swap("1.0.0")
    bench.run("udevadm", "settle")
    stack = Stack(programs, slot.device, period_us)
    with stack.probe:
        for number in range(times * 2):
            version = "1.1.0" if slot.get("version") == "1.0.0" else "1.0.0"
            if number % 2:
                stack.act("two_step", two_step, slot, version, images[version])
            else:
                bench.load(bench.module_of(version))
                stack.act("handover", slot.set, "swap", slot.line(version, deadline_ms=5000))
                slot.commit()
                bench.unload(bench.module_of("1.0.0" if version == "1.1.0" else "1.1.0"))
    slot.remove()
    for version in images:
        bench.unload(bench.module_of(version))
    bench.unload(bench.PARENT)
    return stack.result()


def device_mapper(programs: str, period_us: int, times: int) -> dict:
    bench.run("modprobe", "dm-mod")
    linear = Linear("measured", load.LOWER)
    bench.run("udevadm", "settle")
    stack = Stack(programs, linear.device, period_us)

    def usual() -> None:
        linear.suspend()
        linear.resume()

    with stack.probe:
        for number in range(times * 2):
            linear.load()
            if number % 2:
                stack.act("dm: suspend, resume", usual)
            else:
                stack.act("dm: resume, no flush", linear.resume, SKIP_LOCKFS | NOFLUSH)
    bench.run("udevadm", "settle")
    linear.remove()
    return stack.result()


def cold(programs: str, period_us: int, times: int) -> dict:
    image = (bench.MODULES / "plain_remap.ko").read_bytes()
    kernel_module.insert(image, f"lower={load.LOWER}")
    bench.run("udevadm", "settle")
    stack = Stack(programs, "/dev/plain_remap", period_us)

    def again() -> None:
        stack.probe.tell(CLOSE, CLOSED)
        kernel_module.remove("plain_remap")
        kernel_module.insert(image, f"lower={load.LOWER}")
        stack.probe.tell(READ, READING)

    with stack.probe:
        for _number in range(times):
            stack.act("cold: close, rmmod, insmod, open", again)
            bench.run("udevadm", "settle")
    bench.unload("plain_remap")
    return stack.result()


def main(programs: str, times: int, blocks: int) -> None:
    load.make_lower()
    period_us = load.period_us(load.requests_per_s(load.LOWER, 1))
    found = []
    for block in range(blocks):
        for name, how in (("twostep", twostep), ("device-mapper", device_mapper), ("plain", cold)):
            print(f"block {block + 1} of {blocks}: {name}", file=sys.stderr, flush=True)
            found.append({"block": block, "stack": name, **how(programs, period_us, times)})
    alarms = [line for line in bench.kernel_log().splitlines() if bench.ALARMS.search(line)]
    json.dump({"setting": {"probe_period_us": period_us, "lower": load.MODULE}, "alarms": alarms, "blocks": found}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
