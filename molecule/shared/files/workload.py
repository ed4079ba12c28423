#!/usr/bin/env python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload of a lab node: fio writes and verifies a file until it is told to stop.

``workload.py start DIRECTORY RATE`` starts fio as a systemd unit, with so many writes a second, and returns once it
writes. ``workload.py stop`` ends it and prints what it saw, as JSON:
``{"errors": n, "verify_errors": n, "max_latency_ms": x, "writes": n, "reads": n}``.
"""

from __future__ import annotations

import errno
import json
import pathlib
import subprocess
import sys
import time

UNIT = "lab-workload"
REPORT = pathlib.Path("/run/lab-workload.json")
# Not --fsync: with the Poisson process fio 3.33 divides by zero at an fsync that comes before its first read.
SYNC = "--fdatasync=32"


def start(directory: str, rate_iops: int) -> None:
    REPORT.unlink(missing_ok=True)
    target = pathlib.Path(directory) / "workload"
    # Open loop: a request that is due while I/O is held is late, not left out.
    fio = [
        "fio", "--name=workload", f"--filename={target}", "--size=48m", "--rw=randwrite", "--bs=4k", "--ioengine=libaio",
        "--iodepth=4", "--direct=1", f"--rate_iops={rate_iops}", "--rate_process=poisson", "--verify=crc32c", "--verify_backlog=64",
        "--verify_fatal=1", SYNC, "--time_based", "--runtime=7200", "--output-format=json", f"--output={REPORT}",
    ]  # fmt: skip
    subprocess.run(
        ["systemd-run", "--quiet", f"--unit={UNIT}", "--property=KillSignal=SIGINT", "--property=SuccessExitStatus=128 130",
         "--property=TimeoutStopSec=120", *fio],
        check=True,
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (target.exists() and target.stat().st_blocks > 0):
        if time.monotonic() > end:
            sys.exit(f"workload: nothing written to {target} within 60 s")
        time.sleep(0.1)  # a file that fio writes


def stop() -> None:
    subprocess.run(["systemctl", "stop", UNIT], check=True)
    text = REPORT.read_text(encoding="utf-8")
    job = json.loads(text[text.index("{") :])["jobs"][0]
    mismatch = job["error"] == errno.EILSEQ
    json.dump(
        {
            "errors": int(job["error"] != 0 and not mismatch),
            "verify_errors": int(mismatch),
            "max_latency_ms": round(max(job[way]["lat_ns"]["max"] for way in ("read", "write")) / 1e6, 3),
            "writes": job["write"]["total_ios"],
            "reads": job["read"]["total_ios"],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    start(sys.argv[2], int(sys.argv[3])) if sys.argv[1] == "start" else stop()
