# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a child tells of itself must survive a change of the child: never less, and the same where nothing ran. Compares only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Mapping

from .errors import TwostepError

_MAX_NUMBERS = 64


@dataclass(frozen=True)
class Carried:
    """One file over one change of the child. `verdict` is same, more, lost or moved."""

    file: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data; one number stands alone."""
        data = asdict(self)
        for name in ("before", "after"):
            data[name] = data[name][0] if len(data[name]) == 1 else list(data[name])
        return data


def _numbers(text: str) -> tuple[int, ...] | None:
    words = text.split()
    if not words or len(words) > _MAX_NUMBERS or not all(word.isascii() and word.isdigit() and len(word) <= 20 for word in words):
        return None
    return tuple(int(word) for word in words)


def compare(before: Mapping[str, str], after: Mapping[str, str], is_quiet: bool) -> tuple[Carried, ...]:
    """Return what became of the files that both children tell.

    :param is_quiet: nothing ran between the two looks, so that nothing may differ.
    """
    found = []
    for name in sorted(set(before) & set(after)):
        old, new = _numbers(before[name]), _numbers(after[name])
        if old is None or new is None:
            continue
        if old == new:
            verdict = "same"
        elif len(old) != len(new) or any(second < first for first, second in zip(old, new)):
            verdict = "lost"
        else:
            verdict = "moved" if is_quiet else "more"
        found.append(Carried(name, old, new, verdict))
    return tuple(found)


def refuse_lost(carried: tuple[Carried, ...], old: str, new: str) -> None:
    """Raise `counter_lost` for the first file that did not survive."""
    for entry in carried:
        if entry.verdict in ("lost", "moved"):
            raise TwostepError(
                "counter_lost",
                f"From {old} to {new} the child's file {entry.file} went from {_shown(entry.before)} to {_shown(entry.after)}.",
                "Keep the old version and report this to the makers of the child: it does not take over the state.",
                entry.as_dict(),
            )


def _shown(numbers: tuple[int, ...]) -> str:
    return " ".join(str(number) for number in numbers)[:80]
