# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease as a run sees it: what lock hosts answered, counted. More than half of them must have granted it, never fewer. Decides only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Mapping, Sequence

from . import lease, untrusted
from .errors import TwostepError
from .fleet import natural
from .lease import Lease

_MOST_SHOWN = 10
# A lease is renewed once this part of its life is over; before that it costs nothing.
_PARTS = 3


@dataclass(frozen=True)
class Answer:
    """What one lock host said. `problem` is why it counts for nothing, None where it does count."""

    host: str
    problem: str | None
    highest_epoch: int = 0
    lease: Lease | None = None
    left_s: float = 0.0

    @property
    def living(self) -> Lease | None:
        """Return the lease that has not expired there."""
        return self.lease if self.left_s > 0 else None


@dataclass(frozen=True)
class Held:
    """The lease that a run has.

    :ivar held_at_s: the controller's CLOCK_BOOTTIME from before the first of the questions that granted or renewed it.
    """

    provider: str
    epoch: int
    run_id: str
    owner: str
    ttl_s: int
    held_at_s: float
    handle: str = ""

    def left_s(self, now_s: float) -> float:
        """Return for how many seconds the run may rely on it, 0 once it may not."""
        return max(0.0, self.held_at_s + self.ttl_s - now_s)

    def is_due(self, now_s: float) -> bool:
        """Return whether it is time to renew it."""
        return (self.ttl_s - self.left_s(now_s)) * _PARTS > self.ttl_s

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, for the next task of the run."""
        return asdict(self)


def held(record: object) -> Held:
    """Return the lease that an earlier task of this run has left.

    :raises TwostepError: `no_lease`.
    """
    data = untrusted.mapping(record)
    held_at_s = untrusted.number(data.get("held_at_s"))
    handle = untrusted.text(data.get("handle"), 32)
    found = lease.told({**data, "controller": "-", "since": "2000-01-01T00:00:00Z", "halted": False})
    provider = untrusted.choice(data.get("provider"), ("hosts", "etcd"))
    if found is None or held_at_s is None or provider is None or handle is None:
        raise TwostepError(
            "no_lease", "This run holds no lease.", "Run the playbook from its beginning, without --start-at-task, --tags and --limit."
        )
    return Held(provider, found.epoch, found.run_id, found.owner, found.ttl_s, held_at_s, handle)


def check_length(ttl_s: int, longest_s: float) -> None:
    """Refuse a lease that could end within what is done between two renewals.

    :param longest_s: how long one task may take.
    :raises TwostepError: `lease_too_short`.
    """
    least = longest_s * _PARTS / (_PARTS - 1)
    if ttl_s < least:
        raise TwostepError(
            "lease_too_short",
            f"A lease of {ttl_s} s could end while a task that may take {longest_s:g} s still runs.",
            f"Raise twostep_lease_ttl_s to {int(least + 0.999)} or more, or lower twostep_task_timeout_s.",
        )


def lock_hosts(named: Sequence[object], fleet: Sequence[str], known: object) -> tuple[str, ...]:
    """Return the hosts whose majority grants the lease: those that are named, else the whole fleet.

    :param known: anything that tells by ``in`` whether the inventory has a host.
    :raises TwostepError: `bad_lock_hosts`.
    """
    found = tuple(str(host) for host in named) or tuple(fleet)
    twice = sorted({host for host in found if found.count(host) > 1})
    unknown = [host for host in found if host not in known]  # type: ignore[operator]
    if not found or twice or unknown:
        why = f"{twice[0]} is named twice" if twice else f"the inventory has no host {unknown[0][:80]}" if unknown else "there is none"
        raise TwostepError(
            "bad_lock_hosts", f"The lock hosts are refused: {why}.", "Correct twostep_lock_hosts; three or five hosts are a good choice."
        )
    return found


def answers(hosts: Sequence[str], heard: Mapping[str, Mapping[Any, Any]]) -> list[Answer]:
    """Return what each lock host said, in natural order; who was not heard has a problem, and so has who said what it may not."""
    return [_answer(host, heard.get(host)) for host in sorted(hosts, key=natural)]


def _answer(host: str, record: Mapping[Any, Any] | None) -> Answer:
    if record is None:
        return Answer(host, "it was not asked")
    problem = untrusted.problem(record)
    highest, left_s = untrusted.integer(record.get("highest_epoch"), lease.MAX_EPOCH), untrusted.number(record.get("left_s"))
    if highest is None or left_s is None:
        return Answer(host, problem or "its answer does not tell of a lease")
    found = lease.told(record.get("lease"))
    if record.get("lease") is not None and found is None:
        return Answer(host, problem or "its answer does not tell whose lease it is")
    return Answer(host, problem, highest, found, left_s)


def propose(told: Sequence[Answer], wanted: Lease, takeover: str = "") -> Lease:
    """Return `wanted` with an epoch that is higher than any that was seen, if a majority could grant it now.

    :param wanted: the lease to ask for; its epoch counts for nothing.
    :raises TwostepError: `lease_held`, `lease_no_majority`, `no_such_holder`.
    """
    ready = [one for one in told if one.problem is None and _gives_way(one, wanted, takeover)]
    if len(ready) < majority(told):
        raise _refusal(told, wanted, takeover)
    return replace(wanted, epoch=max(one.highest_epoch for one in told if one.problem is None) + 1)


def _gives_way(one: Answer, wanted: Lease | Held, takeover: str) -> bool:
    return one.living is None or lease.may_replace(one.living, wanted.run_id, wanted.owner, takeover)


def majority(told: Sequence[Answer]) -> int:
    """Return how many lock hosts must agree."""
    return len(told) // 2 + 1


def judge(told: Sequence[Answer], asked: Held, now_s: float) -> None:
    """Return only if a majority has granted, or renewed, the lease of that run in that epoch, and it lives.

    :param now_s: the controller's clock, read after the answers.
    :raises TwostepError: `lease_held`, `lease_no_majority`, `lease_late`.
    """
    given = [one for one in told if one.problem is None and one.living and one.living.is_of(asked.run_id, asked.epoch)]
    if len(given) < majority(told):
        raise _refusal(told, asked, "")
    if asked.left_s(now_s) <= 0:
        raise TwostepError(
            "lease_late",
            f"The lock hosts have agreed to the lease, but only after its {asked.ttl_s} s were over.",
            "Run again; find out what kept the answers, if that repeats.",
        )


def _refusal(told: Sequence[Answer], wanted: Lease | Held, takeover: str) -> TwostepError:
    """Return why there is no majority: somebody else has the lease, or too few hosts have answered."""
    others: dict[str, list[Answer]] = {}
    for one in told:
        if one.living and one.living.run_id != wanted.run_id and not _gives_way(one, wanted, takeover):
            others.setdefault(one.living.run_id, []).append(one)
    if others:
        return refusal(sorted(others.values(), key=lambda found: -len(found)), takeover)
    troubled = [one for one in told if one.problem]
    shown = "; ".join(f"{one.host}: {(one.problem or '').rstrip('.')}" for one in troubled[:_MOST_SHOWN])
    more = f"; and {len(troubled) - _MOST_SHOWN} more" if len(troubled) > _MOST_SHOWN else ""
    return TwostepError(
        "lease_no_majority",
        f"{len(told) - len(troubled)} of {len(told)} lock hosts agree to the lease, {majority(told)} must: {shown or 'no reason'}{more}.",
        "Bring the hosts named back, or run again if another run began at the same moment.",
    )


def refusal(others: Sequence[Sequence[Answer]], takeover: str) -> TwostepError:
    """Return the refusal that names the holders, how long their leases live on, and what to do.

    :param others: for each holder the answers that tell of it.
    :param takeover: the run that the operator has named, empty for none.
    """
    holders = [(found[0].living, found) for found in others]
    first = holders[0][0]
    words = "; and by ".join(
        f"{lease.whose(holder)}, on {_named(found)}, for {max(one.left_s for one in found):.0f} s more unless it is renewed"
        for holder, found in holders
        if holder
    )
    if takeover:
        return TwostepError(
            "lease_held",
            f"The fleet is held by {words}, and not by run {takeover}.",
            "See with twostep.hotswap.status who holds it now; name that run in twostep_lease_takeover only if it is dead.",
        )
    run_id = first.run_id if first else ""
    return TwostepError(
        "lease_held",
        f"The fleet is held by {words}.",
        f"Wait for the end of that run; only if it is dead, run again with twostep_lease_takeover={run_id}.",
        {"holder": run_id},
    )


def _named(found: Sequence[Answer]) -> str:
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return ", ".join(one.host for one in found[:_MOST_SHOWN]) + more


def rows(told: Sequence[Answer]) -> list[list[object]]:
    """Return what the playbook `status` shows of each lock host."""
    shown: list[list[object]] = []
    for one in told:
        if one.problem:
            shown.append([one.host, None, None, one.problem])
            continue
        who = lease.whose(one.lease) if one.lease else "nobody"
        left = f"{one.left_s:.0f} s left" if one.living else "expired" if one.lease else None
        shown.append([one.host, one.highest_epoch, who, left])
    return shown
