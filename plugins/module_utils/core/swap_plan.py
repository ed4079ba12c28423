# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call of the module `swap` has to do: nothing, the commit only, or a swap; and in which mode. Decides only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from . import consumers, names
from .compat_facts import Verdict
from .errors import TwostepError
from .slots import Slot
from .swap_request import DEADLINE_MS
from .trial import Trial

MODES = ("auto", "handover", "two_step", "warm", "cold")
# The kernel's deadline bounds the hold; around it the agent loads modules and writes files.
_MIN_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Wish:
    """The module's options, checked. `generation` is None where the caller does not care; `units` are stopped for a warm upgrade."""

    slot: str
    version: str
    mode: str = "auto"
    deadline_ms: int = 500
    generation: int | None = None
    commit: bool = True
    run_id: str = "by-hand"
    timeout_s: float = 120.0
    one_way: bool = False
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """What to do: `action` is none, commit, swap, or boot (a trial is armed, and waits for it).

    `old_version` is the one that goes, None where nothing does.
    """

    action: str
    old_version: str | None
    release_first: bool = False


def wish(
    slot: object,
    version: object,
    mode: str,
    deadline_ms: int,
    generation: int | None,
    commit: bool,
    run_id: object,
    timeout_s: float,
    one_way: bool = False,
    units: Sequence[object] = (),
) -> Wish:
    """Return the options or raise the code of the first one that does not pass."""
    if mode not in MODES:
        raise TwostepError("bad_mode", f"mode {mode!r} is unknown.", "Use auto, handover, two_step, warm or cold.")
    if not DEADLINE_MS[0] <= deadline_ms <= DEADLINE_MS[1]:
        raise TwostepError(
            "bad_deadline", f"deadline_ms is {deadline_ms}.", f"Use a number of milliseconds from {DEADLINE_MS[0]} to {DEADLINE_MS[1]}."
        )
    if generation is not None and generation < 1:
        raise TwostepError("bad_generation", f"generation is {generation}.", "Use the generation that twostep.hotswap.slot_info told.")
    if not timeout_s >= _MIN_TIMEOUT_S:
        raise TwostepError("bad_timeout", f"timeout_s is {timeout_s}.", "Use a number of seconds from 1.")
    checked_id = "by-hand" if run_id is None else names.identifier(run_id)
    stopped = tuple(consumers.unit(unit) for unit in units)
    return Wish(names.slot(slot), names.version(version), mode, deadline_ms, generation, commit, checked_id, timeout_s, one_way, stopped)


def next_step(wanted: Wish, slot: Slot, boot_version: str | None, trial: Trial | None = None, boot_id: str = "", made: bool = True) -> Step:
    """Return what is left to do.

    A slot that serves the version may still miss its commit: the parked child waits, or, since two_step and a boot park none, the
    boot configuration names another version, the next boot would try another one, or the initramfs was not made with it.

    :param made: whether the initramfs, where it brings the slot up, was made from the boot configuration.

    :raises TwostepError: `stale_generation`; `returned`, `trial_missed`: the trial that was asked for has ended without success.
    """
    if slot.state == "serving" and slot.version == wanted.version:
        on_trial = trial.version if trial and trial.version != wanted.version else None
        not_committed = slot.parked or (boot_version if boot_version != wanted.version else None) or on_trial
        if not made:
            not_committed = not_committed or wanted.version
        return Step("commit" if wanted.commit and not_committed else "none", not_committed)
    if wanted.generation is not None and wanted.generation != slot.generation:
        raise TwostepError(
            "stale_generation",
            f"Slot {slot.slot} is at generation {slot.generation}, expected was {wanted.generation}: somebody else has swapped it.",
            "Read the slot again with twostep.hotswap.slot_info, and decide anew.",
            {"generation": slot.generation},
        )
    if wanted.mode == "cold" and trial and trial.version == wanted.version:
        _refuse_ended(trial, boot_id)
        return Step("boot", slot.version)
    return Step("swap", slot.version, release_first=slot.parked == wanted.version)


def _refuse_ended(trial: Trial, boot_id: str) -> None:
    """Refuse a trial that waits no longer for its boot."""
    if trial.state == "armed" and trial.boot_id == boot_id:
        return
    if trial.state == "failed":
        raise TwostepError(
            "returned",
            f"The boot that was to bring slot {trial.slot} to {trial.version} went back to the committed version: {trial.reason}",
            "Correct what kept it from serving; the same task then arms the next boot.",
            {"trial": trial.state},
        )
    raise TwostepError(
        "trial_missed",
        f"The host was booted, but {trial.version} does not serve slot {trial.slot}: its trial is {trial.state}.",
        "Look at the unit twostep-slots.service of this boot; the same task then arms the next one.",
        {"trial": trial.state},
    )


def check_hold(wanted: Wish, mode: str, hung_task_timeout_s: int) -> None:
    """Refuse a hold that the kernel's hung-task detector could take for a defect.

    :param hung_task_timeout_s: the kernel's `hung_task_timeout_secs`, 0 where nothing is detected. Half of it is left for what
        waits behind the hold. A two_step swap may use its deadline twice.
    """
    if mode in ("warm", "cold"):
        return  # nobody waits in a hold
    longest_ms = wanted.deadline_ms * (2 if mode == "two_step" else 1)
    if hung_task_timeout_s and longest_ms > hung_task_timeout_s * 1000 // 2:
        raise TwostepError(
            "deadline_hung_task",
            f"A hold of {longest_ms} ms is more than half of the {hung_task_timeout_s} s after which the kernel reports a hung task.",
            "Lower deadline_ms, or raise the sysctl kernel.hung_task_timeout_secs on the host.",
            {"hung_task_timeout_s": hung_task_timeout_s},
        )


def mode_of(wanted: Wish, verdict: Verdict) -> str:
    """Return the mode of the swap, or raise the reason that rules it out. Only who asks for the warm or the cold way gets it."""
    blocking = {"warm": verdict.blocking_warm, "cold": verdict.blocking_cold}
    reason = blocking.get(wanted.mode, verdict.blocking)
    if reason is not None:
        raise TwostepError(reason.code, reason.message, reason.next_step, verdict.as_dict())
    if wanted.mode in blocking:
        return wanted.mode
    no_return = next((entry for entry in verdict.reasons if entry.code == "no_way_back"), None)
    if no_return and not wanted.one_way:
        raise TwostepError("no_way_back", no_return.message, "Set one_way to true if that is meant.", verdict.as_dict())
    if verdict.mode is None:
        raise TwostepError("no_mode", f"The verdict {verdict.verdict} names no mode.", "Report this, with the slot's status.")
    if wanted.mode == "handover" and verdict.mode != "handover":
        why = next((entry for entry in verdict.reasons if entry.level == "two_step"), None)
        raise TwostepError(
            "needs_two_step",
            f"Slot {wanted.slot} cannot go to {wanted.version} by handover. {why.message if why else ''}".rstrip(),
            "Use mode auto or two_step.",
            verdict.as_dict(),
        )
    return verdict.mode
