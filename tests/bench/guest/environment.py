# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figures were measured on. Prints JSON; standard library only."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys


def text(path: str) -> str:
    return pathlib.Path(path).read_text().strip() if pathlib.Path(path).exists() else "unknown"


def main() -> None:
    kernel = os.uname().release
    words = text("/proc/cmdline").split()
    configured = re.search(r"^CONFIG_HZ=(\d+)$", text(f"/boot/config-{kernel}"), re.MULTILINE)
    virtual = subprocess.run(["systemd-detect-virt"], capture_output=True, text=True, check=False).stdout.strip()
    facts = {
        "kernel": kernel,
        "cpus": os.cpu_count(),
        "hypervisor": {"qemu": "QEMU, emulated (TCG)", "kvm": "QEMU, KVM"}.get(virtual, virtual),
        "mitigations": next((word.split("=", 1)[1] for word in words if word.startswith("mitigations=")), "default"),
        "hz": int(configured[1]) if configured else None,
        "clocksource": text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "memory_kib": int(text("/proc/meminfo").split()[1]),
        "command_line": " ".join(words),
    }
    json.dump(facts, sys.stdout)


if __name__ == "__main__":
    main()
