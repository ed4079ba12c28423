# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel said in its log: records of /dev/kmsg as typed values, and which of them are reports of trouble.

Format: Documentation/ABI/testing/dev-kmsg. Parses bytes only; reading them is `host/kernel_log.py`. What the kernel says is data: part of
it may come from a disk, a network or a user.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Sequence

from . import untrusted

MAX_REPORTS = 32  # that are kept, the newest ones
MAX_SHOWN = 200  # characters of a report
_MAX_NUMBER = 2**63 - 1
_ERR = 3
_HEAD = re.compile(rb"(\d{1,10}),(\d{1,19}),\d{1,20},[^;\n]{0,200};")
# What is a defect whatever its level. A test of the repository compares them with those of the kernel tests. A WARN() begins with its word;
# within a line it is advice, such as that on Spectre at each boot.
DEFECTS = (
    "^WARNING:",
    "BUG:",
    "Oops",
    "general protection",
    "blocked for more than",
    "soft lockup",
    "hard LOCKUP",
    "detected stalls? on",
    "possible circular locking",
    "I/O error, dev",
    "Buffer I/O error",
    "refcount_t",
    "list_(?:add|del) corruption",
    "KASAN",
    "UBSAN",
)
_DEFECT = re.compile("|".join(DEFECTS))


@dataclass(frozen=True)
class Record:
    """One message. `level` is 0 (emergency) to 7 (debug); `by_kernel` is false for what a program wrote into the log."""

    seq: int
    level: int
    by_kernel: bool
    text: str


@dataclass(frozen=True)
class Report:
    """A message of trouble. `defect` is one that no healthy kernel gives; the others are of level err or worse."""

    seq: int
    defect: bool
    text: str


@dataclass(frozen=True)
class Log:
    """The log as it stands.

    :ivar first_seq: number of the oldest message that is still there.
    :ivar next_seq: number that the next message will have; a later look tells what is new by it.
    :ivar complete: whether everything between the two was read.
    :ivar reports: the newest `MAX_REPORTS` reports, oldest first.
    """

    first_seq: int
    next_seq: int
    complete: bool
    reports: tuple[Report, ...] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """Return the log as plain data."""
        return {**asdict(self), "reports": [asdict(report) for report in self.reports]}


def parse_record(data: bytes) -> Record | None:
    """Return one record, or None for what is none. Lines after the first are properties, and are left out."""
    head = _HEAD.match(data)
    if head is None:
        return None
    priority, seq = int(head[1]), int(head[2])
    if seq >= _MAX_NUMBER:
        return None
    line = data[head.end() :].split(b"\n", 1)[0][: 4 * MAX_SHOWN]
    return Record(seq, priority & 7, priority >> 3 == 0, untrusted.text(line.decode("utf-8", "replace"), MAX_SHOWN) or "")


def report(record: Record) -> Report | None:
    """Return the report that a message is, or None. What programs wrote is none: anybody may write it."""
    if not record.by_kernel:
        return None
    defect = _DEFECT.search(record.text) is not None
    return Report(record.seq, defect, record.text) if defect or record.level <= _ERR else None


def collect(records: Sequence[Record], complete: bool) -> Log:
    """Return the log that these records, in the order in which they were read, are."""
    reports = [found for found in map(report, records) if found is not None]
    if not records:
        return Log(0, 0, complete)
    return Log(records[0].seq, records[-1].seq + 1, complete, tuple(reports[-MAX_REPORTS:]))


def parse(told: object) -> Log | None:
    """Return a log as `as_dict` gave it, from a host that may lie about its form; None where it is none."""
    record = untrusted.mapping(told)
    first, following = untrusted.integer(record.get("first_seq")), untrusted.integer(record.get("next_seq"))
    if first is None or following is None or first > following:
        return None
    return Log(first, following, record.get("complete") is True, tuple(_reports(record.get("reports"), first, following)))


def _reports(told: object, first: int, following: int) -> list[Report]:
    reports = []
    for record in untrusted.records(told, MAX_REPORTS):
        seq = untrusted.integer(record.get("seq"))
        if seq is not None and first <= seq < following:
            reports.append(Report(seq, record.get("defect") is not False, untrusted.text(record.get("text"), MAX_SHOWN) or ""))
    return reports
