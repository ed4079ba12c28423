# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent is asked to do and what it answers, as text and as types. Files are `host/swap_folder.py`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from . import consumers, names, slots
from .errors import TwostepError

SCHEMA = 1
OUTCOMES = ("swapped", "committed", "already", "armed", "returned", "failed", "refused")
DEADLINE_MS = (1, 10000)
# Beside those of the kernel, in which I/O is held: warm takes the slot down, cold lets the next boot try the version.
MODES = (*slots.MODES, "warm", "cold")


@dataclass(frozen=True)
class SwapRequest:
    """One request for one slot.

    :ivar generation: the slot's generation that the request was made for; another one is refused.
    :ivar swap: whether to swap; without it only the commit is done.
    :ivar commit: whether to commit after the proof.
    :ivar release_first: whether the parked child is released first, because it is the one to come back.
    :ivar path: the candidate's file, empty without a swap.
    :ivar srcversion: checksum of the sources that the file carries, so that the module loaded is the one that was checked.
    :ivar depends: modules that the candidate needs.
    :ivar state_schema: schema that two_step names to the kernel, None for its own choice.
    :ivar one_way: consent to a version that writes no state which the old one reads.
    :ivar units: of systemd, that a warm upgrade stops, if they run, and starts again.
    """

    swap_id: str
    run_id: str
    slot: str
    family: str
    from_version: str
    to_version: str
    generation: int
    requested_at: str
    mode: str = "handover"
    deadline_ms: int = 500
    swap: bool = True
    commit: bool = True
    release_first: bool = False
    path: str = ""
    module: str = ""
    old_module: str = ""
    srcversion: str = ""
    depends: tuple[str, ...] = ()
    state_schema: int | None = None
    one_way: bool = False
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Phase:
    """One phase as the agent went through it."""

    phase: str
    event: str
    at: str
    duration_ns: int


@dataclass(frozen=True)
class SwapResult:
    """How a request ended. `code`, `message` and `next_step` are empty where all went well."""

    swap_id: str
    run_id: str
    slot: str
    from_version: str
    to_version: str
    mode: str
    outcome: str
    code: str = ""
    message: str = ""
    next_step: str = ""
    generation_before: int = 0
    generation_after: int = 0
    hold_ms: float | None = None
    held_requests: int | None = None
    phases: tuple[Phase, ...] = ()
    kernel_phases: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Return whether the request did what it wanted."""
        return self.outcome in ("swapped", "committed", "already", "armed")

    @property
    def has_moved(self) -> bool:
        """Return whether the kernel's generation moved."""
        return self.generation_after != self.generation_before

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain data; the versions are called `from` and `to`."""
        data = {"schema": SCHEMA, **asdict(self)}
        data["from"], data["to"] = data.pop("from_version"), data.pop("to_version")
        return data


def render(message: SwapRequest | SwapResult) -> str:
    """Return the text of a request or a result."""
    data = message.as_dict() if isinstance(message, SwapResult) else {"schema": SCHEMA, **asdict(message)}
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def _damaged(where: str, why: str) -> TwostepError:
    return TwostepError(
        "bad_swap_file", f"{where} is damaged: {why}.", "Remove its folder; what the slot serves is told by twostep.hotswap.slot_info."
    )


def _loaded(text: str, where: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged(where, "it is not JSON") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise _damaged(where, f"its schema is not {SCHEMA}")
    return data


def _typed(data: dict[str, Any], where: str, **types: tuple[type, ...]) -> None:
    for name, allowed in types.items():
        value = data.get(name)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise _damaged(where, f"its {name} is {str(value)[:40]!r}")


def parse_request(text: str, where: str) -> SwapRequest:
    """Return the request in `text`; every value has passed its check.

    :raises TwostepError: `bad_swap_file`, or the code of a name.
    """
    data = _loaded(text, where)
    del data["schema"]
    known = {entry.name for entry in fields(SwapRequest)}
    if set(data) != known:
        raise _damaged(where, f"its keys differ: {', '.join(sorted(set(data) ^ known))[:80]}")
    _typed(data, where, generation=(int,), deadline_ms=(int,), swap=(bool,), commit=(bool,), release_first=(bool,), one_way=(bool,))
    _typed(data, where, path=(str,), srcversion=(str,), requested_at=(str,), depends=(list,), units=(list,), state_schema=(int, type(None)))
    if data["mode"] not in MODES or not DEADLINE_MS[0] <= data["deadline_ms"] <= DEADLINE_MS[1] or data["generation"] < 0:
        raise _damaged(where, "its mode, deadline or generation is out of range")
    if data["swap"] and not data["path"].startswith("/"):
        raise _damaged(where, "its path is not absolute")
    for key, check in (
        ("swap_id", names.identifier),
        ("run_id", names.identifier),
        ("slot", names.slot),
        ("family", names.family),
        ("from_version", names.version),
        ("to_version", names.version),
        ("module", names.module),
        ("old_module", names.module),
    ):
        check(data[key])
    data["depends"] = tuple(names.module(module) for module in data["depends"])
    data["units"] = tuple(consumers.unit(unit) for unit in data["units"])
    return SwapRequest(**data)


def parse_result(text: str, where: str) -> SwapResult:
    """Return the result in `text` or raise `bad_swap_file`."""
    data = _loaded(text, where)
    del data["schema"]
    data["from_version"], data["to_version"] = data.pop("from", None), data.pop("to", None)
    try:
        data["phases"] = tuple(Phase(**phase) for phase in data["phases"])
        data["notes"] = tuple(str(note) for note in data["notes"])
        result = SwapResult(**data)
    except (KeyError, TypeError):
        raise _damaged(where, "its keys are not those of a result") from None
    _typed(data, where, generation_before=(int,), generation_after=(int,), code=(str,), message=(str,), next_step=(str,))
    if result.outcome not in OUTCOMES:
        raise _damaged(where, f"its outcome is {str(result.outcome)[:40]!r}")
    return result
