# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of the compatibility question and of its answer. Decides nothing; `compat.py` does."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Mapping

from .candidate import Candidate
from .elf import Machine
from .errors import TwostepError
from .linkage import Linkage
from .modprobe_conf import Rule
from .slots import Child, Contract, Slot
from .symbols import Symbols

# From harmless to forbidding; the last four are verdicts.
LEVELS = ("info", "warning", "two_step", "warm", "cold", "refuse")
BLOCKING = ("warm", "cold", "refuse")
# What a boot of the same kernel and parent cures.
CURED_BY_A_BOOT = ("modules_disabled",)


@dataclass(frozen=True)
class Kernel:
    """What the running kernel says about modules.

    :ivar vermagic: with `machine` and `module_bytes` taken from a module that came with the kernel; None where none could be read.
    :ivar taint: the kernel's bits about its own state, None where they cannot be read.
    """

    release: str
    vermagic: str | None = None
    sig_enforce: bool = False
    lockdown: str = "none"
    modules_disabled: bool = False
    machine: Machine | None = None
    module_bytes: int | None = None
    taint: int | None = 0

    @property
    def wants_signature(self) -> str | None:
        """Return what refuses unsigned modules, or None."""
        if self.sig_enforce:
            return "module.sig_enforce is set"
        return f"the kernel is locked down ({self.lockdown})" if self.lockdown != "none" else None


@dataclass(frozen=True)
class Question:
    """Everything that the verdict depends on.

    :ivar version: the version asked for.
    :ivar kernel_release: kernel that the file is for; another one than `kernel.release` only ever gives cold or refuse.
    :ivar candidate: facts of the file, or None with the `problem` that kept them from being read.
    :ivar old: registration of the child that serves, None where nothing serves.
    :ivar request_bytes: what the slot's queue has room for with each request, None where it could not be read.
    :ivar loaded: registration of the loaded module of the candidate's name, if it is a child.
    :ivar loaded_srcversion: checksum of the sources of that loaded module.
    :ivar linkage: what the file wants from the kernel, None where it cannot be told.
    :ivar symbols: what the kernel has of that.
    :ivar exporters: of the symbols that the file exports those that the kernel has already, with the module that exports them; None
        where that cannot be told.
    :ivar rules: of the administrator, about loading the candidate.
    :ivar old_file: facts of the file of `old`, None where no file is the build that serves.
    """

    slot: Slot
    contract: Contract
    version: str
    kernel: Kernel
    kernel_release: str
    candidate: Candidate | None = None
    problem: TwostepError | None = None
    old: Child | None = None
    request_bytes: int | None = None
    loaded: Child | None = None
    loaded_srcversion: str | None = None
    ask_two_step: bool = False
    linkage: Linkage | None = None
    symbols: Symbols = field(default_factory=Symbols)
    exporters: Mapping[str, str] | None = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    old_file: Candidate | None = None

    @property
    def is_stale(self) -> bool:
        """Return whether the loaded module of the candidate's name is another build than the file."""
        loaded, candidate = self.loaded, self.candidate
        if loaded is None or candidate is None:
            return False
        return loaded.version != candidate.version or self.loaded_srcversion != (candidate.srcversion or None)

    @property
    def needs_load(self) -> bool:
        """Return whether the file must be loaded for the swap; a build that the kernel has already need not be."""
        return self.loaded is None or self.is_stale


@dataclass(frozen=True)
class Reason:
    """Why the verdict is what it is. `axis` is contract, state, kernel, peers or slot."""

    axis: str
    code: str
    level: str
    message: str
    next_step: str


@dataclass(frozen=True)
class Verdict:
    """The answer. `schema` is the one that a two_step swap must name, None where the kernel's own choice does."""

    verdict: str
    mode: str | None
    reasons: tuple[Reason, ...]
    schema: int | None = None

    @property
    def blocking(self) -> Reason | None:
        """Return the reason that rules a swap out, or None."""
        return next((reason for reason in self.reasons if reason.level in BLOCKING), None)

    @property
    def blocking_warm(self) -> Reason | None:
        """Return the reason that rules out even a slot that is taken down for it, or None."""
        return next((reason for reason in self.reasons if reason.level in ("cold", "refuse")), None)

    @property
    def blocking_cold(self) -> Reason | None:
        """Return the reason that rules out even a boot into the version, with the parent as it is, or None."""
        return next((reason for reason in self.reasons if reason.level in ("cold", "refuse") and reason.code not in CURED_BY_A_BOOT), None)

    def as_dict(self) -> dict[str, Any]:
        """Return verdict, mode and reasons as plain data."""
        return {"verdict": self.verdict, "mode": self.mode, "reasons": [asdict(reason) for reason in self.reasons]}
