# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does one I/O cost with a parent, and what without? Prints JSON.

``steady.py PROGRAMS ROUNDS BATCHES LOWER...`` runs in a guest whose time counts instructions. The same lower device is
served in turns by the child under its parent and by the same code as an ordinary driver.
"""

from __future__ import annotations

import json
import pathlib
import sys

import bench

WORKLOADS = [(kind, size, depth) for size in (4096, 131072) for kind in ("read", "write") for depth in (1, 32)]
LOWERS = {
    # The shortest lower device there is: it ends every request at once and touches no data.
    "null_blk": ("/dev/nullb0", ("modprobe", "null_blk", "nr_devices=1", "queue_mode=0", "irqmode=0", "gb=1", "max_sectors=2560")),
    "brd": ("/dev/ram0", ("modprobe", "brd", "rd_nr=1", f"rd_size={64 * 1024}")),
    # A usual lower device; its interrupts come when the host's work is done, so figures differ from run to run.
    "virtio": ("/dev/vdb", ("true",)),
}


def cost(programs: str, device: str, kind: str, size: int, depth: int, batches: int) -> dict:
    return json.loads(bench.run(f"{programs}/io_cost", device, kind, str(size), str(depth), str(batches)).stdout)


def without_scheduler(name: str) -> None:
    """Take the I/O scheduler away: what is left of the path is the shortest."""
    pathlib.Path(f"/sys/block/{name}/queue/scheduler").write_text("none")


def measure(programs: str, device: str, batches: int) -> list[dict]:
    without_scheduler(device[len("/dev/") :].replace("/", "!"))
    return [
        {"kind": kind, "bytes": size, **cost(programs, device, kind, size, depth, max(1, batches // depth))}
        for kind, size, depth in WORKLOADS
    ]


def with_parent(programs: str, lower: str, batches: int) -> list[dict]:
    bench.start_parent()
    slot = bench.Slot(lower=lower)
    slot.swap("1.0.0")
    bench.run("udevadm", "settle")
    found = measure(programs, slot.device, batches)
    slot.remove()
    bench.unload(bench.module_of("1.0.0"))
    bench.unload(bench.PARENT)
    return found


def plain(programs: str, lower: str, batches: int) -> list[dict]:
    bench.run("insmod", str(bench.MODULES / "plain_remap.ko"), f"lower={lower}")
    bench.run("udevadm", "settle")
    found = measure(programs, "/dev/plain_remap", batches)
    bench.unload("plain_remap")
    return found


def main(programs: str, rounds: int, batches: int, lowers: list[str]) -> None:
    pathlib.Path("/proc/sys/vm/nr_hugepages").write_text("4")
    found = []
    for name in lowers:
        lower, prepare = LOWERS[name]
        bench.run(*prepare)
        bench.run("udevadm", "settle")
        # A memory disk allocates a page at its first write: not while we look.
        bench.run("dd", "if=/dev/zero", f"of={lower}", "bs=1M", "count=64", "oflag=direct")
        for number in range(rounds):
            for variant, how in (("plain", plain), ("parent", with_parent)):
                print(f"{name}, round {number + 1} of {rounds}, {variant}", file=sys.stderr, flush=True)
                found += [{"lower": name, "round": number, "variant": variant, **one} for one in how(programs, lower, batches)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
