# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node of the lab for a test that is driven from outside: restored, filled with modules and tests, cut off."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ALARMS = re.compile("|".join((ROOT / "tests/kmod/guest/alarms.txt").read_text(encoding="ascii").splitlines()))


class Node:
    """A node, by default the only one, of a fleet of its own."""

    def __init__(self, state: Path, image: str, name: str = "n1") -> None:
        self.state, self.image, self.name = state, image, name

    def lab(self, verb: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "lab", verb, "--state", str(self.state), *words]

    def ask(self, verb: str, *words: str) -> None:
        subprocess.run(self.lab(verb, *words), check=True)

    def ssh(self, *command: str) -> list[str]:
        return self.lab("ssh", self.name, "--", *command)

    def run(self, *command: str, text: str = "") -> str:
        """Run a command on the node; what it prints."""
        done = subprocess.run(self.ssh(*command), input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def restore(self) -> None:
        self.ask("up", "--image", self.image)

    def fill(self, modules: Path) -> None:
        """Bring the kernel modules and the guest's tests; on return they are on its disk."""
        pack = ["tar", "-C", str(modules.parent), "-c", modules.name, "-C", str(ROOT / "tests/kmod"), "guest"]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
            subprocess.run(self.ssh("tar -x -C /root && sync"), stdin=tar.stdout, check=True)
        if tar.returncode:
            raise AssertionError(f"tar: {tar.returncode}")

    def plug(self, name: str, disk: Path, log: Path | None = None) -> str:
        """Plug in a disk; the device's name in the guest, where it is when this returns."""
        self.ask("plug-disk", self.name, name, "--disk", str(disk), *(["--log", str(log)] if log else []))
        device = f"/dev/disk/by-id/virtio-{name}"
        self.run("udevadm", "wait", "--timeout=60", device)
        return device

    def alarms(self) -> list[str]:
        """Return what the kernel reported that is always a defect; the console has outlived the machine."""
        console = (self.state / f"{self.name}.console").read_text(encoding="utf-8", errors="replace")
        return [line for line in console.splitlines() if ALARMS.search(line)]

    def down(self) -> None:
        self.ask("down")
