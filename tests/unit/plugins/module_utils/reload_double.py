# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pretended host whose modules are unloaded and loaded: a vendor's `lower` and `upper`, where the second uses the first, or the parent.

Its initramfs is a folder of module files, which is made again from what is installed. It can be killed at each single act, as by kill -9.
That a kernel lets go of a module is shown by kernels, in virtual machines.
"""

from __future__ import annotations

import contextlib
import errno
import lzma
import os
import shutil
import struct
from dataclasses import replace
from gzip import compress
from pathlib import Path
from typing import Callable, Iterator

from ansible_collections.twostep.hotswap.plugins.module_utils.core import slots
from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_identity import Identity
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import ModuleFacts, Part
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload_request import ReloadRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, kept_modules, module_state, reload_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.kernel_control import Control
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import Section, module_bytes, section
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import (
    KERNEL_CRCS,
    PARENT_CRCS,
    RELEASE,
    VERMAGIC,
)  # fmt: skip
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK, WarmDouble

LOWER, UPPER, PARENT = "lower", "upper", "twostep"
BOOT = '{"schema": 1, "slot": "data", "family": "remap", "params": "lower=/dev/vdb", "version": "1.0.0"}'
EVERYBODY = (["web.service"], ["/srv"], [f"{DISK}p2"], ["md0"])
NOBODY: tuple = ([], [], [], [])
_FOLDER = f"lib/modules/{RELEASE}/updates/dkms"
_SECTION = ".note.gnu.build-id"
_EMPTY = {"state": "empty", "family": "", "params": "", "version": "", "module": "", "generation": 0, "parked": "", "inflight": 0}
_EMPTY.update(openers=0, srcversion="", previous="", probation="none", probation_failures=0, refused_ends=0, hold_histogram="0 0 0")


class KilledError(BaseException):
    """The process is no more: nothing of ours may catch it."""


def identity(version: str) -> Identity:
    """Return the marks of a build, as file and kernel show them."""
    return Identity(version.replace(".", "").encode().hex().ljust(40, "a"), f"SRC{version}", version)


def note(build_id: str, order: str = "<") -> bytes:
    """Return the note section of a file with that build ID."""
    mark = bytes.fromhex(build_id)
    return struct.pack(f"{order}III", 4, len(mark), 3) + b"GNU\0" + mark


def image(name: str, version: str) -> bytes:
    """Return a module file; the parent's has what children need."""
    marks = identity(version)
    facts = (("name", name), ("version", version), ("srcversion", marks.srcversion), ("vermagic", VERMAGIC))
    extra: tuple[Section, ...] = (section(_SECTION, note(marks.build_id)),) if marks.build_id else ()
    return module_bytes(facts, versions=KERNEL_CRCS, exports=PARENT_CRCS if name == PARENT else None, extra=extra)


def packed(data: bytes, suffix: str) -> bytes:
    """Return a module file as its suffix says; the one of zstd is nonsense, as it is to Python."""
    return {".ko": lambda: data, ".ko.xz": lambda: lzma.compress(data), ".ko.gz": lambda: compress(data), ".ko.zst": lambda: b"(\xb5/\xfd"}[
        suffix
    ]()


class ReloadDouble(WarmDouble):
    """`refused` are what modprobe does not load, as `2.0` or `upper 2.0`; `useless` versions that nobody comes back on, `stuck` modules
    that stay. `initramfs_rc` is how what makes the initramfs ends.

    `die_at` is the moment in which it is killed, and `moments` tells how many there were: one before each command that changes something,
    and each write to the parent. `unserved` are those that were started though no disk was there.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.refused: list[str] = []
        self.useless: list[str] = []
        self.stuck: list[str] = []
        self.unserved: list[str] = []
        self.depmod_fails = False
        self.initramfs_rc = 0
        self.moments = 0
        self.die_at = 0
        self.on_act: Callable[[list[str]], None] = lambda argv: None
        self._modules: tuple[str, ...] = ()
        self.control = Control(self.paths, self.status, self.write, self.mkdir, self.rmdir)
        self.world = replace(self.world, control=self.control)

    # What is installed and loaded.

    def install_file(self, name: str, version: str, suffix: str = ".ko") -> Path:
        """Install a module file for the kernel, in place of any other of its name."""
        for old in (self.root / _FOLDER).glob(f"{name}.ko*"):
            old.unlink()
        path = self.root / _FOLDER / (name + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed(image(name, version), suffix))
        return path

    def load_module(self, name: str, version: str) -> None:
        """Have the kernel know a module."""
        folder, marks = self.root / "sys/module" / name, identity(version)
        self.put(folder / "initstate", "live")
        self.put(folder / "srcversion", marks.srcversion)
        self.put(folder / "version", version)
        (folder / "notes").mkdir(exist_ok=True)
        (folder / "notes" / _SECTION).write_bytes(note(marks.build_id))
        (folder / "holders").mkdir(exist_ok=True)
        if name == UPPER:
            (self.root / "sys/module" / LOWER / "holders" / UPPER).mkdir(parents=True, exist_ok=True)

    def unload_module(self, name: str) -> None:
        shutil.rmtree(str(self.root / "sys/module" / name))
        holder = self.root / "sys/module" / LOWER / "holders" / name
        if holder.exists():
            holder.rmdir()

    def loaded(self, *names: str) -> list[str]:
        """Return the versions that are loaded, `-` for none."""
        paths = [self.root / "sys/module" / name / "version" for name in names or (LOWER, UPPER)]
        return [path.read_text().strip() if path.exists() else "-" for path in paths]

    def installed(self, *names: str) -> list[str]:
        """Return the versions that are installed."""
        return [self.look(name).file.version or "-" for name in names or (LOWER, UPPER)]

    def carry(self, *names: str) -> None:
        """Have an initramfs with what is installed of these modules."""
        self.put(self.root / "usr/share/initramfs-tools/hook-functions", "")
        self.put(self.root / f"boot/initrd.img-{RELEASE}", " ".join(names))
        self._make_initramfs()

    def carried(self, *names: str) -> list[str]:
        """Return the versions that the initramfs has, `-` for none."""
        found = {path.name[: path.name.index(".")]: module_state.identity_of(str(path), self.peek) for path in self._initramfs()}
        return [found[name].version if name in found else "-" for name in names or (LOWER, UPPER)]

    def _initramfs(self) -> list[Path]:
        return sorted((self.root / "initramfs").rglob("*.ko*"))

    def _make_initramfs(self) -> None:
        shutil.rmtree(str(self.root / "initramfs"), ignore_errors=True)
        for name in (self.root / f"boot/initrd.img-{RELEASE}").read_text().split():
            path = Path(self.look(name).path or "")
            into = self.root / "initramfs/usr" / path.relative_to("/")
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(self.root) + str(path), str(into))

    def look(self, name: str) -> ModuleFacts:
        return module_state.look(self.paths, self.peek, RELEASE, name)

    def keep(self, *names: str) -> list[str]:
        return [kept_modules.keep(self.paths, self.peek, RELEASE, self.look(name)) for name in names or (LOWER, UPPER)]

    def vendor(self, kept: bool = True, carried: bool = False) -> None:
        """Have `lower` and `upper` 1.0 loaded, and `carried` by the initramfs, 2.0 installed, and the disk used in each way."""
        self._modules = (LOWER, UPPER)
        for name in self._modules:
            self.install_file(name, "1.0")
            self.load_module(name, "1.0")
        if kept:
            self.keep()
        if carried:
            self.carry(*self._modules)
        for name in (LOWER, UPPER):
            self.install_file(name, "2.0")
        self.all_users()

    def with_parent(self, kept: bool = True, *more_slots: str, carried: bool = False) -> None:
        """Have the parent 1.0.0 loaded with its slots in use, and 2.0.0 installed."""
        self._modules = (PARENT,)
        for slot in more_slots:
            self.add_slot(slot)
        for slot in ("data", *more_slots):
            self.put(self.root / f"etc/twostep/slots.d/{slot}.json", BOOT.replace("data", slot))
        self.install_file(PARENT, "1.0.0")
        self.load_module(PARENT, "1.0.0")
        if kept:
            self.keep(PARENT)
        if carried:
            self.carry(PARENT)
        self.install_file(PARENT, "2.0.0")
        self.all_users()

    def request(self, *names: str, units: tuple[str, ...] = ("web.service",), one_way: bool = False) -> ReloadRequest:
        """Write the request for what is loaded and installed, as the module does."""
        parts = []
        for name in names or (LOWER, UPPER):
            found = self.look(name)
            kept = "" if one_way else kept_modules.find(self.paths, self.peek, RELEASE, found) or ""
            parts.append(Part(name, found.loaded, found.file, found.path or "", kept))
        devices = () if names == (PARENT,) else (DISK,)
        request = ReloadRequest("reload-1", "run-1", "t", tuple(parts), devices, units)
        reload_folder.write_request(self.paths, request)
        return request

    # Acts.

    @contextlib.contextmanager
    def _act(self, argv: list[str]) -> Iterator[None]:
        self._moment()
        self.on_act(argv)
        yield
        if argv[0] == "depmod":
            self._moment()  # another file may be written before the next act

    def _moment(self) -> None:
        self.moments += 1
        if self.moments == self.die_at:
            raise KilledError

    def peek(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        """Answer what modinfo would; nobody is killed by looking."""
        if argv[:2] == ["modinfo", "-k"]:
            found = sorted((self.root / _FOLDER).glob(f"{argv[-1]}.ko*"))
            return Result(0, f"/{found[0].relative_to(self.root)}\n", "") if found else Result(1, "", "modinfo: ERROR: not found.\n")
        return super().run(argv, timeout_s, stdin)

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        program = argv[0]
        if program in self.answers or program in ("dmesg", "systemd-run"):
            return super().run(argv, timeout_s, stdin)
        if argv[:2] == ["modinfo", "-k"]:
            return self.peek(argv)
        if program == "lsinitramfs":
            return Result(0, "".join(f"{path.relative_to(self.root / 'initramfs')}\n" for path in self._initramfs()), "")
        if argv[:2] == ["systemctl", "show"] or program == "udevadm":
            return super().run(argv, timeout_s, stdin)
        with self._act(argv):
            return self._done(argv)

    def _done(self, argv: list[str]) -> Result:
        program = argv[0]
        if program == "modprobe":
            return self._modprobe(argv)
        if program == "rmmod":
            return self._rmmod(argv)
        if program == "unmkinitramfs":
            shutil.copytree(str(self.root / "initramfs"), f"{argv[-1]}/main")
            return Result(0, "", "")
        if program == "timeout" and "update-initramfs" in argv:
            self.calls.append(argv[3:])
            if self.initramfs_rc == 0:
                self._make_initramfs()
            return Result(self.initramfs_rc, "", "No space left on device\n" if self.initramfs_rc else "")
        if program == "depmod" or (self._starts(argv) and not self._serves()):
            self.calls.append(list(argv))
            self.unserved += [] if program == "depmod" else [argv[-1]]
            return Result(int(program != "depmod" or self.depmod_fails), "", f"{program}: no.\n")
        return super().run(argv)

    @staticmethod
    def _starts(argv: list[str]) -> bool:
        return argv[0] in ("mount", "swapon") or argv[:2] == ["systemctl", "start"] or "--re-add" in argv

    def _serves(self) -> bool:
        """Return whether there is a disk that somebody can use."""
        if "-" in self.loaded(*self._modules) or any(version in self.useless for version in self.loaded(*self._modules)):
            return False
        return self._modules != (PARENT,) or ((self.folder("data") / "state").exists() and self.get("state") == "serving")

    def _modprobe(self, argv: list[str]) -> Result:
        name = argv[1]
        found = self.look(name)
        if name not in (PARENT, LOWER, UPPER) or found.path is None:
            return super().run(argv)
        self.calls.append(list(argv))
        if {found.file.version, f"{name} {found.file.version}"} & set(self.refused):
            return Result(1, "", f"modprobe: ERROR: could not insert '{name}': Exec format error\n")
        self._insert(name, found.file.version)
        return Result(0, "", "")

    def _insert(self, name: str, version: str) -> None:
        self.load_module(name, version)
        if name == PARENT:
            self.put(self.root / "sys/kernel/twostep/contract", "1.0")
            for folder in ("sys/kernel/twostep/slots", "sys/kernel/twostep/children", "sys/kernel/config/twostep"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)

    def _rmmod(self, argv: list[str]) -> Result:
        name = argv[1]
        if name not in (PARENT, LOWER, UPPER):
            users = self.root / "sys/kernel/twostep/children" / name / "users"
            return super().run(argv) if users.read_text() == "0\n" else Result(1, "", f"rmmod: ERROR: Module {name} is in use\n")
        self.calls.append(list(argv))
        if name in self.stuck or self._is_used(name):
            return Result(1, "", f"rmmod: ERROR: Module {name} is in use\n")
        self.unload_module(name)
        if name == PARENT:
            shutil.rmtree(str(self.root / "sys/kernel/twostep"))
            shutil.rmtree(str(self.root / "sys/kernel/config/twostep"))
        return Result(0, "", "")

    def _is_used(self, name: str) -> bool:
        if name == PARENT:
            folders = [self.root / "sys/kernel/twostep" / one for one in ("slots", "children")]
            return any(list(folder.iterdir()) for folder in folders)
        return bool(self.mounted or self.swaps or self.arrays or list((self.root / "sys/module" / name / "holders").iterdir()))

    # The parent's side.

    def mkdir(self, path: str) -> None:
        with self._act(["mkdir", path]):
            os.mkdir(path)
            self.put(Path(path) / "request_bytes", "256")
            last = {**dict.fromkeys(slots.LAST_SWAP_FILES, 0), "from": "", "to": "", "mode": "handover", "result": "none", "reason": ""}
            self.set(os.path.basename(path), **_EMPTY, **{f"last_swap__{name}": value for name, value in last.items()})

    def rmdir(self, path: str) -> None:
        with self._act(["rmdir", path]):
            slot = os.path.basename(path)
            if self.get("state", slot) != "empty":
                raise OSError(errno.EBUSY, "busy", path)
            shutil.rmtree(path)
            shutil.rmtree(str(self.folder(slot)))

    def write(self, path: str, text: str) -> None:
        with self._act(["write", path, text]):
            slot, name = path.rsplit("/", 2)[1:]
            if name == "swap" and self.loaded(PARENT)[0] in self.useless:
                raise OSError(errno.EIO, "no")
            super().write(path, text)
            if name in ("family", "params"):
                self.set(slot, **{name: text})

    # The host.

    def reboot(self) -> None:
        """Come up with what the initramfs has, or else is installed; nobody is there who uses disks."""
        self.running, self.mounted, self.swaps, self.stuck = [], [], {}, []
        for array, device in list(self.arrays.items()):
            self.leave(array, device)
        if self._modules == (PARENT,):
            for slot in self.status.slot_names():
                self.set(slot, state="empty")
                self.rmdir(f"{self.paths.configfs}/{slot}")
            for child in self.status.children():
                self.drop(child.module)
        for name in reversed(self._modules):
            if self.loaded(name) != ["-"]:
                self._rmmod(["rmmod", name])
        for name in self._modules:
            (version,) = self.carried(name)
            if version == "-":
                self.run(["modprobe", name])
            else:
                self._insert(name, version)
        if self._modules == (PARENT,):
            agent.restore(self.world)
        self._show()
        self.unserved.clear()
