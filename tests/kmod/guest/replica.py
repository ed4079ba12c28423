# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of two nodes that replicate a slot by DRBD: what host/replication.py tells it to do.

``replica.py VERB``, see the end of the file; each verb is one process, the
slot and DRBD are what lasts between them.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import subprocess
import sys

import bench
import neighbour

SIZE_MIB = 48
DEVICE = "/dev/drbd0"
SLOT_DISK = "twostep!t"
# A connection that fell, a disk that was given up, a copy that began anew.
TROUBLE = re.compile(r"conn\( Connected ->|disk\( UpToDate ->|pdsk\( UpToDate ->|PingAck did not arrive|Began resync")
RESOURCE = """resource r0 {{
  net {{ protocol C; verify-alg crc32c; }}
  disk {{ size {size}M; resync-rate 100M; c-plan-ahead 0; }}
  device /dev/drbd0; disk /dev/twostep/t; meta-disk internal;
  on n1 {{ address 10.77.0.11:7788; }}
  on n2 {{ address 10.77.0.12:7788; }}
}}
"""


class Standing(bench.Slot):
    """The slot that an earlier verb has made."""

    def __init__(self) -> None:
        self.name = "t"
        self.config = bench.CONFIG / self.name
        self.status = bench.STATUS / "slots" / self.name
        self.device = f"/dev/twostep/{self.name}"


def status() -> dict[str, str]:
    """Return DRBD's words about its only device: cs, ro, ds, oos and so on."""
    return dict(re.findall(r"\b([a-z]+):(\S+)", pathlib.Path("/proc/drbd").read_text().partition(" 0: ")[2]))


def is_in_sync() -> bool:
    found = status()
    return (found.get("cs"), found.get("ds")) == ("Connected", "UpToDate/UpToDate")


def start() -> None:
    """Make the slot and DRBD on it; the peer is asked to connect."""
    bench.start_parent()
    neighbour.wipe(bench.LOWER)
    slot = bench.Slot()
    slot.swap("1.0.0")
    bench.run("modprobe", "drbd", "usermode_helper=/bin/true")
    pathlib.Path("/etc/drbd.d/r0.res").write_text(RESOURCE.format(size=SIZE_MIB))
    bench.run("drbdadm", "create-md", "--force", "r0")
    bench.run("drbdadm", "up", "r0")


def primary() -> None:
    """Make this node's data the truth, and wait for the peer's copy."""
    bench.wait_until(lambda: status().get("cs") == "Connected", "the peer", 60)
    bench.run("drbdadm", "primary", "--force", "r0")
    bench.wait_until(is_in_sync, "the first copy", 120)


def load() -> None:
    """Write and verify until standard input ends."""
    with bench.Fio(DEVICE, "--size=16m", disk="drbd0"):
        print("working", flush=True)
        sys.stdin.read()
    print("verified", flush=True)


def goes_on() -> None:
    before = bench.completed(SLOT_DISK)
    bench.wait_until(lambda: bench.completed(SLOT_DISK) > before + 20, "requests go on", 20)


def swap() -> None:
    """Swap and commit once each way; replicated requests go on after each."""
    slot = Standing()
    for version in ("1.1.0", "1.0.0"):
        slot.swap(version, deadline_ms=5000)
        found = (slot.get("state"), slot.get("version"), slot.get("last_swap/result"))
        if found != ("serving", version, "ok"):
            raise AssertionError(f"{found}: {slot.get('last_swap/reason')}")
        slot.commit()
        goes_on()
    print(slot.generation)


def hold() -> None:
    """A hold that lasts to its deadline; DRBD waits, and goes on."""
    with neighbour.Hold(Standing(), deadline_ms=1000, expires=True):
        pass
    goes_on()


def check() -> None:
    """Compare both disks block by block and print how many KiB differ."""
    bench.run("dmesg", "--clear")
    bench.run("drbdadm", "verify", "r0")
    bench.wait_until(lambda: "Online verify done" in bench.kernel_log(), "the comparison", 120)
    bench.wait_until(lambda: status().get("cs") == "Connected", "its end")
    print(status()["oos"])


def quiet() -> None:
    """From here on trouble() counts."""
    bench.run("dmesg", "--clear")


def trouble() -> None:
    """Print what DRBD and the kernel complained of since quiet()."""
    lines = [line for line in bench.kernel_log().splitlines() if TROUBLE.search(line) or bench.ALARMS.search(line)]
    print("\n".join(lines if is_in_sync() else [*lines, str(status())]), end="")


def digest() -> None:
    """Print the hash of the replicated part of the lower device, read past slot and page cache."""
    command = ["dd", f"if={bench.LOWER}", "bs=1M", f"count={SIZE_MIB}", "iflag=direct", "status=none"]
    done = subprocess.run(command, capture_output=True, check=True)
    if len(done.stdout) != SIZE_MIB * neighbour.MIB:
        raise AssertionError(f"dd: {len(done.stdout)} bytes")
    print(hashlib.sha256(done.stdout).hexdigest())


def spoil() -> None:
    """Change one block of the lower device behind everybody's back."""
    command = ["dd", f"of={bench.LOWER}", "bs=4k", "count=1", "seek=256", "oflag=direct", "conv=notrunc", "status=none"]
    subprocess.run(command, input=os.urandom(4096), check=True)


def stop() -> None:
    """Take all down; nothing may be left in use."""
    bench.run("udevadm", "settle")
    bench.run("drbdadm", "down", "r0")
    bench.run("rmmod", "drbd")
    Standing().remove()
    for module in sorted(bench.loaded()):
        if module.startswith("twostep_"):
            bench.unload(module)
    bench.unload("twostep")


VERBS = {verb.__name__: verb for verb in (start, primary, load, swap, hold, check, trouble, quiet, digest, spoil, stop)}

if __name__ == "__main__":
    VERBS[sys.argv[1]]()
