# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal is asked for and which steps it takes, in order, with reasons. Decides only; `host/rehearsal.py` acts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Sequence

from . import names
from .errors import TwostepError
from .exercise import Offers
from .swap_request import DEADLINE_MS

# Slots with such a name belong to rehearsals; what a killed one leaves is found by it.
PREFIX = "rehearse-"
_TOKEN_DIGITS = 7
SIZE_MIB = (4, 1024)
TIMEOUT_S = (10.0, 3600.0)
_DEVICE = "{device}"
_PARAMS = {"remap": "lower={device}"}
# What the kernel and we need beside the two scratch devices.
_SPARE_MIB = 64


@dataclass(frozen=True)
class Wish:
    """The module's options, checked. `folder` is None for memory, `params` None for the family's own."""

    slot: str
    version: str
    folder: str | None = None
    size_mib: int = 16
    deadline_ms: int = 500
    timeout_s: float = 300.0
    params: str | None = None
    one_way: bool = False


@dataclass(frozen=True)
class Step:
    """One step. `version` is the one that serves after it, `device` the kind of scratch device, each empty where there is none.

    :ivar busy: threads do I/O while it runs, so that there is something to hold.
    """

    action: str
    reason: str
    device: str = ""
    version: str = ""
    busy: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def wish(
    slot: object,
    version: object,
    scratch: str = "memory",
    size_mib: int = 16,
    deadline_ms: int = 500,
    timeout_s: float = 300.0,
    params: str | None = None,
    one_way: bool = False,
) -> Wish:
    """Return the options or raise the code of the first one that does not pass."""
    if scratch != "memory" and not scratch.startswith("/"):
        raise TwostepError("bad_scratch", f"scratch is {scratch[:80]!r}.", "Use memory, or the absolute path of a folder.")
    if not SIZE_MIB[0] <= size_mib <= SIZE_MIB[1]:
        raise TwostepError("bad_size", f"size_mib is {size_mib}.", f"Use a number from {SIZE_MIB[0]} to {SIZE_MIB[1]}.")
    if not DEADLINE_MS[0] <= deadline_ms <= DEADLINE_MS[1]:
        raise TwostepError(
            "bad_deadline", f"deadline_ms is {deadline_ms}.", f"Use a number of milliseconds from {DEADLINE_MS[0]} to {DEADLINE_MS[1]}."
        )
    if not TIMEOUT_S[0] <= timeout_s <= TIMEOUT_S[1]:
        raise TwostepError("bad_timeout", f"timeout_s is {timeout_s}.", f"Use seconds from {TIMEOUT_S[0]:g} to {TIMEOUT_S[1]:g}.")
    if params is not None and (_DEVICE not in params or not params.isprintable() or len(params) > 400):
        raise TwostepError("bad_params", f"params is {params[:80]!r}.", f"Write one line with {_DEVICE} where the scratch device belongs.")
    folder = None if scratch == "memory" else scratch
    return Wish(names.slot(slot), names.version(version), folder, size_mib, deadline_ms, timeout_s, params, one_way)


def scratch_slot(token: str) -> str:
    """Return the name of a scratch slot; `token` is hexadecimal and tells two rehearsals apart."""
    return names.slot(f"{PREFIX}{token[:_TOKEN_DIGITS]}")


def is_scratch(slot: str) -> bool:
    """Return whether a slot of this name belongs to a rehearsal."""
    return slot.startswith(PREFIX)


def template(wanted: Wish, family: str) -> str:
    """Return the params of a scratch slot, still with the place of its device, or raise `bad_params`."""
    found = wanted.params or _PARAMS.get(family)
    if found is None:
        raise TwostepError(
            "bad_params",
            f"How a slot of family {family} names its device is not known.",
            f"Set params to the text for the child, with {_DEVICE} where the scratch device belongs.",
        )
    return found


def params_for(text: str, device: str) -> str:
    """Return the params of a slot on `device`."""
    return text.replace(_DEVICE, device)


def refuse_short(wanted: Wish, memory_mib: int, free_mib: int | None) -> None:
    """Raise `memory_short` or `space_short` where a rehearsal would take what the host needs.

    :param free_mib: space in the folder, None without one.
    """
    needed = _SPARE_MIB + (2 * wanted.size_mib if wanted.folder is None else 0)
    if memory_mib < needed:
        raise TwostepError(
            "memory_short",
            f"The host has {memory_mib} MiB of memory available, the rehearsal needs {needed}.",
            "Free memory, lower size_mib, or set scratch to a folder.",
            {"available_mib": memory_mib, "needed_mib": needed},
        )
    if free_mib is not None and free_mib < 2 * wanted.size_mib:
        raise TwostepError(
            "space_short",
            f"{wanted.folder} has {free_mib} MiB free, the rehearsal needs {2 * wanted.size_mib}.",
            "Free space, lower size_mib, or choose another folder.",
            {"available_mib": free_mib, "needed_mib": 2 * wanted.size_mib},
        )


def plan(running: str, candidate: str, devices: Sequence[str], has_way_back: bool, is_loaded: bool) -> tuple[Step, ...]:
    """Return the steps.

    :param devices: kinds of scratch devices, one after the other: nbd tells what reaches it and can be slow, loop can zero.
    :param has_way_back: the running version reads what the candidate writes.
    """
    steps = [] if is_loaded else [Step("load", f"{candidate} is not loaded", version=candidate)]
    for device in devices:
        steps += _on(device, running, candidate, has_way_back)
    return (*steps, *([] if is_loaded else [Step("unload", "it was loaded for the rehearsal", version=candidate)]))


def _on(device: str, running: str, candidate: str, has_way_back: bool) -> list[Step]:
    def step(action: str, version: str, reason: str, busy: bool = False) -> Step:
        return Step(action, reason, device, version, busy)

    steps = [
        step("scratch", "", "real devices stay untouched"),
        step("adopt", running, "the rehearsal begins where the real slot stands"),
        step("exercise", running, "what users see now is the measure"),
        step("swap", candidate, "load and adopt, as the real swap will do", busy=True),
        step("exercise", candidate, "all that users rely on, with the old child parked"),
    ]
    if has_way_back:
        if device == "nbd":
            steps += [
                step("return", running, "the kernel brings the parked child back when a request stalls"),
                step("verify", running, "nothing is lost on that way"),
                step("swap", candidate, "again, with what the return left", busy=True),
            ]
        steps += [
            step("commit", candidate, "the old child is released"),
            step("swap", running, "abandon to the running version's code"),
            step("exercise", running, "it serves what the candidate left"),
            step("commit", running, "the candidate is released"),
            step("swap", candidate, "once more, with nothing running: the state must be the same"),
        ]
    return [
        *steps,
        step("commit", candidate, "no parked child hides an error any more"),
        step("exercise", candidate, "alone"),
        step("take_down", "", "nothing stays"),
    ]


def refuse_unexercised(promised: Sequence[str], real: Offers, exercised: Sequence[str]) -> list[str]:
    """Return notes about promises that no scratch device could try; raise `not_exercised` for one that users of the slot rely on."""
    missing = [word for word in promised if word not in exercised]
    needed = [word for word in missing if word in real.words()]
    if needed:
        raise TwostepError(
            "not_exercised",
            f"Users of the slot may rely on {', '.join(needed)}, which no scratch device of this host can try.",
            "Install the kernel modules nbd and loop, or go on without a rehearsal if that is meant.",
            {"not_exercised": needed},
        )
    return [f"{word} is promised, but neither the slot's device nor a scratch device of this host offers it." for word in missing]
