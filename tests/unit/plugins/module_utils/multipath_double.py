# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pretended parent whose slot is one path of a multipath map, as files, dmsetup and multipathd tell of it.

It shows what is read, what is run, and what is made of the answers. That I/O goes on meanwhile is shown by kernels, in virtual machines.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.core.consumers import Consumer
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK, WarmDouble

TABLE = "0 98304 multipath 1 queue_if_no_path 0 1 1 round-robin 0 2 1 259:0 1 7:1 1"
WITHOUT = "0 98304 multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 1 7:1 1"
MOVED = TABLE.replace("259:0", "259:7")  # the slot's next device has another number
UUID = "mpath-a1"
PATH = Consumer("path", "shared", DISK, {"uuid": UUID, "table": TABLE, "number": "259:0"})
DAEMON = "multipathd.service"


class MultipathDouble(WarmDouble):
    """`live` and `waiting` are the tables of the map that device mapper has, `failed` the paths that it does not use.

    `reads` keeps the commands that only read. `late` is how often multipathd is asked before it does what it was told.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.live, self.waiting = TABLE, ""
        self.failed: set[str] = set()
        self.number = "259:0"
        self.reads: list[list[str]] = []
        self.late = 0
        self._later: list[str] = []
        self.map = root / "sys/block/dm-3"
        for name, value in {"dm/name": "shared", "dm/uuid": UUID, "dm/suspended": "0", "ro": "0"}.items():
            self.put(self.map / name, value)
        self.put(root / "sys/block/dm-0/dm/uuid", "LVM-other")
        (root / "sys/class/block").mkdir(parents=True)
        (root / "sys/class/block/twostep!data").symlink_to("../../block/twostep!data")
        self.show()

    def show(self) -> None:
        """Show the slot's number, and that the map holds it as long as one of its tables has it."""
        self.put(self.root / "sys/block/twostep!data/dev", self.number)
        holder = self.root / "sys/block/twostep!data/holders/dm-3"
        if self.number in f"{self.live} {self.waiting}".split():
            holder.mkdir(exist_ok=True)
        elif holder.exists():
            holder.rmdir()

    def write(self, path: str, text: str) -> None:
        if path.endswith("/active"):
            if (self.root / "sys/block/twostep!data/holders/dm-3").exists():
                raise OSError(errno.EBUSY, "busy")
            self.number = "259:7"
            self.show()
        super().write(path, text)

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        if argv[0] not in ("dmsetup", "multipathd") or argv[0] in self.answers:
            return super().run(argv, timeout_s, stdin)
        if argv[1] in ("table", "status", "info", "show"):
            self.reads.append(list(argv))
            return Result(0, self._read(argv), "")
        self.calls.append(list(argv))
        if argv[0] not in self.deaf and argv[1] not in self.deaf:
            self._act(argv)
            self.show()
            return Result(0, "ok\n", "")
        return Result(1, "", f"{argv[0]}: no.\n")

    def _read(self, argv: list[str]) -> str:
        if self._later:
            self.late -= 1
            if self.late <= 0:
                self.live, self._later = self._later[0], []
                self.show()
        numbers = re.findall(r"\d+:\d+", self.live)
        if argv[1] == "show":
            return "".join(f"{number},active,ready,shared\n" for number in numbers)
        if argv[1] == "info":
            return "Both\n" if self.waiting else "Live\n"
        if argv[1] == "table":
            return f"{self.live} \n"
        paths = "".join(f"{number} {'F' if number in self.failed else 'A'} 0 " for number in numbers)
        return f"0 98304 multipath 2 0 0 0 1 1 A 0 {len(numbers)} 0 {paths}\n"

    def _act(self, argv: list[str]) -> None:
        if argv[1] == "load":
            self.waiting = argv[-1]
        elif argv[1] == "resume":
            self.live, self.waiting = self.waiting or self.live, ""
        elif argv[1] == "clear":
            self.waiting = ""
        elif argv[1] == "message":
            self.failed.remove(argv[-1])
        elif argv[1] == "reinstate":
            self.failed.remove(self.number)
        else:
            self._later = [WITHOUT if argv[1] == "del" else TABLE.replace("259:0", self.number)]
            if not self.late:
                self.live, self._later = self._later[0], []
