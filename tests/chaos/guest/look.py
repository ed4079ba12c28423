# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node of a campaign looks like, as JSON on standard output; read-only. Standard library only.

``{"slots": {name: {...}}, "boot": {name: version}, "ledger": text, "lease": text, "degraded": text, "sync": text, "votes": n,
"workload": state, "boot_id": text, "log": [lines]}``
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

SLOTS = pathlib.Path("/sys/kernel/twostep/slots")
STATE = pathlib.Path("/var/lib/twostep")
ATTRIBUTES = ("state", "version", "parked", "generation", "probation", "inflight")


def text(path: pathlib.Path) -> str:
    """Return a file's text, empty where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def told(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()


def votes() -> int:
    found = re.search(r"Total votes:\s*(\d+)", told("corosync-quorumtool", "-s"))
    return int(found[1]) if found else 0


def look() -> dict[str, object]:
    configured = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(pathlib.Path("/etc/twostep/slots.d").glob("*.json"))]
    return {
        "slots": {path.name: {name: text(path / name) for name in ATTRIBUTES} for path in sorted(SLOTS.glob("*"))},
        "boot": {item["slot"]: item["version"] for item in configured},
        "ledger": text(STATE / "ledger.jsonl"),
        "lease": text(STATE / "lease.json"),
        "degraded": text(pathlib.Path("/sys/block/md0/md/degraded")),
        "sync": text(pathlib.Path("/sys/block/md0/md/sync_action")),
        "votes": votes(),
        "workload": told("systemctl", "show", "--property=ActiveState", "--value", "lab-workload"),
        "boot_id": text(pathlib.Path("/proc/sys/kernel/random/boot_id")),
        "log": told("dmesg").splitlines(),
    }


if __name__ == "__main__":
    json.dump(look(), sys.stdout)
