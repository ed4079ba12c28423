# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lower device and the load of the measurements with time. Standard library only.

An emulated machine is slow, and what it does not reach in time piles up. So the load is set to a share of what the
machine does undisturbed; both are in the results.
"""

from __future__ import annotations

import json

import bench

LOWER = "/dev/nullb0"
# Requests end 0.1 ms later by a timer: some are always under way, and none of them waits for the machine outside.
MODULE = ("modprobe", "null_blk", "nr_devices=1", "queue_mode=2", "irqmode=2", "completion_nsec=100000", "gb=1")
SHARE = 0.1  # of either; more, and a busy machine's backlog is all that an open loop sees
FASTEST_US = 1000


def make_lower() -> None:
    bench.run(*MODULE)
    bench.run("udevadm", "settle")


def requests_per_s(device: str, depth: int) -> float:
    """Return what fio reaches when nothing holds it back."""
    argv = [
        "fio", "--name=alone", f"--filename={device}", "--rw=randread", "--bs=4k", "--size=64m", f"--iodepth={depth}",
        "--ioengine=libaio", "--direct=1", "--time_based", "--runtime=2", "--output-format=json",
    ]  # fmt: skip
    return float(json.loads(bench.run(*argv).stdout)["jobs"][0]["read"]["iops"])


def period_us(alone: float) -> int:
    """Return the time between reads of the probe: whole milliseconds, and a share of what one reader reaches."""
    wanted_us = 1_000_000 / (SHARE * alone)
    return max(FASTEST_US, -int(-wanted_us // FASTEST_US) * FASTEST_US)


def fio(device: str, rate: int) -> bench.Fio:
    """Return a load of reads and writes, half of ``rate`` each."""
    half = max(1, rate // 2)
    return bench.Fio(device, "--verify=0", "--rw=randrw", f"--rate_iops={half},{half}")
