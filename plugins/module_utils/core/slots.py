# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parent's status files as typed, bounded values. Parses text only; reading files is `host/slots.py`.

A file whose text is not what the interface promises ends in `bad_status`: no decision is made on a guess.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Mapping, TypeVar

from . import names
from .errors import TwostepError

MAX_TEXT = 4096
_MAX_DIGITS = 20
_MAX_SCHEMA = 0xFFFF
_MAX_WORD = 32
_MAX_LINE = 512
STATES = ("empty", "serving", "held", "detached", "failed")
MODES = ("handover", "two_step")
PROBATIONS = ("none", "watching", "alarmed", "one_way")
RESULTS = ("none", "running", "ok", "returned", "detached", "failed")

SLOT_FILES = (
    "state", "family", "params", "version", "module", "generation", "parked", "inflight", "openers",
    "srcversion", "previous", "probation", "probation_failures", "refused_ends", "hold_histogram",
)  # fmt: skip
TIMES = ("prepare_ns", "quiesce_ns", "drain_ns", "abandon_ns", "adopt_ns", "release_ns", "hold_ns")
LAST_SWAP_FILES = ("generation", "from", "to", "mode", "result", "reason", "held_requests", *TIMES)
CHILD_FILES = ("family", "version", "contract", "features", "schema_reads", "schema_writes", "request_bytes", "users")

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Range:
    """Schemas from `low` to `high`, both included."""

    low: int
    high: int

    def overlap(self, other: Range) -> Range | None:
        """Return what both have in common, or None."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Range(low, high) if low <= high else None

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"


@dataclass(frozen=True)
class Contract:
    """Number of the ABI between parent and child."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True)
class LastSwap:
    """How the last swap of a slot went; `generation` is the slot's after it. Times are durations."""

    generation: int = 0
    from_version: str | None = None
    to_version: str | None = None
    mode: str = "handover"
    result: str = "none"
    reason: str = ""
    held_requests: int = 0
    prepare_ns: int = 0
    quiesce_ns: int = 0
    drain_ns: int = 0
    abandon_ns: int = 0
    adopt_ns: int = 0
    release_ns: int = 0
    hold_ns: int = 0

    def times(self) -> dict[str, int]:
        """Return the durations of the kernel's phases."""
        return {name: getattr(self, name) for name in TIMES}


@dataclass(frozen=True)
class Slot:
    """One slot. `version` and `module` are None while no child serves, `family` while none is set, `parked` outside probation.

    :ivar srcversion: checksum of the sources of the module that serves, None without one.
    :ivar previous: version that served before, None before the first swap.
    :ivar probation_failures: requests that the new child failed in the probation that runs or ran last.
    :ivar refused_ends: ends of requests that a child did not have; each is a defect of a child.
    :ivar hold_histogram: requests that a hold has kept waiting, the ith number those below 2^i us.
    """

    slot: str
    state: str
    family: str | None
    params: str
    version: str | None
    module: str | None
    generation: int
    parked: str | None
    inflight: int
    openers: int
    last_swap: LastSwap
    child: Mapping[str, str] = field(default_factory=dict)
    srcversion: str | None = None
    previous: str | None = None
    probation: str = "none"
    probation_failures: int = 0
    refused_ends: int = 0
    hold_histogram: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the slot as plain data; the last swap's versions are called `from` and `to` as in the kernel."""
        data = asdict(self)
        last = data["last_swap"]
        data["hold_histogram"] = list(self.hold_histogram)
        last["from"], last["to"] = last.pop("from_version"), last.pop("to_version")
        data["child"] = {name: int(value) if value.isascii() and value.isdigit() else value for name, value in sorted(self.child.items())}
        return data


@dataclass(frozen=True)
class Child:
    """One registered child and what it promises."""

    module: str
    family: str
    version: str
    contract: Contract
    features: tuple[str, ...]
    schema_reads: Range
    schema_writes: Range
    request_bytes: int
    users: int

    def as_dict(self) -> dict[str, Any]:
        """Return the child as plain data."""
        return {
            **asdict(self),
            "contract": str(self.contract),
            "features": list(self.features),
            "schema_reads": str(self.schema_reads),
            "schema_writes": str(self.schema_writes),
        }


@dataclass(frozen=True)
class Parent:
    """The loaded parent."""

    contract: Contract
    version: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the parent as plain data."""
        return {"contract": str(self.contract), "version": self.version}


def bad_status(path: str, text: object, expected: str) -> TwostepError:
    """Return the error for a file that does not hold what it should."""
    return TwostepError(
        "bad_status",
        f"{path} holds {str(text)[:80]!r}, which is not {expected}.",
        "Install the parent that belongs to this collection.",
        {"path": path},
    )


def number(text: str) -> int:
    """Return a whole number from 0; raises ValueError."""
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS:
        raise ValueError(text)
    return int(text)


def schema_range(text: str) -> Range:
    """Return `1-2` as a range; raises ValueError."""
    low, _dash, high = text.partition("-")
    found = Range(number(low), number(high))
    if not 0 < found.low <= found.high <= _MAX_SCHEMA:
        raise ValueError(text)
    return found


def contract(text: str) -> Contract:
    """Return `1.0` as a contract; raises ValueError."""
    major, _dot, minor = text.partition(".")
    return Contract(number(major), number(minor))


def words(text: str) -> tuple[str, ...]:
    """Return the words of a comma-separated list, spaces allowed after the comma; raises ValueError."""
    found = tuple(word.strip() for word in text.split(",")) if text.strip() else ()
    if any(not word.isascii() or not word.replace("_", "").isalnum() or len(word) > _MAX_WORD for word in found):
        raise ValueError(text)
    return found


def numbers(text: str) -> tuple[int, ...]:
    """Return numbers with spaces between them; raises ValueError."""
    return tuple(number(word) for word in text.split(" "))


def _choice(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return check


def _line(text: str) -> str:
    if len(text) > _MAX_LINE or not text.isprintable():
        raise ValueError(text)
    return text


def _word(text: str) -> str:
    if not text.isascii() or not text.isalnum() or len(text) > _MAX_WORD:
        raise ValueError(text)
    return text


def _told(text: str) -> str:
    """Return what a child tells, made harmless: its files are its own affair and decide nothing."""
    return "".join(mark if mark.isprintable() else " " for mark in text[:_MAX_LINE]).strip()


def _optional(check: Callable[[str], _Value]) -> Callable[[str], _Value | None]:
    return lambda text: check(text) if text else None


class _Files:
    """The texts of a folder; `get` gives a checked value or the error that names the file."""

    def __init__(self, folder: str, texts: Mapping[str, str]) -> None:
        self._folder = folder
        self._texts = texts

    def get(self, name: str, check: Callable[[str], _Value], expected: str) -> _Value:
        path = f"{self._folder}/{name}"
        if name not in self._texts:
            raise TwostepError(
                "bad_status", f"{path} does not exist.", "Install the parent that belongs to this collection.", {"path": path}
            )
        text = self._texts[name]
        text = text[:-1] if text.endswith("\n") else text
        try:
            if len(text) > MAX_TEXT:
                raise ValueError(text)
            return check(text)
        except (ValueError, TwostepError):
            raise bad_status(path, text, expected) from None

    def number(self, name: str) -> int:
        return self.get(name, number, "a number")


def parse_last_swap(folder: str, texts: Mapping[str, str]) -> LastSwap:
    """Return the last swap from the texts of `LAST_SWAP_FILES`; `folder` is only named in errors."""
    files = _Files(folder, texts)
    return LastSwap(
        generation=files.number("generation"),
        from_version=files.get("from", _optional(names.version), "a version or empty"),
        to_version=files.get("to", _optional(names.version), "a version or empty"),
        mode=files.get("mode", _choice(MODES), "a mode"),
        result=files.get("result", _choice(RESULTS), "a result"),
        reason=files.get("reason", _line, "one line"),
        held_requests=files.number("held_requests"),
        **{name: files.number(name) for name in TIMES},
    )


def parse_slot(
    name: str, folder: str, texts: Mapping[str, str], last_swap: Mapping[str, str], child: Mapping[str, str] | None = None
) -> Slot:
    """Return a slot from the texts of `SLOT_FILES`, of `LAST_SWAP_FILES`, and of whatever its child tells."""
    files = _Files(folder, texts)
    return Slot(
        slot=names.slot(name),
        state=files.get("state", _choice(STATES), "a state"),
        family=files.get("family", _optional(names.family), "a family or empty"),
        params=files.get("params", _line, "one line"),
        version=files.get("version", _optional(names.version), "a version or empty"),
        module=files.get("module", _optional(names.module), "a module name or empty"),
        generation=files.number("generation"),
        parked=files.get("parked", _optional(names.version), "a version or empty"),
        inflight=files.number("inflight"),
        openers=files.number("openers"),
        last_swap=parse_last_swap(f"{folder}/last_swap", last_swap),
        child={key: _told(text) for key, text in (child or {}).items()},
        srcversion=files.get("srcversion", _optional(_word), "a checksum or empty"),
        previous=files.get("previous", _optional(names.version), "a version or empty"),
        probation=files.get("probation", _choice(PROBATIONS), "a state of a probation"),
        probation_failures=files.number("probation_failures"),
        refused_ends=files.number("refused_ends"),
        hold_histogram=files.get("hold_histogram", numbers, "a row of numbers"),
    )


def parse_child(module: str, folder: str, texts: Mapping[str, str]) -> Child:
    """Return a registered child from the texts of `CHILD_FILES`."""
    files = _Files(folder, texts)
    return Child(
        module=names.module(module),
        family=files.get("family", names.family, "a family"),
        version=files.get("version", names.version, "a version"),
        contract=files.get("contract", contract, "a contract number"),
        features=files.get("features", words, "a list of words"),
        schema_reads=files.get("schema_reads", schema_range, "a range of schemas"),
        schema_writes=files.get("schema_writes", schema_range, "a range of schemas"),
        request_bytes=files.number("request_bytes"),
        users=files.number("users"),
    )


def parse_parent(folder: str, texts: Mapping[str, str], version: str | None = None) -> Parent:
    """Return the parent from its file `contract`."""
    return Parent(_Files(folder, texts).get("contract", contract, "a contract number"), version)
