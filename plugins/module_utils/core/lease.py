# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease as one lock host keeps it: who may touch the fleet, under which epoch, and until when. The file is `host/lease.py`.

An epoch is granted once and never again, and a host that has seen one refuses every lower one. A lease ends `ttl_s` after its grant by the
clock of the host that granted it, which no time of day can move. `core/lease_majority.py` is the other side: it counts lock hosts.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from . import names, untrusted
from .errors import TwostepError

SCHEMA = 1
TTL_S = (60, 7 * 24 * 3600)
MAX_EPOCH = 2**63 - 1
_MOST_TEXT = 128
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Clock:
    """A moment on a host: which boot, and seconds since that by CLOCK_BOOTTIME."""

    boot_id: str
    since_boot_s: float


@dataclass(frozen=True)
class Lease:
    """One run's right to touch the fleet.

    :ivar owner: who it is, for people; a halted lease is taken by the same owner without a question.
    :ivar controller: where the run was started, for people.
    :ivar since: when it was taken, UTC, by the clock of that controller, for people.
    :ivar granted_at_s: when it was granted or renewed last, by CLOCK_BOOTTIME of the lock host, in the boot `boot_id`.
    :ivar halted: the run has halted and touches nothing any more.
    :ivar taken_from: the run whose lease was broken for this one, empty where none was.
    """

    epoch: int
    run_id: str
    owner: str
    controller: str
    since: str
    ttl_s: int
    granted_at_s: float = 0.0
    boot_id: str = ""
    halted: bool = False
    taken_from: str = ""

    def left_s(self, clock: Clock) -> float:
        """Return for how many seconds it lives on without a renewal, 0 once it has expired.

        After a boot of the lock host nobody knows how long that was down, so the lease counts as granted when the boot began.
        """
        granted_at_s = self.granted_at_s if self.boot_id == clock.boot_id else 0.0
        return max(0.0, granted_at_s + self.ttl_s - clock.since_boot_s)

    def is_of(self, run_id: str, epoch: int) -> bool:
        """Return whether it is the lease of that run in that epoch."""
        return (self.run_id, self.epoch) == (run_id, epoch)


@dataclass(frozen=True)
class State:
    """What a host keeps. One that is no lock host keeps the epoch only."""

    highest_epoch: int = 0
    lease: Lease | None = None


def wish(epoch: object, run_id: object, owner: object, controller: object, since: object, ttl_s: object) -> Lease:
    """Return the lease that is asked for, every value checked.

    :raises TwostepError: `bad_epoch`, `bad_id`, `bad_owner`, `bad_controller`, `bad_since`, `bad_ttl`.
    """
    if not isinstance(since, str) or not _INSTANT.fullmatch(since):
        raise TwostepError("bad_since", f"since {str(since)[:40]!r} is no time.", "Write it as 2026-01-31T23:59:58Z.")
    return Lease(
        checked_epoch(epoch), names.identifier(run_id), _plain(owner, "owner"), _plain(controller, "controller"), since, checked_ttl(ttl_s)
    )


def checked_epoch(value: object) -> int:
    """Return an epoch, from 1 on.

    :raises TwostepError: `bad_epoch`.
    """
    found = untrusted.integer(value, MAX_EPOCH)
    if not found:
        raise TwostepError("bad_epoch", f"epoch {str(value)[:40]!r} is none.", "Use the epoch that the run got with its lease.")
    return found


def checked_ttl(value: object) -> int:
    """Return a time to live in seconds.

    :raises TwostepError: `bad_ttl`.
    """
    found = untrusted.integer(value)
    if found is None or not TTL_S[0] <= found <= TTL_S[1]:
        raise TwostepError("bad_ttl", f"ttl_s {str(value)[:40]!r} is out of range.", f"Use a whole number from {TTL_S[0]} to {TTL_S[1]}.")
    return found


def _plain(value: object, what: str) -> str:
    told = untrusted.text(value, _MOST_TEXT)
    if not told or told != value:
        raise TwostepError(
            f"bad_{what}",
            f"{what} {str(value)[:80]!r} cannot be shown.",
            f"Use 1 to {_MOST_TEXT} characters on one line, e.g. alice@deploy1.",
        )
    return told


def grant(state: State, wanted: Lease, clock: Clock, takeover: str = "") -> State:
    """Return the state with the lease given to `wanted`. To ask again for what was granted renews it.

    :param takeover: the run whose living lease may be broken, empty for none.
    :raises TwostepError: `lease_held`, `stale_epoch`.
    """
    held = state.lease
    if held and held.is_of(wanted.run_id, wanted.epoch) and state.highest_epoch == wanted.epoch:
        return renew(state, wanted.run_id, wanted.epoch, clock)
    living = held if held and held.left_s(clock) > 0 else None
    if living and not may_replace(living, wanted.run_id, wanted.owner, takeover):
        raise held_by(living)
    if wanted.epoch <= state.highest_epoch:
        raise TwostepError(
            "stale_epoch",
            f"Epoch {wanted.epoch} was asked for, and epoch {state.highest_epoch} has been seen here.",
            "Run again: another run has begun at the same moment.",
            {"epoch": state.highest_epoch},
        )
    taken_from = living.run_id if living and living.run_id != wanted.run_id else ""
    given = replace(wanted, granted_at_s=clock.since_boot_s, boot_id=clock.boot_id, halted=False, taken_from=taken_from)
    return State(wanted.epoch, given)


def may_replace(living: Lease, run_id: str, owner: str, takeover: str) -> bool:
    """Return whether a living lease gives way: it is the run's own, its owner resumes what has halted, or it is named to be broken."""
    return living.run_id in (run_id, takeover) or (living.halted and living.owner == owner)


def held_by(lease: Lease) -> TwostepError:
    """Return the refusal that names the holder."""
    return TwostepError("lease_held", f"The lease is held by {whose(lease)}.", "Ask that operator.", {"run_id": lease.run_id})


def whose(lease: Lease) -> str:
    """Return who holds a lease, in words."""
    halted = ", which has halted" if lease.halted else ""
    return f"{lease.owner} on {lease.controller} (run {lease.run_id}{halted}) since {lease.since}"


def renew(state: State, run_id: str, epoch: int, clock: Clock) -> State:
    """Return the state with the lease of that run as if it were granted now. An expired one that nobody else has got is renewed, too.

    :raises TwostepError: `lease_lost`.
    """
    return State(state.highest_epoch, replace(_own(state, run_id, epoch), granted_at_s=clock.since_boot_s, boot_id=clock.boot_id))


def halt(state: State, run_id: str, epoch: int, clock: Clock) -> State:
    """Return the state with the lease renewed once more and marked as halted.

    :raises TwostepError: `lease_lost`.
    """
    renewed = renew(state, run_id, epoch, clock)
    return replace(renewed, lease=replace(renewed.lease, halted=True)) if renewed.lease else renewed


def release(state: State, run_id: str, epoch: int) -> State:
    """Return the state without the lease of that run; that of another is left alone, and the epoch is remembered."""
    return replace(state, lease=None) if state.lease and state.lease.is_of(run_id, epoch) else state


def _own(state: State, run_id: str, epoch: int) -> Lease:
    lease = state.lease
    if lease and lease.is_of(run_id, epoch) and state.highest_epoch == epoch:
        return lease
    now = f"now {whose(lease)} has it" if lease and lease.run_id != run_id else f"epoch {state.highest_epoch} has been seen here"
    raise TwostepError("lease_lost", f"Run {run_id} does not hold the lease of epoch {epoch}: {now}.", "Touch nothing, and run again.")


def admit(state: State, epoch: int) -> State:
    """Return the state after somebody came to act under `epoch`: a higher one than known is remembered.

    :raises TwostepError: `fenced`.
    """
    if epoch < state.highest_epoch:
        whom = f", that of {whose(state.lease)}," if state.lease and state.lease.epoch == state.highest_epoch else ""
        raise TwostepError(
            "fenced",
            f"This run acts under epoch {epoch}, but epoch {state.highest_epoch}{whom} has been seen here: another run has the fleet.",
            "Stop this run; see with twostep.hotswap.status who holds the lease.",
            {"epoch": state.highest_epoch},
        )
    return replace(state, highest_epoch=epoch)


def as_dict(state: State, clock: Clock) -> dict[str, Any]:
    """Return the state for the controller; clocks of this host stay here, `left_s` says what they mean."""
    lease = state.lease
    told = {name: value for name, value in asdict(lease).items() if name not in ("granted_at_s", "boot_id")} if lease else None
    return {"highest_epoch": state.highest_epoch, "lease": told, "left_s": round(lease.left_s(clock), 3) if lease else 0.0}


def render(state: State) -> str:
    """Return the text of the file."""
    data = {"schema": SCHEMA, "highest_epoch": state.highest_epoch, "lease": asdict(state.lease) if state.lease else None}
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def damaged(where: str, why: str) -> TwostepError:
    """Return the error for a file that is not what was written."""
    return TwostepError(
        "lease_damaged",
        f"{where} is damaged: {why}.",
        "Ask the other hosts with twostep.hotswap.status who holds the lease; once nobody does, remove the file.",
        {"path": where},
    )


def parse(text: str, where: str) -> State:
    """Return the state in `text`; every value has passed its check.

    :param where: path that the message names.
    :raises TwostepError: `lease_damaged`.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise damaged(where, "it is not JSON") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or set(data) != {"schema", "highest_epoch", "lease"}:
        raise damaged(where, f"its keys are not those of schema {SCHEMA}")
    highest, record = untrusted.integer(data["highest_epoch"], MAX_EPOCH), data["lease"]
    if highest is None:
        raise damaged(where, "its highest_epoch is no number")
    if record is None:
        return State(highest)
    if not isinstance(record, dict) or set(record) != {entry.name for entry in fields(Lease)}:
        raise damaged(where, "the keys of its lease differ")
    granted_at_s = untrusted.number(record["granted_at_s"])
    if granted_at_s is None or not isinstance(record["boot_id"], str) or not _BOOT_ID.fullmatch(record["boot_id"]):
        raise damaged(where, "its lease does not tell when it was granted")
    found = told(record)
    if found is None or found.epoch > highest:
        raise damaged(where, "a value of its lease is out of range")
    return State(highest, replace(found, granted_at_s=granted_at_s, boot_id=record["boot_id"]))


def told(record: object) -> Lease | None:
    """Return the lease that somebody told of, without the clocks of its host; None if any value is not what it should be."""
    data = untrusted.mapping(record)
    try:
        found = wish(*(data.get(name) for name in ("epoch", "run_id", "owner", "controller", "since", "ttl_s")))
        taken_from = names.identifier(data["taken_from"]) if data.get("taken_from") else ""
    except TwostepError:
        return None
    return replace(found, halted=data["halted"], taken_from=taken_from) if isinstance(data.get("halted"), bool) else None
