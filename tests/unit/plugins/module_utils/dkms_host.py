# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host below a folder, with a DKMS that works on it, and what a controller wants of it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.host import source_archive
from ansible_collections.twostep.hotswap.plugins.module_utils.host.dkms_job import Job, Outcome, Request
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.dkms_double import ARCH, DkmsDouble

K, K2 = "6.1.0-56-cloud-amd64", "6.1.0-57-cloud-amd64"
PARENT = dkms_conf.package("twostep", "1.0.0", modules=[{"name": "twostep", "location": "parent"}], publish_symvers=True)


def child(version: str) -> dkms_conf.Package:
    name = f"twostep_remap_{version.replace('.', '_')}"
    return dkms_conf.package(
        "twostep-remap", version, modules=[{"name": name, "location": "remap"}], depends=["twostep"], symvers_from="twostep"
    )


def taken(outcome: Outcome) -> list[str]:
    return [step.action for step in outcome.steps]


class Host:
    """A host below a folder, and a controller folder beside it."""

    def __init__(self, folder: Path, name: str = "n1") -> None:
        self.name = name
        self.root = folder / "root"
        self.dkms = DkmsDouble(self.root)
        self.source = folder / "kmod"
        self.programs = {"dkms", "make", "gcc"}
        self.euid = 0
        self.machine = ARCH
        for kernel in (K, K2):
            (self.root / "lib/modules" / kernel / "build/include").mkdir(parents=True)
        for part in ("parent", "remap"):
            (self.source / part).mkdir(parents=True)
            (self.source / part / "Kbuild").write_text("obj-m := x.o\n")
        (self.root / "etc").mkdir()
        (self.root / "etc/os-release").write_text("ID=debian\n")

    @property
    def paths(self) -> Paths:
        return Paths(str(self.root))

    def request(self, package: dkms_conf.Package, state: str = "present", kernels: tuple[str, ...] = (K,), **options) -> Request:
        if state == "absent":
            return Request(package, state, kernels)
        packed, sha256 = source_archive.pack(str(self.source))
        archive = self.source.parent / "source.tar.gz"
        archive.write_bytes(source_archive.compress(packed))
        return Request(package, state, kernels, str(archive), sha256, **options)

    def job(self, *arguments, **options) -> Job:
        ticks = iter(range(1000))
        return Job(
            self.request(*arguments, **options),
            self.paths,
            self.dkms,
            which=lambda name: f"/bin/{name}" if name in self.programs else None,
            euid=lambda: self.euid,
            now=lambda: float(next(ticks)),
            machine=self.machine,
            name=self.name,
        )

    def apply(self, *arguments, **options) -> Outcome:
        return self.job(*arguments, **options).apply()

    def snapshot(self) -> dict[str, bytes]:
        return {
            str(path): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.is_symlink() and path.suffix != ".lock"
        }
