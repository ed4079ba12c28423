# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a new version do its host good? One host's evidence since the swap, against what the same host was like before it.

Two windows are compared. Before the swap: from an early look (`Baseline.early`) to the last one (`Baseline.before`). After it: from the
first look behind the swap (`start`) to the present. The hold lies in neither, since what waited in it is no fault of the new version.
More trouble never makes a verdict better. Where there is no evidence the finding is `unknown`, never `worse`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Iterator, Sequence

from .errors import TwostepError
from .evidence import ERRORS, KINDS, Io, SlotEvidence, Snapshot, Traffic
from .health import NOT_OK, OK, UNKNOWN
from .kernel_log import MAX_REPORTS, Report

HOST = "-"  # the slot of a finding that is about the host
_SHOWN_REPORTS = 3
_GOING_BACK = "alarmed"
_WATCHED = "watching"
CODES = {
    "no_evidence": NOT_OK, "rebooted": NOT_OK, "slot_gone": NOT_OK, "not_serving": NOT_OK, "unhealthy": NOT_OK,
    "returned": NOT_OK, "generation_moved": NOT_OK, "counter_reset": NOT_OK, "errors_up": NOT_OK, "log_reports": NOT_OK,
    "stalled": NOT_OK, "latency_up": NOT_OK,
    "log_unknown": UNKNOWN, "log_gap": UNKNOWN, "io_unknown": UNKNOWN, "no_baseline": UNKNOWN, "no_io": UNKNOWN,
}  # fmt: skip
# What speaks against the version itself. The others are silence, or the work of somebody else on the host.
AGAINST_VERSION = ("rebooted", "not_serving", "unhealthy", "returned", "errors_up", "log_reports", "stalled", "latency_up")


@dataclass(frozen=True)
class Bounds:
    """What is still good.

    :ivar max_errors: requests that may fail since the look before the swap, on each slot.
    :ivar max_reports: reports of the kernel since then, on each host; above 31 they are not told apart.
    :ivar latency_factor: how many times its mean before the swap the latency of a kind of request may have.
    :ivar latency_floor_ms: a mean up to this many milliseconds is good whatever it was before.
    :ivar min_requests: of fewer requests, on either side of the swap, no mean is taken.
    :ivar stall_s: seconds for which requests may be in flight without any that ends.
    :ivar strict: also refuse where there is no evidence.
    """

    max_errors: int = 0
    max_reports: int = 0
    latency_factor: float = 5.0
    latency_floor_ms: float = 5.0
    min_requests: int = 100
    stall_s: float = 5.0
    strict: bool = False

    def check(self) -> Bounds:
        """Return the bounds if they are any.

        :raises TwostepError: ``bad_soak``.
        """
        for name in ("max_errors", "max_reports", "min_requests", "latency_floor_ms", "stall_s"):
            if not 0 <= getattr(self, name) < math.inf:
                raise _bad(name, getattr(self, name), "a number from 0")
        if not 1 <= self.latency_factor < math.inf:
            raise _bad("latency_factor", self.latency_factor, "a number from 1")
        return self


def _bad(name: str, value: object, expected: str) -> TwostepError:
    return TwostepError("bad_soak", f"The bound {name} of the soak is {value!r}, not {expected}.", f"Correct twostep_soak_{name}.")


@dataclass(frozen=True)
class Baseline:
    """A host before the swap: right before it, and earlier. `early` is None where nobody looked then."""

    before: Snapshot
    early: Snapshot | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that speaks against a version, or that could not be found out. `evidence` is what it was seen by, as short lines."""

    slot: str
    code: str
    message: str
    evidence: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """`not_ok` or `unknown`."""
        return CODES[self.code]

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {**asdict(self), "evidence": list(self.evidence), "verdict": self.verdict}


def verdict(findings: Sequence[Finding], strict: bool) -> str:
    """Return the worst of the findings, `ok` without one that counts; without `strict` the unknown does not count."""
    found = {finding.verdict for finding in findings}
    return NOT_OK if NOT_OK in found else UNKNOWN if strict and UNKNOWN in found else OK


def judge(base: Baseline, start: Snapshot | None, now: Snapshot, bounds: Bounds, restarted: bool = False) -> list[Finding]:
    """Return what speaks against the version that a host serves now; the host first, then its slots in the order of the baseline.

    :param start: the first look after the swap; None if `now` is that look, and then nothing is said of latency yet.
    :param restarted: whether the swap took the slots down or booted the host, so that their counters begin anew with it.
    """
    findings = [*_boot(base.before, start, now, restarted), *_log(base, start, now, bounds, restarted)]
    for before in base.before.slots:
        slot = now.slot(before.slot)
        if slot is None:
            findings.append(Finding(before.slot, "slot_gone", f"Slot {before.slot} does not exist any more."))
            continue
        first = start.slot(before.slot) if start else None
        findings += _serving(before, first, slot)
        findings += _errors(before, slot, bounds, restarted)
        findings += _io(_Looks(base, start, now, before, first, slot, restarted), bounds)
    return findings


def _boot(before: Snapshot, start: Snapshot | None, now: Snapshot, restarted: bool) -> Iterator[Finding]:
    if now.boot_id != (start or before).boot_id and not (restarted and start is None):
        yield Finding(HOST, "rebooted", f"The host was booted {now.uptime_s:.0f} s ago, which nobody has asked for.")


def _log(base: Baseline, start: Snapshot | None, now: Snapshot, bounds: Bounds, restarted: bool) -> Iterator[Finding]:
    """Judge what the kernel has reported since the look before the swap, or since the boot that was part of it."""
    before = base.before
    if now.log is None or before.log is None:
        yield Finding(HOST, "log_unknown", "The kernel's log could not be read.")
        return
    same = now.boot_id == before.boot_id
    position = before.log.next_seq if same else 0
    quiet_from = position
    if restarted or not same:
        # A boot has messages of level err on any machine, and so has an array whose leg is taken out: then they count from the first look.
        quiet_from = start.log.next_seq if start and start.log and start.boot_id == now.boot_id else now.log.next_seq
    if now.log.next_seq < position:
        yield Finding(HOST, "counter_reset", "The kernel's log has fewer messages than before.")
        return
    if now.log.first_seq > position or not now.log.complete:
        yield Finding(HOST, "log_gap", "Messages of the kernel's log were overwritten before they were read.")
    defects = [report for report in now.log.reports if report.defect and report.seq >= position]
    others = [report for report in now.log.reports if not report.defect and report.seq >= quiet_from]
    used_to = _used_to(base, now) if same else 0
    # Hosts tell the newest MAX_REPORTS; of so many new ones nobody knows how many more there were.
    if len(defects) > min(bounds.max_reports, MAX_REPORTS - 1) or len(others) > min(bounds.max_reports + used_to, MAX_REPORTS - 1):
        told = f"The kernel has reported {len(defects)} defects and {len(others)} other errors"
        usual = f", where up to {used_to} were to be expected" if used_to else ""
        yield Finding(HOST, "log_reports", f"{told}{usual}.", _lines(defects, others))


def _used_to(base: Baseline, now: Snapshot) -> int:
    """Return how many errors this host's kernel would have reported until now at the rate at which it did before the swap."""
    early, before = base.early, base.before
    if early is None or early.log is None or before.log is None or early.boot_id != before.boot_id:
        return 0
    window_s = before.uptime_s - early.uptime_s
    if window_s <= 0:
        return 0
    usual = sum(not report.defect and report.seq >= early.log.next_seq for report in before.log.reports)
    return min(math.ceil(usual / window_s * max(now.uptime_s - before.uptime_s, 0.0)), MAX_REPORTS)


def _lines(defects: Sequence[Report], others: Sequence[Report]) -> tuple[str, ...]:
    return tuple(report.text for report in [*defects, *others][:_SHOWN_REPORTS])


def _serving(before: SlotEvidence, first: SlotEvidence | None, slot: SlotEvidence) -> Iterator[Finding]:
    if slot.state != "serving":
        yield Finding(slot.slot, "not_serving", f"Slot {slot.slot} is {slot.state}, not serving.")
    if slot.health is not None and slot.health.startswith("not_ok"):
        yield Finding(slot.slot, "unhealthy", f"The child of slot {slot.slot} says that it is {slot.health}.")
    moved = slot.generation != (first or before).generation
    if slot.probation == _GOING_BACK or (slot.last_result == "returned" and moved):
        yield Finding(slot.slot, "returned", f"The new child of slot {slot.slot} gave way to the old one.")
    elif first is not None and moved:
        told = f"Slot {slot.slot} has generation {slot.generation}, and had {first.generation}: another child serves than was judged"
        yield Finding(slot.slot, "generation_moved", f"{told}.")


def _errors(before: SlotEvidence, slot: SlotEvidence, bounds: Bounds, restarted: bool) -> Iterator[Finding]:
    """Compare all that counts failures. A child's own word can only speak against it."""
    grown: dict[str, int] = {}
    for name in ERRORS:
        was, is_ = getattr(before, name) or 0, getattr(slot, name) or 0
        if name == "probation_failures" and before.probation == _WATCHED:
            was = 0  # of a swap that an earlier run has not committed: they speak against what is committed now
        # Those of a probation begin anew with each, and a child that does not carry its predecessor's counters begins at 0.
        anew = restarted or (slot.generation != before.generation and (name == "probation_failures" or is_ < was))
        if is_ < was and not anew:
            yield Finding(slot.slot, "counter_reset", f"The counter {name} of slot {slot.slot} is {is_}, and was {was}.")
        grown[name] = is_ if anew else max(is_ - was, 0)
    if sum(grown.values()) > bounds.max_errors:
        lines = tuple(f"{name} +{count}" for name, count in grown.items() if count)
        yield Finding(slot.slot, "errors_up", f"Slot {slot.slot} has failed {sum(grown.values())} requests since the swap.", lines)


@dataclass(frozen=True)
class _Looks:
    """All looks at one slot; `first` and `slot` are of `start` and `now`."""

    base: Baseline
    start: Snapshot | None
    now: Snapshot
    before: SlotEvidence
    first: SlotEvidence | None
    slot: SlotEvidence
    restarted: bool

    @property
    def baseline(self) -> tuple[Io, Io] | None:
        """What the block layer counted at both ends of the window before the swap; None unless one child served for all of it."""
        early = self.base.early
        then = early.slot(self.before.slot) if early else None
        if early is None or then is None or then.io is None or self.before.io is None:
            return None
        whole = early.boot_id == self.base.before.boot_id and then.generation == self.before.generation
        # A slot that another run had swapped already has no time before the swap in this one.
        swapped = self.slot.generation != self.before.generation or self.restarted
        return (then.io, self.before.io) if whole and swapped and not _shrunk(then.io, self.before.io) else None


def _shrunk(was: Io, is_: Io) -> bool:
    return any(is_.of(kind).count < was.of(kind).count or is_.of(kind).ms < was.of(kind).ms for kind in KINDS)


def _between(was: Io, is_: Io, kind: str) -> Traffic:
    return Traffic(is_.of(kind).count - was.of(kind).count, is_.of(kind).ms - was.of(kind).ms)


def _io(looks: _Looks, bounds: Bounds) -> Iterator[Finding]:
    name, now = looks.slot.slot, looks.slot.io
    if now is None:
        yield Finding(name, "io_unknown", f"The disk of slot {name} does not count its requests.")
        return
    if looks.start is None or looks.first is None:
        if looks.before.io is not None and not looks.restarted and _shrunk(looks.before.io, now):
            yield _reset(name)
        return
    then = looks.first.io
    if then is None:
        yield Finding(name, "io_unknown", f"The disk of slot {name} did not count its requests right after the swap.")
        return
    if _shrunk(then, now):
        yield _reset(name)
        return
    lasted_s = looks.now.uptime_s - looks.start.uptime_s
    if then.in_flight and now.in_flight and now.count == then.count and lasted_s >= bounds.stall_s:
        waiting = f"{now.in_flight} requests wait on slot {name}, and none has ended for {lasted_s:.0f} s"
        yield Finding(name, "stalled", f"{waiting}.")
    yield from _latency(looks, then, now, bounds)


def _reset(slot: str) -> Finding:
    return Finding(slot, "counter_reset", f"The counters of the disk of slot {slot} have gone back: it was taken down.")


def _latency(looks: _Looks, then: Io, now: Io, bounds: Bounds) -> Iterator[Finding]:
    """Compare the mean latency of each kind of request. Kinds are not mixed: more writes than before are no slower requests."""
    name, least = looks.slot.slot, max(bounds.min_requests, 1)
    enough = {kind: told for kind in KINDS for told in [_between(then, now, kind)] if told.count >= least}
    if not enough:
        seen = now.count - then.count
        yield Finding(name, "no_io", f"Slot {name} has ended {seen} requests since the swap, too few to speak of its latency.")
        return
    window = looks.baseline
    compared = 0
    for kind, after in enough.items():
        usual = _between(*window, kind) if window else Traffic()
        if usual.count < least:
            continue
        compared += 1
        mean, was = after.ms / after.count, usual.ms / usual.count
        if mean > max(bounds.latency_floor_ms, bounds.latency_factor * was):
            lines = (f"{after.count} requests, mean {mean:.3f} ms", f"before {usual.count} requests, mean {was:.3f} ms")
            told = f"A {kind} of slot {name} takes {mean:.3f} ms on average, before the swap {was:.3f} ms"
            yield Finding(name, "latency_up", f"{told}.", lines)
    if not compared:
        yield Finding(name, "no_baseline", f"Too little is known of the latency of slot {name} before the swap.")
