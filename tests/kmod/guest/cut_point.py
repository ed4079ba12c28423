# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a slot under load to a named phase of a swap and stays there, for the host to cut the power.

``cut_point.py PHASE DEVICE GENERATION`` says ``at PHASE held`` (no I/O passes) or ``at
PHASE flows`` when it is there. Meanwhile the stamp writer works on the slot;
its input and output are this program's.
"""

from __future__ import annotations

import errno
import os
import pathlib
import subprocess
import sys
import threading
import time
from typing import Callable

import bench
import sandwich

HOLD_MS = 10000  # the longest: whoever cuts has that much time
WRITES_BEFORE = 300  # so many reached the child before the swap
BROKEN = "9.1.0"


def mode(name: str) -> None:
    """Tell the broken child how to fail."""
    bench.load(bench.module_of(BROKEN))
    pathlib.Path(f"/sys/module/{bench.module_of(BROKEN)}/parameters/mode").write_text(name)


class Ask(threading.Thread):
    """Somebody who asks for a swap, and may wait for ever."""

    def __init__(self, slot: bench.Slot, version: str, expected: int = 0, **words: object) -> None:
        super().__init__(daemon=True)
        self.slot, self.version, self.expected, self.words = slot, version, expected, words
        bench.load(bench.module_of(version))
        self.start()

    def run(self) -> None:
        answer = 0
        try:
            self.slot.swap(self.version, **self.words)
        except OSError as refused:
            answer = refused.errno or 0
        if answer != self.expected:
            print(f"error: the swap ended with {os.strerror(answer)}", flush=True)


def held_and_drained(slot: bench.Slot) -> bool:
    return slot.get("state") == "held" and slot.get("inflight") == "0"


def prepare(slot: bench.Slot) -> str:
    """The candidate is being prepared, the old child serves."""
    mode("prepare_hang")
    Ask(slot, BROKEN)
    bench.wait_until(lambda: slot.get("last_swap/result") == "running", "the swap")
    return "flows"


def drain(slot: bench.Slot) -> str:
    """The slot is held; requests that the disk does not answer are still in the old child."""
    bench.run("dmsetup", "suspend", "--noflush", "--nolockfs", "disk")
    bench.wait_until(lambda: slot.get("inflight") != "0", "a request in the child")
    Ask(slot, "1.1.0", deadline_ms=HOLD_MS)
    bench.wait_until(lambda: slot.get("state") == "held", "the hold")
    return "held"


def abandon(slot: bench.Slot) -> str:
    """The slot is held and drained, the old child is writing its state."""
    mode("abandon_hang")
    Ask(slot, "1.1.0", deadline_ms=HOLD_MS)
    bench.wait_until(lambda: held_and_drained(slot), "the hold")
    return "held"


def adopt(slot: bench.Slot) -> str:
    """The old child is abandoned, the new one is reading the state."""
    mode("adopt_hang")
    Ask(slot, BROKEN, deadline_ms=HOLD_MS)
    bench.wait_until(lambda: held_and_drained(slot), "the hold")
    return "held"


def returned(slot: bench.Slot) -> str:
    """The deadline has brought the old child back; the candidate still hangs."""
    mode("adopt_hang")
    Ask(slot, BROKEN, expected=errno.ETIMEDOUT, deadline_ms=200).join()
    bench.wait_until(lambda: slot.get("state") == "serving", "the old child's return")
    return "flows"


def probation(slot: bench.Slot) -> str:
    """The new child serves, the old one is parked."""
    slot.swap("1.1.0")
    return "flows"


def commit(slot: bench.Slot) -> str:
    """Swaps and commits, one after the other: the cut meets any instant of them."""

    def go_on() -> None:
        try:
            while True:
                slot.swap("1.1.0" if slot.get("version") == "1.0.0" else "1.0.0", deadline_ms=HOLD_MS)
                slot.commit()
        except OSError as refused:
            print(f"error: {refused}", flush=True)

    threading.Thread(target=go_on, daemon=True).start()
    return "flows"


def swallowed(slot: bench.Slot) -> str:
    """No phase, but the control: a child that swallows flushes serves, and a cut must cost something."""
    mode("drop_flush")
    return "flows"


def detached(slot: bench.Slot) -> str:
    """In a two_step, between the modules: no child at all."""
    slot.set("swap", slot.line("1.1.0", mode="two_step", deadline_ms=HOLD_MS))
    bench.wait_until(lambda: slot.get("state") == "detached", "the first step")
    return "held"


PHASES: dict[str, Callable[[bench.Slot], str]] = {
    function.__name__: function for function in (prepare, drain, abandon, adopt, returned, probation, commit, detached, swallowed)
}
SERVED_BY_BROKEN = ("abandon", "swallowed")


def main(phase: str, device: str, generation: str) -> None:
    bench.start_parent()
    bench.run("modprobe", "dm-mod")
    slot = bench.Slot(lower=sandwich.create("disk", f"0 {sandwich.sectors(device)} linear {device} 0"))
    slot.swap(BROKEN if phase in SERVED_BY_BROKEN else "1.0.0")
    script = pathlib.Path(__file__).with_name("stamp_writer.py")
    words = ["--generation", generation]
    if phase == "swallowed":
        words += ["--fua-threads", "0"]  # the disk has no FUA: the block layer would flush it after each FUA write
    writer = subprocess.Popen([sys.executable, str(script), slot.device, *words])
    bench.wait_until(lambda: slot.number("child/writes") > WRITES_BEFORE, "writes")
    flow = PHASES[phase](slot)
    print(f"at {phase} {flow}", flush=True)
    while writer.poll() is None:
        time.sleep(1)  # nothing to wait for: the end of this comes from outside
    sys.exit("the writer has ended")


if __name__ == "__main__":
    main(*sys.argv[1:])
