# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pretended parent whose slot is used: by an array, mounts, a swap area and units, as files and programs tell of them.

It shows what is looked at, what is run, and in which order. That a slot is let go of by it is shown by kernels, in virtual machines.
"""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ansible_collections.twostep.hotswap.plugins.module_utils.core.consumers import Consumer
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

DISK = "/dev/twostep/data"
SETTLE = ["udevadm", "settle", "--timeout=30"]
MOUNT = Consumer("mount", "/srv", f"{DISK}p1", {"unit": "", "fstype": "ext4", "options": "rw,noatime"})
SWAP = Consumer("swap", f"{DISK}p2", f"{DISK}p2", {"priority": "7"})
LEG = Consumer("leg", "md0", DISK)
UNIT = Consumer("unit", "web.service")


@dataclass
class Mounted:
    """A file system that is mounted; `unit` is the one that systemd knows it by, `bound` are those that need it."""

    point: str
    device: str = f"{DISK}p1"
    number: str = "259:1"
    unit: str = ""
    bound: tuple[str, ...] = ()


class WarmDouble(FakeParent):
    """`deaf` are the programs that do nothing and `lying` those that do it and say 1; `on_settle` is called when udev is waited for.

    `busy` is how often a failed member is not given up yet.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.running: list[str] = []
        self.mounted: list[Mounted] = []
        self.swaps: dict[str, int] = {}
        self.arrays: dict[str, str] = {}
        self.known: dict[str, Mounted] = {}
        self.deaf: list[str] = []
        self.lying: list[str] = []
        self.lasting = False
        self.busy = 0
        self.on_settle: Callable[[], None] = lambda: None
        self.add_slot()
        self.install("1.0.0")
        disk = root / "sys/block/twostep!data"
        self.put(disk / "dev", "259:0")
        (disk / "holders").mkdir()
        for number in (1, 2):
            self.put(disk / f"twostep!datap{number}/partition", str(number))
            self.put(disk / f"twostep!datap{number}/dev", f"259:{number}")
        self._show()

    # Who uses the slot.

    def mount(self, mounted: Mounted) -> None:
        self.mounted.append(mounted)
        self.known[mounted.point] = mounted
        self._show()

    def swap_on(self, path: str, priority: int = -2) -> None:
        self.swaps[path] = priority
        self._show()

    def build(self, array: str = "md0", device: str = DISK, level: str = "raid1", bitmap: str = "+8") -> None:
        """Make an array of two members, of which one is `device`."""
        folder = self.root / f"sys/block/{array}/md"
        for name, value in {
            "level": level,
            "array_state": "clean",
            "raid_disks": "2",
            "bitmap/location": bitmap,
            "rd0/state": "in_sync",
        }.items():
            self.put(folder / name, value)
        self.join(array, device)

    def join(self, array: str, device: str) -> None:
        """Make a device a member that has all data, or with `lasting` one that is still copied to."""
        self.arrays[array] = device
        folder, name = self.root / f"sys/block/{array}/md", device[len("/dev/") :].replace("/", "!")
        self.put(folder / f"dev-{name}/state", "spare" if self.lasting else "in_sync")
        self.put(folder / "rd1/state", "spare" if self.lasting else "in_sync")
        self.put(folder / "degraded", str(int(self.lasting)))
        self.put(folder / "sync_action", "recover" if self.lasting else "idle")
        self._holder(array, name).mkdir(parents=True, exist_ok=True)

    def fail(self, array: str, device: str) -> None:
        self.put(self.root / f"sys/block/{array}/md/dev-{device[len('/dev/') :].replace('/', '!')}/state", "faulty,write_mostly")

    def leave(self, array: str, device: str) -> None:
        folder, name = self.root / f"sys/block/{array}/md", device[len("/dev/") :].replace("/", "!")
        shutil.rmtree(str(folder / f"dev-{name}"))
        shutil.rmtree(str(folder / "rd1"))
        self.put(folder / "degraded", "1")
        self._holder(array, name).rmdir()
        del self.arrays[array]

    def _holder(self, array: str, name: str) -> Path:
        disk = self.root / "sys/block/twostep!data"
        return (disk if name == "twostep!data" else disk / name) / "holders" / array

    def all_users(self) -> None:
        """Have the slot used in each way."""
        self.mount(Mounted("/srv"))
        self.swap_on(f"{DISK}p2", 7)
        self.build()
        self.running = ["web.service"]

    def users(self) -> tuple[list[str], list[str], list[str], list[str]]:
        """Return which of them there are now."""
        return sorted(self.running), [mounted.point for mounted in self.mounted], sorted(self.swaps), sorted(self.arrays)

    def _show(self) -> None:
        lines = ["22 1 254:1 / / rw - ext4 /dev/vda1 rw"]
        lines += [f"40 22 {one.number} / {one.point} rw,noatime shared:1 - ext4 {one.device} rw" for one in self.mounted]
        self.put(self.root / "proc/self/mountinfo", "\n".join(lines))
        rows = [f"{path} partition 1024 0 {priority}" for path, priority in self.swaps.items()]
        self.put(self.root / "proc/swaps", "\n".join(["Filename Type Size Used Priority", *rows]))

    # What a write would change.

    def write(self, path: str, text: str) -> None:
        slot, name = path.rsplit("/", 2)[1:]
        if name == "active" and name not in self.refuse:
            self.writes.append((name, text))
            if self.mounted or self.swaps or self.arrays:
                raise OSError(errno.EBUSY, "busy")
            self.use(self.get("version", slot), 0)
            self.set(slot, state="empty", version="", module="", parked="", generation=int(self.get("generation", slot)) + 1)
            return
        super().write(path, text)
        if name == "request_bytes":
            self.put(Path(path), text)

    # Programs.

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        program = argv[0]
        if program not in ("systemctl", "mount", "umount", "swapon", "swapoff", "mdadm", "udevadm") or program in self.answers:
            return super().run(argv, timeout_s, stdin)
        if program == "systemctl" and argv[-2] != "--":
            return super().run(argv, timeout_s, stdin)
        if argv[:2] == ["systemctl", "show"]:
            return Result(0, self._told(argv), "")
        self.calls.append(list(argv))
        if program not in self.deaf:
            self._do(argv)
        return Result(1, "", f"{program}: no.\n") if program in self.deaf + self.lying else Result(0, "", "")

    def _told(self, argv: list[str]) -> str:
        """Return what systemctl shows, with just the properties asked for."""
        name = argv[-1]
        told = {
            "ActiveState": "active" if name in self.running else "inactive",
            "Id": name,
            "FragmentPath": "",
            "RequiredBy": "",
            "BoundBy": "",
        }
        if name in self.known:
            known = self.known[name]
            told["Id"] = known.unit or "other.mount"
            told["FragmentPath"] = f"/run/systemd/generator/{known.unit}" if known.unit else ""
            told["RequiredBy"] = " ".join(known.bound)
        wanted = [word[len("--property=") :] for word in argv if word.startswith("--property=")]
        return "".join(f"{key}={told[key]}\n" for key in wanted)

    def _do(self, argv: list[str]) -> None:
        program, name = argv[0], argv[-1]
        if program == "udevadm":
            self.on_settle()
        elif argv[:2] == ["systemctl", "stop"]:
            self.running.remove(name)
        elif argv[:2] == ["systemctl", "start"]:
            of_mount = [known for known in self.known.values() if known.unit == name]
            self.mounted += of_mount
            self.running += [] if of_mount else [name]
        elif program == "umount":
            self.mounted.remove(next(one for one in reversed(self.mounted) if one.point == name))
        elif program == "mount":
            self.mounted.append(self.known[name])
        elif program == "swapoff":
            del self.swaps[name]
        elif program == "swapon":
            self.swaps[name] = int(argv[2]) if argv[1] == "-p" else -2
        elif argv[2] == "--fail":
            self.fail(argv[1][len("/dev/") :], name)
        elif argv[2] == "--remove" and self.busy:
            self.busy -= 1
        elif argv[2] == "--remove":
            self.leave(argv[1][len("/dev/") :], name)
        elif argv[2] == "--re-add":
            self.join(argv[1][len("/dev/") :], name)
        self._show()
