# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's lines: text to entries and back. Files are `host/ledger.py`.

A line is written with one append; a crash can leave the last one torn, and only the last one. So a torn last line is
ignored, and damage anywhere else is an error: the ledger is what a run decides on.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from .errors import TwostepError

SCHEMA = 1
MAX_LINE_BYTES = 16384
EVENTS = ("begin", "end", "fail")
_KEYS = ("schema", "seq", "at", "run_id", "swap_id", "slot", "phase", "event", "data", "crc32")


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `at` is UTC, ISO 8601; `data` is JSON-serialisable."""

    seq: int
    at: str
    run_id: str
    swap_id: str
    slot: str
    phase: str
    event: str
    data: dict[str, Any] = field(default_factory=dict)


def _content(entry: Entry) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "seq": entry.seq,
        "at": entry.at,
        "run_id": entry.run_id,
        "swap_id": entry.swap_id,
        "slot": entry.slot,
        "phase": entry.phase,
        "event": entry.event,
        "data": entry.data,
    }


def _crc32(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{zlib.crc32(canonical.encode('ascii')):08x}"


def encode(entry: Entry) -> bytes:
    """Return the line with its newline.

    :raises TwostepError: `ledger_line_too_long`; nothing that a reader would refuse is ever written.
    """
    content = _content(entry)
    line = json.dumps({**content, "crc32": _crc32(content)}, separators=(",", ":"), ensure_ascii=True).encode("ascii") + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise TwostepError(
            "ledger_line_too_long",
            f"A ledger line of {len(line)} bytes is longer than {MAX_LINE_BYTES}.",
            "Put less into the data of the entry.",
        )
    return line


def decode_line(line: bytes) -> Entry | None:
    """Return the entry of one line without its newline, or None when it is damaged in any way."""
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        content = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or tuple(sorted(content)) != tuple(sorted(_KEYS)):
        return None
    told = content.pop("crc32")
    if told != _crc32(content) or content["schema"] != SCHEMA:
        return None
    texts = [content[name] for name in ("at", "run_id", "swap_id", "slot", "phase", "event")]
    number = content["seq"]
    if not all(isinstance(text, str) for text in texts) or isinstance(number, bool) or not isinstance(number, int) or number < 1:
        return None
    if content["event"] not in EVENTS or not isinstance(content["data"], dict):
        return None
    at, run_id, swap_id, slot, phase, event = texts
    return Entry(number, at, run_id, swap_id, slot, phase, event, content["data"])


@dataclass(frozen=True)
class Decoded:
    """The entries of a ledger, and how many of its bytes they fill; what follows is a torn last line."""

    entries: tuple[Entry, ...]
    whole_bytes: int


def decode(content: bytes, where: str) -> Decoded:
    """Return the entries of a ledger.

    :param where: path that the message names.
    :raises TwostepError: `ledger_damaged` when a line before the last one is not what was written.
    """
    entries: list[Entry] = []
    whole_bytes = 0
    lines = content.split(b"\n")
    # What follows the last newline has no newline of its own: nothing, or a torn line.
    complete, torn = lines[:-1], lines[-1]
    for index, line in enumerate(complete):
        entry = decode_line(line)
        if entry is None and index == len(complete) - 1 and not torn:
            break
        if entry is None or (entries and entry.seq != entries[-1].seq + 1):
            raise damaged(where, index + 1)
        entries.append(entry)
        whole_bytes += len(line) + 1
    return Decoded(tuple(entries), whole_bytes)


def damaged(where: str, line_number: int) -> TwostepError:
    """Return the error for a damaged line that is not the last one."""
    return TwostepError(
        "ledger_damaged",
        f"Line {line_number} of the ledger {where} is damaged.",
        "Look at the disk of the host; then move the file away, what the slots serve is told by twostep.hotswap.slot_info.",
        {"path": where, "line": line_number},
    )
