# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease as this host keeps it, in one file: read, decided on and written under a lock. What is decided is in `core/lease.py`."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Callable, ContextManager

from ..core import lease
from ..core.lease import Clock, Lease, State
from ..core.ledger import Entry
from . import ledger, lock, trials, whole_file
from .paths import Paths
from .world import utc_now

_WAIT_S = 30.0  # a decision takes milliseconds, unless the disk hangs


def since_boot_s() -> float:
    """Return seconds since the boot, those of a suspended machine included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class LockHost:
    """The host as a lock host.

    :param boottime_s: gives seconds since the boot.
    :param now: gives the time of day, for the ledger.
    """

    paths: Paths
    boottime_s: Callable[[], float] = since_boot_s
    now: Callable[[], str] = utc_now

    def clock(self) -> Clock:
        """Return this moment."""
        return Clock(trials.boot_id(self.paths), self.boottime_s())

    def read(self) -> State:
        """Return what is kept; changes nothing.

        :raises TwostepError: `lease_damaged`, `read_failed`.
        """
        text = whole_file.read(self.paths.lease)
        return State() if text is None else lease.parse(text, self.paths.lease)

    def grant(self, wanted: Lease, takeover: str = "") -> State:
        """Give the lease, and return what is kept then. One that is broken for it is in the ledger before.

        :raises TwostepError: `lease_held`, `stale_epoch`; those of `read` and of a file that cannot be written.
        """
        with self._locked():
            before = self.read()
            after = lease.grant(before, wanted, self.clock(), takeover)
            if before.lease and after.lease and after.lease.taken_from == before.lease.run_id:
                self._record(before.lease, after.lease)
            return self._write(before, after)

    def renew(self, run_id: str, epoch: int) -> State:
        """Let the lease begin anew.

        :raises TwostepError: `lease_lost`; those of `read` and of a file that cannot be written.
        """
        with self._locked():
            before = self.read()
            return self._write(before, lease.renew(before, run_id, epoch, self.clock()))

    def halt(self, run_id: str, epoch: int) -> State:
        """Mark the lease as that of a run that has halted.

        :raises TwostepError: `lease_lost`; those of `read` and of a file that cannot be written.
        """
        with self._locked():
            before = self.read()
            return self._write(before, lease.halt(before, run_id, epoch, self.clock()))

    def release(self, run_id: str, epoch: int) -> State:
        """Forget the lease of that run, if it is the one that is kept.

        :raises TwostepError: those of `read` and of a file that cannot be written.
        """
        with self._locked():
            before = self.read()
            return self._write(before, lease.release(before, run_id, epoch))

    def admit(self, epoch: int | None, check: bool = False) -> None:
        """Refuse to act for a run under a lower epoch than one that was seen here; remember a higher one, except in check mode.

        :param epoch: None where nobody spoke of a lease: then there is nothing to refuse.
        :raises TwostepError: `fenced`, `bad_epoch`; those of `read` and of a file that cannot be written.
        """
        if epoch is None:
            return
        with contextlib.nullcontext() if check else self._locked():
            before = self.read()
            after = lease.admit(before, lease.checked_epoch(epoch))
            if not check:
                self._write(before, after)

    def _record(self, broken: Lease, given: Lease) -> None:
        data = {"epoch": given.epoch, "owner": given.owner, "controller": given.controller, "taken_from": lease.whose(broken)}
        ledger.append(self.paths, Entry(0, self.now(), given.run_id, "", "", "lease", "begin", data))

    def _write(self, before: State, after: State) -> State:
        if after != before:
            whole_file.write(self.paths.lease, lease.render(after), 0o600, 0o700)
        return after

    def _locked(self) -> ContextManager[None]:
        """Keep others from deciding meanwhile."""
        return lock.held(f"{self.paths.lease}.lock", "a decision about the lease", _WAIT_S, "lease_busy")
