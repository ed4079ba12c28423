# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of the compatibility question and of its answer. Decides nothing; `compat.py` does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .candidate import Candidate
from .errors import TwostepError
from .slots import Child, Contract, Slot

# From harmless to forbidding; the last four are verdicts.
LEVELS = ("info", "warning", "two_step", "warm", "cold", "refuse")
_BLOCKING = ("warm", "cold", "refuse")


@dataclass(frozen=True)
class Kernel:
    """What the running kernel says about modules. `vermagic` is None where no module file of the kernel could be read."""

    release: str
    vermagic: str | None = None
    sig_enforce: bool = False
    lockdown: str = "none"
    modules_disabled: bool = False

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


@dataclass(frozen=True)
class Reason:
    """Why the verdict is what it is. `axis` is contract, state, kernel or slot."""

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
        return next((reason for reason in self.reasons if reason.level in _BLOCKING), None)

    def as_dict(self) -> dict[str, Any]:
        """Return verdict, mode and reasons as plain data."""
        return {"verdict": self.verdict, "mode": self.mode, "reasons": [asdict(reason) for reason in self.reasons]}
