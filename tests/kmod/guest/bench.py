# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench that the kernel tests stand on: modules, a slot and its files, fio, the kernel log.

Runs as root inside a guest whose disk /dev/vdb may be overwritten; Python's
standard library only. Module files are in the folder given as MODULES.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import time

MODULES = pathlib.Path(os.environ.get("TWOSTEP_MODULES", "/root/modules"))
CONFIG = pathlib.Path("/sys/kernel/config/twostep")
STATUS = pathlib.Path("/sys/kernel/twostep")
LOWER = "/dev/vdb"
PATIENCE = 10 if "debug" in os.uname().release else 1  # KASAN and emulation together
PARENT = "twostep"
# What the kernel says when something is wrong, whoever caused it.
ALARMS = re.compile("|".join((pathlib.Path(__file__).parent / "alarms.txt").read_text(encoding="ascii").split("\n")[:-1]))


def run(*argv: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run a command and return it, its output as text."""
    return subprocess.run(argv, check=check, capture_output=True, text=True)


def module_of(version: str) -> str:
    return f"twostep_remap_{version.replace('.', '_')}"


def loaded() -> set[str]:
    return {line.split()[0] for line in pathlib.Path("/proc/modules").read_text().splitlines()}


def load(name: str) -> None:
    """Insert a module of ours unless it is there; its in-tree dependencies first."""
    if name not in loaded():
        run("insmod", str(MODULES / f"{name}.ko"))


def unload(name: str) -> None:
    if name in loaded():
        run("rmmod", name)


def start_parent() -> None:
    for dependency in ("configfs", "libcrc32c"):
        run("modprobe", dependency)
    if not CONFIG.parent.is_mount():
        run("mount", "-t", "configfs", "configfs", str(CONFIG.parent))
    load(PARENT)


def wait_until(condition, what: str, seconds: float = 30.0) -> None:
    """Poll, bounded; a kernel file offers nothing to wait on."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def kernel_log() -> str:
    return run("dmesg").stdout


class Slot:
    """One slot: its control files, its status files, its device."""

    def __init__(self, name: str = "t", lower: str = LOWER) -> None:
        self.name = name
        self.config = CONFIG / name
        self.status = STATUS / "slots" / name
        self.device = f"/dev/twostep/{name}"
        self.config.mkdir()
        self.set("family", "remap")
        self.set("params", f"lower={lower}")

    def set(self, name: str, value: str) -> None:
        """Write a control file in one write; OSError as the kernel answers."""
        descriptor = os.open(self.config / name, os.O_WRONLY)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)

    def get(self, name: str) -> str:
        return (self.status / name).read_text().rstrip("\n")

    def number(self, name: str) -> int:
        return int(self.get(name))

    @property
    def generation(self) -> int:
        return self.number("generation")

    def line(self, version: str, **words: object) -> str:
        words.setdefault("generation", self.generation)
        return " ".join([f"version={version}"] + [f"{key}={value}" for key, value in words.items()])

    def swap(self, version: str, **words: object) -> None:
        """Load the version's module and ask for a swap."""
        load(module_of(version))
        self.set("swap", self.line(version, **words))

    def commit(self) -> None:
        self.set("commit", f"generation={self.generation}")

    def remove(self) -> None:
        if not self.config.exists():
            return
        run("udevadm", "settle")
        self.set("active", "0")
        self.config.rmdir()


def completed(disk: str) -> int:
    """Return how many requests of any kind a block device, or a partition, has completed."""
    counts = pathlib.Path(f"/sys/class/block/{disk}/stat").read_text().split()
    return sum(int(counts[field]) for field in (0, 4, 11, 15))


class Fio:
    """fio writing and verifying ``device`` for as long as the ``with`` block lasts.

    ``disk`` is the block device whose requests show that fio works; the slot's own unless given.
    """

    def __init__(self, device: str, *extra: str, disk: str = "") -> None:
        self.disk = disk or "!".join(device.split("/")[-2:])
        self.report = pathlib.Path(f"/run/fio-{device.strip('/').replace('/', '!')}.json")  # of its own also beside another
        self.argv = [
            "fio", "--name=verify", f"--filename={device}", "--rw=randwrite", "--bs=4k", "--size=32m", "--iodepth=8",
            "--ioengine=libaio", "--direct=1", "--verify=crc32c", "--verify_backlog=256", "--verify_fatal=1",
            "--fsync=32", "--time_based", "--runtime=600", "--output-format=json", f"--output={self.report}", *extra,
        ]  # fmt: skip

    def __enter__(self) -> Fio:
        self.report.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.argv)
        before = completed(self.disk)
        try:
            wait_until(lambda: self.process.poll() is not None or completed(self.disk) > before + 100, "fio works")
            if self.process.poll() is not None:
                raise AssertionError(f"fio ended at once: {self.report.read_text() if self.report.exists() else self.process.returncode}")
        except AssertionError:
            self.process.kill()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=120 * PATIENCE)
        report = self.report.read_text()
        jobs = json.loads(report[report.index("{") :])["jobs"]
        self.job = jobs[0]
        errors = [job["error"] for job in jobs]
        # Interrupted by us, fio ends with 128 + SIGINT or 0; an I/O or verify error is in the job.
        if any(errors) or status not in (0, 128, 130):
            raise AssertionError(f"fio: status {status}, errors {errors}")
