# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a hold on this node, and do something in it: ``watch.py say|reset|COMMAND...``. Standard library only.

Prints ``ready`` once it looks, and ``held SLOT`` when it has seen one (with ``reset`` that may not get out). A hold lasts milliseconds, so
it is looked for without a pause.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

LIMIT_S = 300.0


def first_held() -> str | None:
    """Return the first slot that is seen held, None if there is none in time."""
    files = [(path.parent.name, os.open(path, os.O_RDONLY)) for path in pathlib.Path("/sys/kernel/twostep/slots").glob("*/state")]
    print("ready", flush=True)
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        for slot, handle in files:
            if os.pread(handle, 16, 0).startswith(b"held"):
                return slot
    return None


def main() -> int:
    trigger = os.open("/proc/sysrq-trigger", os.O_WRONLY)
    slot = first_held()
    if slot is None:
        return 1
    print(f"held {slot}", flush=True)
    if sys.argv[1] == "reset":
        os.write(trigger, b"b")
    elif sys.argv[1] != "say":
        subprocess.run(sys.argv[1:], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
