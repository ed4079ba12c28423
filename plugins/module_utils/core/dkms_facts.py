# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has of a DKMS package version, as it was looked at. Data only: `core/dkms.py` decides on it."""

from __future__ import annotations

from dataclasses import dataclass

from .module_signature import Signature


@dataclass(frozen=True)
class FileFacts:
    """A module file that was looked at. `problem` is empty when it could be read as a module."""

    name: str
    path: str
    sha256: str = ""
    version: str = ""
    vermagic: str = ""
    srcversion: str = ""
    signed: bool = False
    problem: str = ""
    signature: Signature | None = None


@dataclass(frozen=True)
class KernelFacts:
    """What one kernel has of a package version.

    `status` is what DKMS says: `absent`, `added`, `built`, `installed` or a word we do not know. `half_built` means that a
    build folder exists that DKMS does not count as built: an interrupted build, which DKMS then refuses to repeat.
    `excluded` says why the package is not meant for this kernel, and is empty when it is. `shipped` are the modules of a binary that
    was built elsewhere, `shipped_from` by whom.
    """

    kernel: str
    status: str = "absent"
    half_built: bool = False
    built: tuple[FileFacts, ...] = ()
    installed: tuple[FileFacts, ...] = ()
    excluded: str = ""
    shipped: tuple[FileFacts, ...] = ()
    shipped_from: str = ""

    def built_file(self, name: str) -> FileFacts | None:
        return next((entry for entry in self.built if entry.name == name), None)

    def installed_file(self, name: str) -> FileFacts | None:
        return next((entry for entry in self.installed if entry.name == name), None)


@dataclass(frozen=True)
class Found:
    """What a host has of a package version. `source` is `absent`, `wanted` or `other`; `registered`: DKMS knows it."""

    package: str
    version: str
    source: str = "absent"
    registered: bool = False
    kernels: tuple[KernelFacts, ...] = ()

    @property
    def has_builds(self) -> bool:
        return any(kernel.status in ("built", "installed") or kernel.built for kernel in self.kernels)
