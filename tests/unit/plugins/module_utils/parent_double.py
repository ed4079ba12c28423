# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parent for tests: plays sysfs, configfs, modprobe, rmmod and systemctl on a folder tree."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.core import slots
from ansible_collections.twostep.hotswap.plugins.module_utils.host.kernel_control import Control
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status

EMPTY = {"state": "empty", "family": "", "params": "", "version": "", "module": "", "generation": "0", "parked": "", "inflight": "0"}
EMPTY.update(srcversion="", previous="", probation="none", probation_failures="0", refused_ends="0", hold_histogram="0 0")
LAST = dict.fromkeys(slots.LAST_SWAP_FILES, "0")
LAST.update({"from": "", "to": "", "mode": "handover", "result": "none", "reason": ""})
CHILD = {"contract": "1.0", "features": "", "schema_reads": "1-2", "schema_writes": "1-2", "users": "0"}


class ParentDouble:
    """`installed` are the modules that modprobe finds, `refuse` the errno that a swap answers, with `reason` as its text."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = Paths(str(root))
        self.installed = {"twostep", "twostep_remap_1_0_0", "twostep_remap_1_1_0"}
        self.refuse = 0
        self.reason = ""
        self.request_bytes = "64"  # that a child wants
        self.mounts_configfs = True
        self.calls: list[list[str]] = []
        self.writes: list[tuple[str, str]] = []
        self.enabled = False
        self.control = Control(self.paths, Status(self.paths), self.write, self.mkdir, self.rmdir)
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin/python3").touch()

    @property
    def status(self) -> Path:
        return Path(self.paths.status)

    def run(self, argv: list[str], **_options: object) -> Result:
        self.calls.append(list(argv))
        return getattr(self, argv[0])(argv[1:])

    def modprobe(self, arguments: list[str]) -> Result:
        (name,) = arguments
        if name not in self.installed:
            return Result(1, "", f"modprobe: FATAL: Module {name} not found in directory /lib/modules/6.1.0\n")
        if name != "twostep" and not self.status.exists():
            self.modprobe(["twostep"])  # by the dependency
        self.put(f"sys/module/{name}/initstate", "live")
        if name == "twostep":
            self.put("sys/kernel/twostep/contract", "1.0")
            (self.status / "slots").mkdir()
            (self.status / "children").mkdir()
        else:
            _twostep, family, *version = name.split("_")
            facts = {**CHILD, "family": family, "version": ".".join(version), "request_bytes": self.request_bytes}
            for what, text in facts.items():
                self.put(f"sys/kernel/twostep/children/{name}/{what}", text)
        return Result(0, "", "")

    def rmmod(self, arguments: list[str]) -> Result:
        (name,) = arguments
        used = any((path / "module").read_text().strip() == name for path in (self.status / "slots").iterdir())
        if used or (name == "twostep" and list((self.status / "children").iterdir())):
            return Result(1, "", f"rmmod: ERROR: Module {name} is in use\n")
        shutil.rmtree(str(self.root / "sys/module" / name))
        if name == "twostep":
            shutil.rmtree(str(self.status))
        else:
            shutil.rmtree(str(self.status / "children" / name))
        return Result(0, "", "")

    def mount(self, _arguments: list[str]) -> Result:
        if self.mounts_configfs:
            Path(self.paths.configfs).mkdir(parents=True)
        return Result(0, "", "")

    def systemctl(self, arguments: list[str]) -> Result:
        if arguments[0] == "is-enabled":
            return Result(0 if self.enabled else 1, "enabled\n" if self.enabled else "disabled\n", "")
        if arguments[0] in ("enable", "disable"):
            self.enabled = arguments[0] == "enable"
        return Result(0, "", "")

    def put(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + "\n")

    def tell(self, slot: str, **values: str) -> None:
        for name, value in values.items():
            (self.status / "slots" / slot / name).write_text(value + "\n")

    def mkdir(self, path: str) -> None:
        os.mkdir(path)
        slot = os.path.basename(path)
        (self.status / "slots" / slot / "last_swap").mkdir(parents=True)
        self.tell(slot, **EMPTY, openers="0")
        for name, value in LAST.items():
            (self.status / "slots" / slot / "last_swap" / name).write_text(value + "\n")

    def rmdir(self, path: str) -> None:
        slot = os.path.basename(path)
        if (self.status / "slots" / slot / "state").read_text() != "empty\n":
            raise OSError(errno.EBUSY, "busy", path)
        os.rmdir(path)
        shutil.rmtree(str(self.status / "slots" / slot))

    def write(self, path: str, text: str) -> None:
        slot, name = path.split("/")[-2:]
        self.writes.append((f"{slot}/{name}", text))
        if name in ("family", "params"):
            self.tell(slot, **{name: text})
        elif name == "active":
            self.tell(slot, state="empty", version="", module="")
        elif name == "swap":
            self.swap(slot, dict(word.split("=") for word in text.split()))

    def swap(self, slot: str, words: dict[str, str]) -> None:
        family = (self.status / "slots" / slot / "family").read_text().strip()
        module = f"twostep_{family}_{words['version'].replace('.', '_')}"
        if self.refuse:
            for name, value in {"to": words["version"], "result": "failed", "reason": self.reason}.items():
                (self.status / "slots" / slot / "last_swap" / name).write_text(value + "\n")
            raise OSError(self.refuse, os.strerror(self.refuse))
        self.tell(slot, state="serving", version=words["version"], module=module, generation=str(int(words["generation"]) + 1))
