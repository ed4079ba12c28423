# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pretended parent in a folder: files as in sysfs and configfs, and what a write to them would change.

It shows what our code reads, writes and says. It never shows that a swap works in a kernel; that is for real ones.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Callable, Mapping

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.kernel_control import Control
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status
from ansible_collections.twostep.hotswap.plugins.module_utils.host.world import World
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes

RELEASE = "6.1.0-56-cloud-amd64"
VERMAGIC = f"{RELEASE} SMP preempt mod_unload modversions "
FEATURES = "flush,fua"
# What every module of the pretended kernel needs, with the checksums of kernel and parent.
KERNEL_CRCS = {"module_layout": 0x11111111, "_printk": 0x22222222}
PARENT_CRCS = {"twostep_register_child": 0x33333333}
LINKED: dict[str, Any] = {"needs": ("_printk", "twostep_register_child"), "versions": {**KERNEL_CRCS, **PARENT_CRCS}}
TIMES = ("prepare_ns", "quiesce_ns", "drain_ns", "abandon_ns", "adopt_ns", "release_ns")


def module_of(version: str) -> str:
    return "twostep_remap_" + version.replace(".", "_")


def modinfo_of(child: str, **changes: str) -> dict[str, str]:
    """Return the modinfo of a child of version `child`."""
    facts = {
        "version": child,
        "srcversion": f"SRC{child}",
        "name": module_of(child),
        "vermagic": VERMAGIC,
        "depends": "twostep",
        "twostep_contract": "1.0",
        "twostep_family": "remap",
        "twostep_features": "flush, fua",
        "twostep_schema_reads": "1-2",
        "twostep_schema_writes": "1-2",
        "twostep_request_bytes": "64",
    }
    facts.update(changes)
    return facts


class FakeParent:
    """The world of a swap. `refuse` maps a control file to an errno; `answers` maps a program to its result; `calls` keeps what was run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = Paths(str(root))
        self.calls: list[list[str]] = []
        self.writes: list[tuple[str, str]] = []
        self.refuse: dict[str, int] = {}
        self.reason = ""
        self.answers: dict[str, Result] = {}
        self.on_start: Callable[[str], object] = lambda swap_id: None
        self.alive: list[str] = []
        self.clock_ns = 0
        self.slept: list[float] = []
        self.inserted: list[str] = []
        self.insert_fails = False
        self.log = ""
        status = root / "sys/kernel/twostep"
        (status / "slots").mkdir(parents=True)
        (status / "children").mkdir()
        self.put(status / "contract", "1.0")
        self.put(root / "sys/module/twostep/version", "1.0.0")
        self.put(root / "proc/self/mountinfo", "22 1 254:1 / / rw - ext4 /dev/vda1 rw")
        self.put(root / "proc/swaps", "Filename Type Size Used Priority")
        self.put(root / f"lib/modules/{RELEASE}/modules.dep", "kernel/lib/crc.ko:")
        shipped = root / f"lib/modules/{RELEASE}/kernel/lib/crc.ko"
        shipped.parent.mkdir(parents=True)
        shipped.write_bytes(module_bytes((("name", "crc"), ("vermagic", VERMAGIC)), versions=KERNEL_CRCS))
        lines = [f"0x{crc:08x}\t{name}\tvmlinux\tEXPORT_SYMBOL" for name, crc in KERNEL_CRCS.items()]
        self.put(root / f"lib/modules/{RELEASE}/build/Module.symvers", "\n".join(lines))
        self.put(root / "proc/sys/kernel/tainted", "0")
        self.boot(1)
        self.put_parent()
        self.status = Status(self.paths)
        self.control = Control(self.paths, self.status, write_text=self.write)
        self.world = World(
            self.paths, self.run, self.status, self.control, self, self.now, self.monotonic_ns, self.sleep, RELEASE  # type: ignore[arg-type]
        )  # fmt: skip

    def boot(self, number: int) -> None:
        """Give this boot of the host its name."""
        self.put(self.root / "proc/sys/kernel/random/boot_id", f"00000000-0000-4000-8000-{number:012x}")

    @staticmethod
    def put(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    # What stands.

    def folder(self, slot: str) -> Path:
        return self.root / "sys/kernel/twostep/slots" / slot

    def set(self, slot: str = "data", **values: object) -> None:
        """Set status files; `last_swap__reason` is last_swap/reason."""
        for name, value in values.items():
            self.put(self.folder(slot) / name.replace("__", "/").rstrip("_"), str(value))

    def get(self, name: str, slot: str = "data") -> str:
        return (self.folder(slot) / name).read_text().rstrip("\n")

    def add_slot(self, slot: str = "data", version: str = "1.0.0", generation: int = 1, **changes: str) -> None:
        """Make a slot that serves; `changes` are of its child's modinfo."""
        self.register(version, **changes)
        self.set(slot, state="serving", family="remap", params="lower=/dev/vdb", version=version, module=module_of(version))
        self.set(slot, generation=generation, parked="", inflight=0, openers=0, child__reads=3)
        self.set(slot, srcversion="", previous="", probation="none", probation_failures=0, refused_ends=0, hold_histogram="0 0 0")
        self.set(slot, last_swap__generation=generation, last_swap__from="", last_swap__to=version, last_swap__mode="handover")
        self.set(slot, last_swap__result="ok", last_swap__reason="first adoption", last_swap__held_requests=0, last_swap__hold_ns=0)
        self.set(slot, **{f"last_swap__{name}": 0 for name in TIMES})
        self.put(self.root / f"sys/kernel/config/twostep/{slot}/request_bytes", "256")
        self.use(version, 1)

    def put_parent(self, srcversion: str = "PARENT", **elf: Any) -> Path:
        """Load the parent, and put its file where DKMS puts it; `srcversion` and `elf` are those of the file."""
        self.put(self.root / "sys/module/twostep/srcversion", "PARENT")
        facts = (("name", "twostep"), ("version", "1.0.0"), ("srcversion", srcversion), ("vermagic", VERMAGIC))
        return self._put_module("twostep", facts, {"versions": KERNEL_CRCS, "exports": PARENT_CRCS, **elf})

    def install(self, child: str, elf: Mapping[str, Any] | None = None, **changes: str) -> Path:
        """Put the module file of version `child` where DKMS puts it; `elf` is for `module_bytes`."""
        return self._put_module(module_of(child), tuple(modinfo_of(child, **changes).items()), {**LINKED, **(elf or {})})

    def _put_module(self, name: str, facts: tuple[tuple[str, str], ...], elf: Mapping[str, Any]) -> Path:
        path = self.root / f"lib/modules/{RELEASE}/updates/dkms/{name}.ko"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(module_bytes(facts, **elf))
        return path

    def register(self, version: str, srcversion: str | None = None, **changes: str) -> None:
        """Load a child."""
        facts = modinfo_of(version, **changes)
        module = facts["name"]
        folder = self.root / "sys/kernel/twostep/children" / module
        self.put(folder / "family", facts["twostep_family"])
        self.put(folder / "version", version)
        self.put(folder / "contract", "1.0")
        self.put(folder / "features", facts["twostep_features"].replace(" ", ""))
        self.put(folder / "schema_reads", facts["twostep_schema_reads"])
        self.put(folder / "schema_writes", facts["twostep_schema_writes"])
        self.put(folder / "request_bytes", facts["twostep_request_bytes"])
        self.put(folder / "users", "0")
        self.put(self.root / f"sys/module/{module}/srcversion", srcversion or facts["srcversion"])
        self.put(self.root / f"sys/module/{module}/initstate", "live")

    def use(self, version: str, count: int) -> None:
        self.put(self.root / f"sys/kernel/twostep/children/{module_of(version)}/users", str(count))

    def is_loaded(self, version: str) -> bool:
        return (self.root / f"sys/module/{module_of(version)}").exists()

    def drop(self, module: str) -> None:
        for folder in (self.root / "sys/kernel/twostep/children" / module, self.root / "sys/module" / module):
            for path in sorted(folder.glob("*")):
                path.unlink()
            if folder.exists():
                folder.rmdir()

    # What a write would change.

    def write(self, path: str, text: str) -> None:
        slot, name = path.rsplit("/", 2)[1:]
        self.writes.append((name, text))
        if name in self.refuse:
            if name == "swap" and self.reason:
                self.set(slot, last_swap__to=dict(word.split("=") for word in text.split())["version"])
                self.set(slot, last_swap__result="returned", last_swap__reason=self.reason, last_swap__hold_ns=7_000_000)
            raise OSError(self.refuse[name], os.strerror(self.refuse[name]))
        if name == "swap":
            self._swap(slot, dict(word.split("=") for word in text.split()))
        elif name == "commit":
            if self.get("parked", slot):
                self.use(self.get("parked", slot), 0)
            self.set(slot, parked="")

    def _swap(self, slot: str, line: dict[str, str]) -> None:
        if int(line["generation"]) != int(self.get("generation", slot)):
            raise OSError(errno.ESTALE, "stale")
        old = self.get("version", slot)
        self.set(slot, last_swap__from=old, last_swap__to=line["version"], last_swap__mode=line["mode"])
        if line["mode"] == "two_step":
            self.use(old, 0)
            self.set(slot, state="detached", version="", module="", last_swap__result="detached", last_swap__reason="waiting")
        else:
            self.adopt(slot, line["version"], parked=old)

    def adopt(self, slot: str, version: str, parked: str = "") -> None:
        self.set(slot, state="serving", version=version, module=module_of(version), parked=parked)
        self.set(slot, generation=int(self.get("generation", slot)) + 1, last_swap__result="ok", last_swap__reason="adopted")
        self.set(slot, last_swap__hold_ns=1_500_000, last_swap__held_requests=4, last_swap__adopt_ns=1000)
        self.use(version, 1)

    # Programs.

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        self.calls.append(list(argv))
        program = argv[0]
        if program in self.answers:
            return self.answers[program]
        if program == "modprobe":
            path = self.root / f"lib/modules/{RELEASE}/updates/dkms/{argv[1]}.ko"
            if not path.exists():
                return Result(1, "", f"modprobe: FATAL: Module {argv[1]} not found in directory /lib/modules")
            self.register(argv[1][len("twostep_remap_") :].replace("_", "."))
        elif program == "rmmod":
            self.drop(argv[1])
        elif program == "systemd-run":
            self.on_start(argv[-1])
        elif program == "systemctl":
            return Result(0, "active\n" if any(name in argv[-1] for name in self.alive) else "inactive\n", "")
        elif program == "dmesg":
            return Result(0, self.log, "")
        return Result(0, "", "")

    # The loader of two_step.

    def lock_memory(self) -> None:
        self.inserted.append("lock")

    def insert(self, module: str, image: bytes) -> None:
        if self.insert_fails and module != module_of("1.0.0"):
            raise TwostepError("load_failed", f"The kernel refused module {module}: Exec format error.", "Read the kernel log of the host.")
        self.inserted.append(module)
        version = module[len("twostep_remap_") :].replace("_", ".")
        self.register(version)
        self.adopt("data", version)
        if self.insert_fails:
            self.set(last_swap__result="returned", last_swap__reason="the deadline passed")

    def remove(self, module: str) -> None:
        self.inserted.append(f"-{module}")
        self.drop(module)

    # Time.

    def now(self) -> str:
        return "2026-01-31T23:59:58.000000Z"

    def monotonic_ns(self) -> int:
        self.clock_ns += 1000
        return self.clock_ns

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock_ns += int(seconds * 1_000_000_000)
