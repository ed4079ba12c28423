# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DKMS for tests: does to a folder tree what DKMS 3.0.10 was seen to do, without a compiler."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes

ARCH = "x86_64"


class DkmsDouble:
    """Takes the place of `run`. `refuse` maps an action to the result that it answers instead of working; `lie` names actions
    that answer 0 and do nothing; `version` overrides the version that built modules carry; `signs`: whether a build signs with the
    key of DKMS itself; `signature` is what sign-file appends; `compiler` is the version of the compiler."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[list[str]] = []
        self.refuse: dict[str, Result] = {}
        self.lie: set[str] = set()
        self.version = ""
        self.compiler = "12"
        self.signature = b""
        self.signs = True

    def __call__(self, argv: list[str], **_options: object) -> Result:
        self.calls.append(list(argv))
        if argv[0] == "depmod":
            return Result(0, "", "")
        if argv[1:] == ["-dumpversion"]:
            return Result(0, f"{self.compiler}\n", "")
        if argv[0].endswith("sign-file"):
            return self.sign_file(argv)
        assert argv[0] == "dkms", argv
        action, options = argv[1], dict(zip(argv[2::2], argv[3::2]))
        if action in self.refuse:
            return self.refuse[action]
        if action in self.lie:
            return Result(0, "", "")
        return getattr(self, action)(options.get("-m", ""), options.get("-v", ""), options.get("-k", ""))

    @property
    def actions(self) -> list[str]:
        """The changing calls, in order."""
        return [call[1] if call[0] == "dkms" else Path(call[0]).name for call in self.calls if call[1] not in ("status", "-dumpversion")]

    def tree(self, package: str, version: str = "") -> Path:
        return self.root / "var/lib/dkms" / package / version

    def link(self, package: str, kernel: str) -> Path:
        return self.tree(package) / f"kernel-{kernel}-{ARCH}"

    def place(self, kernel: str) -> Path:
        return self.root / "lib/modules" / kernel / "updates/dkms"

    def sign_file(self, argv: list[str]) -> Result:
        if "sign-file" in self.refuse:
            return self.refuse["sign-file"]
        with open(argv[4], "ab") as stream:
            stream.write(self.signature)
        return Result(0, "", "")

    def status(self, package: str, _version: str, _kernel: str) -> Result:
        lines = []
        for tree in sorted(self.tree(package).glob("*.*.*")):
            if tree.is_symlink() or not (tree / "source").is_symlink():
                continue
            built = sorted(path.parent.parent.name for path in tree.glob(f"*/{ARCH}/module"))
            for kernel in built:
                is_active = os.path.realpath(self.link(package, kernel)) == os.path.realpath(tree / kernel / ARCH)
                lines.append(f"{package}/{tree.name}, {kernel}, {ARCH}: {'installed' if is_active else 'built'}")
            if not built:
                lines.append(f"{package}/{tree.name}: added")
        return Result(0, "".join(line + "\n" for line in lines), "")

    def add(self, package: str, version: str, _kernel: str) -> Result:
        tree = self.tree(package, version)
        if (tree / "source").is_symlink():
            return Result(3, "", f"Error! DKMS tree already contains: {package}-{version}\n")
        tree.mkdir(parents=True, exist_ok=True)
        (tree / "source").symlink_to(self.root / f"usr/src/{package}-{version}")
        return Result(0, "", "")

    def build(self, package: str, version: str, kernel: str) -> Result:
        target = self.tree(package, version) / kernel / ARCH
        if target.exists():
            return Result(3, "", f"Error! This module/version has already been built on: {kernel}\n")
        conf = (self.tree(package, version) / "source/dkms.conf").read_text()
        (target / "module").mkdir(parents=True)
        for name in re.findall(r'BUILT_MODULE_NAME\[\d+\]="(\w+)"', conf):
            facts = (("name", name), ("version", self.version or version), ("vermagic", f"{kernel} SMP "), ("srcversion", "AB"))
            (target / "module" / f"{name}.ko").write_bytes(module_bytes(facts, signed=self.signs))
        if "POST_BUILD" in conf:
            (target / "Module.symvers").write_text("0x0 twostep_x vmlinux\n")
        return Result(0, "", "")

    def install(self, package: str, version: str, kernel: str) -> Result:
        self.place(kernel).mkdir(parents=True, exist_ok=True)
        for file in (self.tree(package, version) / kernel / ARCH / "module").iterdir():
            shutil.copyfile(file, self.place(kernel) / file.name)
        link = self.link(package, kernel)
        if link.is_symlink():
            link.unlink()
        link.symlink_to(f"{version}/{kernel}/{ARCH}")
        return Result(0, "", "")

    def uninstall(self, package: str, version: str, kernel: str) -> Result:
        if os.readlink(self.link(package, kernel)) == f"{version}/{kernel}/{ARCH}":
            self.link(package, kernel).unlink()
            for file in (self.tree(package, version) / kernel / ARCH / "module").iterdir():
                if (self.place(kernel) / file.name).exists():
                    (self.place(kernel) / file.name).unlink()
        return Result(0, "", "")

    def remove(self, package: str, version: str, _kernel: str) -> Result:
        for built in self.tree(package, version).glob(f"*/{ARCH}/module"):
            kernel = built.parent.parent.name
            link = self.link(package, kernel)
            if link.is_symlink() and os.readlink(link).startswith(f"{version}/"):
                self.uninstall(package, version, kernel)
        shutil.rmtree(self.tree(package, version))
        if not list(self.tree(package).iterdir()):
            self.tree(package).rmdir()
        return Result(0, "", "")
