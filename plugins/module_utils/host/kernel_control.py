# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control side of the parent: one write to configfs for each wish, and what its refusal means.

Nothing is decided and nothing is retried here. Every refusal of the kernel becomes a `TwostepError` whose `data` has the errno's name.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Callable

from ..core import names
from ..core.errors import TwostepError
from .paths import Paths
from .slots import Status

WriteText = Callable[[str, str], None]


def write_text(path: str, text: str) -> None:
    """Write `text` to a kernel file with exactly one write; OSError as the kernel answers."""
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode("ascii"))
    finally:
        os.close(handle)


@dataclass(frozen=True)
class SwapLine:
    """The request as the kernel wants it. `schema` is named only where the newest one of the old child would not do."""

    version: str
    generation: int
    mode: str = "handover"
    deadline_ms: int = 500
    schema: int | None = None
    one_way: bool = False

    def text(self) -> str:
        """Return the line."""
        line = f"version={names.version(self.version)} generation={self.generation:d} mode={self.mode} deadline_ms={self.deadline_ms:d}"
        line = line if self.schema is None else f"{line} schema={self.schema:d}"
        return f"{line} one_way=1" if self.one_way else line


_NOT_PERMITTED = (
    "not_permitted",
    "the kernel demands the right to load modules",
    "Run as root in the initial user namespace, e.g. with become.",
)
_SWAP: dict[int, tuple[str, str, str]] = {
    errno.EINVAL: ("bad_request", "the kernel did not understand the request", "Install the parent that belongs to this collection."),
    errno.ERANGE: ("bad_deadline", "the deadline is out of range", "Set deadline_ms from 1 to 10000."),
    errno.ENOENT: ("not_registered", "no such child is registered", "Load the module of that version and look at the kernel log."),
    errno.ESTALE: ("stale_generation", "the slot has another generation", "Read the slot again: somebody else has swapped it."),
    errno.EBUSY: ("slot_busy", "a swap runs, or a parked child waits for its commit", "Wait for the swap, or commit it, and run again."),
    errno.EPROTO: ("schema_none", "the children have no common schema", "Go through a version between them, or take the slot down first."),
    errno.EBADMSG: ("state_damaged", "a state record is damaged", "Keep the old version and report this to the makers of the child."),
    errno.ETIMEDOUT: ("deadline", "the deadline passed", "Raise deadline_ms, or swap when the lower device is less busy."),
    errno.E2BIG: ("request_bytes", "the child wants more data with each request", "Take the slot down and create it with the new version."),
    errno.ENOMEM: ("no_memory", "the kernel has no memory for the swap", "Free memory on the host and run again."),
    errno.ENOTRECOVERABLE: (
        "no_way_back",
        "the new child writes no state that the old one reads",
        "Consent with one_way, or go through a version between them.",
    ),
    errno.EAGAIN: ("suspending", "the machine is being suspended", "Run again when it is awake."),
    errno.EINTR: ("interrupted", "the requester was killed; the swap goes on", "Read the slot to see how it ended."),
}
_SWAP_REFUSED = (
    "child_refused",
    "the new child could not take over",
    "Read the kernel log, keep the old version, and correct the new child.",
)
_COMMIT: dict[int, tuple[str, str, str]] = {
    errno.ESTALE: _SWAP[errno.ESTALE],
    errno.EBUSY: ("slot_busy", "a swap runs", "Wait for the swap and run again."),
}
_IN_USE = ("slot_in_use", "somebody has its device open", "Unmount it and stop the programs that use it, then run again.")
_ACTIVE = ("slot_in_use", "it is active", "Take it down first, with twostep.hotswap.parent.")
_TOO_LATE = ("slot_active", "the slot serves already", "Take the slot down before it is configured again.")


@dataclass(frozen=True)
class Control:
    """The slots' folders in configfs. The filesystem calls are parameters, for tests."""

    paths: Paths
    status: Status
    write_text: WriteText = write_text
    mkdir: Callable[[str], None] = os.mkdir
    rmdir: Callable[[str], None] = os.rmdir

    def _folder(self, slot: str) -> str:
        return f"{self.paths.configfs}/{names.slot(slot)}"

    def exists(self, slot: str) -> bool:
        """Return whether the slot has a control folder."""
        return os.path.isdir(self._folder(slot))

    def setting(self, slot: str, name: str) -> str:
        """Return the text of a control file that can be read."""
        try:
            return self.status.read_text(f"{self._folder(slot)}/{name}").rstrip("\n")
        except OSError as error:
            raise self._error(slot, f"read {name} of", error, {}, None) from None

    def room(self, slot: str) -> int | None:
        """Return how much data each request of the slot has room for, None where the parent does not tell."""
        try:
            text = self.setting(slot, "request_bytes")
        except TwostepError:
            return None
        return int(text) if text.isascii() and text.isdigit() else None

    def create(self, slot: str) -> None:
        """Create a slot; it has no device until its first adoption."""
        known = {
            errno.EEXIST: ("slot_exists", "it exists already", "Use it as it is, or take it down first."),
            errno.EINVAL: ("bad_slot", "the kernel does not take the name", "Use up to 16 of a-z, 0-9, - and _, beginning with a letter."),
        }
        try:
            self.mkdir(self._folder(slot))
        except OSError as error:
            raise self._error(slot, "create", error, known, None) from None

    def configure(self, slot: str, name: str, value: str) -> None:
        """Set `family`, `params`, `queue_depth`, `hw_queues`, `request_bytes` or `expiry_policy`."""
        bad = ("bad_setting", f"the kernel does not take {value[:80]!r}", f"Correct {name}.")
        known = {errno.EBUSY: _TOO_LATE, errno.EINVAL: bad, errno.ERANGE: bad}
        self._write(slot, name, value, f"set {name} of", known)

    def swap(self, slot: str, line: SwapLine) -> None:
        """Ask for a swap; the first adoption is a swap with generation 0.

        On return the new child serves; in `two_step` the old one is released and its module may be unloaded.
        """
        try:
            self.write_text(f"{self._folder(slot)}/swap", line.text())
        except OSError as error:
            raise self._swap_error(slot, line, error) from None

    def commit(self, slot: str, generation: int) -> None:
        """Release the parked child; nothing happens without one."""
        self._write(slot, "commit", f"generation={generation:d}", "commit", _COMMIT)

    def deactivate(self, slot: str) -> None:
        """Take the slot's device away, or raise `slot_in_use`."""
        self._write(slot, "active", "0", "take down", {errno.EBUSY: _IN_USE})

    def remove(self, slot: str) -> None:
        """Remove an inactive slot."""
        try:
            self.rmdir(self._folder(slot))
        except OSError as error:
            raise self._error(slot, "remove", error, {errno.EBUSY: _ACTIVE}, None) from None

    def _write(self, slot: str, name: str, text: str, what: str, known: dict[int, tuple[str, str, str]]) -> None:
        try:
            self.write_text(f"{self._folder(slot)}/{name}", text)
        except OSError as error:
            raise self._error(slot, what, error, known, None) from None

    def _swap_error(self, slot: str, line: SwapLine, error: OSError) -> TwostepError:
        """Name the refusal; where the kernel said more in last_swap/reason, that is the text.

        A request that is refused before the kernel takes it up leaves the last report untouched; those errnos are told apart here.
        """
        known = dict(_SWAP)
        if error.errno == errno.ENOENT and not self.exists(slot):
            del known[errno.ENOENT]
        reason = None
        if error.errno not in (errno.EINVAL, errno.ERANGE, errno.ENOENT, errno.ESTALE, errno.EBUSY):
            try:
                last = self.status.slot(slot).last_swap
            except TwostepError:
                last = None
            if last is not None and last.to_version == line.version and last.result in ("returned", "failed"):
                reason = last.reason or None
        if error.errno == errno.EPERM and reason:
            known[errno.EPERM] = (
                "promise_broken",
                "the new child breaks a promise of the old one",
                "Choose a version that keeps the features and limits of the old one.",
            )
        if error.errno not in (*known, errno.EPERM, errno.EACCES, errno.ENOENT, None):
            known[error.errno or 0] = _SWAP_REFUSED
        return self._error(slot, f"swap to {line.version} on", error, known, reason)

    def _error(self, slot: str, what: str, error: OSError, known: dict[int, tuple[str, str, str]], reason: str | None) -> TwostepError:
        name = errno.errorcode.get(error.errno or 0, str(error.errno))
        if error.errno in known:
            code, text, next_step = known[error.errno]
        elif error.errno in (errno.EPERM, errno.EACCES):
            code, text, next_step = _NOT_PERMITTED
        elif error.errno == errno.ENOENT:
            code, text, next_step = "no_slot", "it does not exist", "Create the slot with twostep.hotswap.parent, or correct its name."
        else:
            code, text, next_step = "kernel_refused", error.strerror or name, "Read the kernel log of the host."
        shown = reason or text
        return TwostepError(
            code,
            f"The kernel refused to {what} slot {slot}: {shown} ({name}).",
            next_step,
            {"slot": slot, "errno": name, "reason": reason or ""},
        )
