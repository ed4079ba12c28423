# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trial: the version that one boot of the host gives to a slot, before it falls back to the committed one. Files are `host/trials.py`.

armed -> trying -> serving, or failed. A commit ends it, and so does any boot that finds it begun: nothing is tried twice.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace

from . import names
from .errors import TwostepError

SCHEMA = 1
STATES = ("armed", "trying", "serving", "failed")
_MAX_REASON_CHARS = 1000
_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Trial:
    """One version on trial.

    :ivar from_version: the version that served when it was armed.
    :ivar swap_id: of the request that armed it, with the `run_id` of that, for the ledger.
    :ivar boot_id: the kernel's name of the boot in which the trial came into its state.
    :ivar reason: why it failed.
    """

    slot: str
    version: str
    from_version: str
    swap_id: str
    run_id: str
    boot_id: str
    state: str = "armed"
    reason: str = ""

    def moved(self, state: str, boot_id: str, reason: str = "") -> Trial:
        """Return the trial in another state."""
        return replace(self, state=state, boot_id=boot_id, reason=reason[:_MAX_REASON_CHARS])


def at_boot(trial: Trial, boot_id: str) -> Trial:
    """Return the trial as a boot has to go on with it: `trying` means that this boot is the one, anything else that it is not."""
    if trial.boot_id == boot_id or trial.state == "failed":
        return trial  # the unit is started again in a boot that has decided already
    if trial.state == "armed":
        return trial.moved("trying", boot_id)
    return trial.moved("failed", boot_id, f"the host went down while {trial.version} was {trial.state}, before it was committed")


def _damaged(where: str, why: str) -> TwostepError:
    return TwostepError("bad_trial", f"The trial {where} is damaged: {why}.", "Remove it: the committed version is what boots.")


def parse(text: str, where: str) -> Trial:
    """Return the trial in `text`; every value has passed its check.

    :param where: path that the message names; its file name without `.json` is the only slot name allowed inside.
    :raises TwostepError: `bad_trial`, or the code of a name.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged(where, "it is not JSON") from None
    if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
        raise _damaged(where, f"its schema is not {SCHEMA}")
    if set(data) != {entry.name for entry in fields(Trial)} or not all(isinstance(value, str) for value in data.values()):
        raise _damaged(where, "its keys are not those of a trial")
    if data["state"] not in STATES or not _BOOT_ID.fullmatch(data["boot_id"]) or len(data["reason"]) > _MAX_REASON_CHARS:
        raise _damaged(where, "its state, boot or reason is out of range")
    for key, check in (
        ("slot", names.slot),
        ("version", names.version),
        ("from_version", names.version),
        ("swap_id", names.identifier),
        ("run_id", names.identifier),
    ):
        check(data[key])
    if where.rsplit("/", 1)[-1] != f"{data['slot']}.json":
        raise _damaged(where, f"it names the slot {data['slot']!r}")
    return Trial(**data)


def render(trial: Trial) -> str:
    """Return the text of the file."""
    return json.dumps({"schema": SCHEMA, **asdict(trial)}, indent=1, sort_keys=True) + "\n"
