# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every path of a host that this collection reads or writes, below one injectable root."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paths:
    """Paths as strings; ``root`` is empty on a real host and a folder in tests."""

    root: str = ""

    def at(self, path: str) -> str:
        """Return an absolute ``path`` below the root."""
        return self.root + path

    @property
    def proc(self) -> str:
        return self.at("/proc")

    @property
    def sys(self) -> str:
        return self.at("/sys")

    @property
    def configfs(self) -> str:
        """Control side of the parent: one folder per slot."""
        return self.at("/sys/kernel/config/twostep")

    @property
    def status(self) -> str:
        """Status side of the parent."""
        return self.at("/sys/kernel/twostep")

    @property
    def slots_d(self) -> str:
        """Boot configuration, one JSON file per slot."""
        return self.at("/etc/twostep/slots.d")

    @property
    def units(self) -> str:
        return self.at("/etc/systemd/system")

    @property
    def lib(self) -> str:
        """Home of the content-addressed agent."""
        return self.at("/usr/local/lib/twostep")

    @property
    def state(self) -> str:
        """Ledger and swap requests; 0700."""
        return self.at("/var/lib/twostep")

    @property
    def ledger(self) -> str:
        return self.state + "/ledger.jsonl"

    @property
    def lease(self) -> str:
        """Whose lease of the fleet this host has granted, and the highest epoch that it has seen."""
        return self.state + "/lease.json"

    @property
    def swaps(self) -> str:
        return self.state + "/swaps"

    @property
    def reloads(self) -> str:
        return self.state + "/reloads"

    @property
    def kept(self) -> str:
        """Copies of the files of loaded modules, below the release of their kernel."""
        return self.state + "/kept"

    @property
    def trials(self) -> str:
        """Versions that the next boot tries, one JSON file per slot."""
        return self.state + "/trials"

    @property
    def rejected(self) -> str:
        """Builds that evidence has spoken against, one JSON file per build."""
        return self.state + "/rejected"

    @property
    def early(self) -> str:
        """What the initramfs of each kernel was last made with, one file per kernel."""
        return self.state + "/early"

    @property
    def source(self) -> str:
        return self.at("/usr/src")

    @property
    def dkms_tree(self) -> str:
        return self.at("/var/lib/dkms")

    @property
    def boot(self) -> str:
        """Kernels, their initramfs, and on some distributions their symbol versions."""
        return self.at("/boot")

    def modules(self, kernel: str) -> str:
        """Return the module folder of a kernel release."""
        return self.at(f"/lib/modules/{kernel}")
