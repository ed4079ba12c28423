# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings slots up on disks that went through a power cut, as after a boot, and reads their stamps through them.

Input: JSON, ``{"<slot>": {"device", "plan", "limit", "acknowledged": [[thread, number], ...]}}``; output: for each slot
``{"problems": [...], "summary": "..."}``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import bench
import stamp_writer
import stamps


def read(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """Make the slot, adopt the first child, judge what it reads."""
    slot = bench.Slot(name, known["device"])
    slot.swap("1.0.0")
    reader = stamps.Reader(stamps.Plan(**known["plan"]), known["limit"])
    reader.promise_all((thread, number) for thread, number in known["acknowledged"])
    problems = stamp_writer.read(slot.device, reader)
    return {"problems": problems, "summary": reader.summary()}


def main() -> None:
    bench.start_parent()
    print(json.dumps({name: read(name, known) for name, known in json.load(sys.stdin).items()}))


if __name__ == "__main__":
    main()
