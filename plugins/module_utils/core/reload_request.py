# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent is asked to reload and what it answers, as text and as types. Files are `host/reload_folder.py`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from . import consumers, names
from .errors import TwostepError
from .module_identity import Identity
from .reload import PARENT, Part
from .swap_request import Phase

SCHEMA = 1
OUTCOMES = ("reloaded", "returned", "failed")


@dataclass(frozen=True)
class ReloadRequest:
    """One reload: the modules in the order in which they are loaded, and who else is stopped, as in `reload.Wish`."""

    reload_id: str
    run_id: str
    requested_at: str
    parts: tuple[Part, ...]
    devices: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    device_units: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Return the modules in the order in which they are loaded."""
        return tuple(part.name for part in self.parts)

    @property
    def is_parent(self) -> bool:
        """Return whether it is the parent that is replaced."""
        return self.modules == (PARENT,)


@dataclass(frozen=True)
class ReloadResult:
    """How a reload ended. `code`, `message` and `next_step` are empty where all went well."""

    reload_id: str
    run_id: str
    outcome: str
    code: str = ""
    message: str = ""
    next_step: str = ""
    phases: tuple[Phase, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Return whether the new modules are loaded and everything is back."""
        return self.outcome == "reloaded"


def render(message: ReloadRequest | ReloadResult) -> str:
    """Return the text of a request or a result."""
    return json.dumps({"schema": SCHEMA, **asdict(message)}, indent=1, sort_keys=True) + "\n"


def _loaded(text: str, where: str, known: set[str]) -> dict[str, Any]:
    try:
        data = json.loads(text)
        if data.pop("schema") != SCHEMA or set(data) != known:
            raise ValueError(where)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise damaged(where) from None
    return dict(data)


def damaged(where: str) -> TwostepError:
    """Return the error for a file that is not what was written."""
    return TwostepError(
        "bad_reload_file",
        f"{where} is damaged.",
        "See with lsmod and systemctl what is not back, bring it back by hand, and remove its folder.",
    )


def parse_request(text: str, where: str) -> ReloadRequest:
    """Return the request in `text`; every name has passed its check.

    :raises TwostepError: `bad_reload_file`, or the code of a name.
    """
    data = _loaded(text, where, {entry.name for entry in fields(ReloadRequest)})
    if not data["parts"] or not all(isinstance(data[key], list) for key in ("parts", "devices", "units", "device_units")):
        raise damaged(where)
    try:
        parts = tuple(
            Part(
                names.kernel_module(part["name"]),
                _identity(part["old"], where),
                _identity(part["new"], where),
                _path(part["path"], where),
                "" if part["kept"] == "" else _path(part["kept"], where),
            )
            for part in data["parts"]
        )
        return ReloadRequest(
            names.identifier(data["reload_id"]),
            names.identifier(data["run_id"]),
            str(data["requested_at"]),
            parts,
            tuple(_path(device, where) for device in data["devices"]),
            tuple(consumers.unit(unit) for unit in data["units"]),
            tuple(consumers.unit(unit) for unit in data["device_units"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise damaged(where) from None


def _identity(marks: dict[str, object], where: str) -> Identity:
    if not all(isinstance(mark, str) for mark in marks.values()):
        raise damaged(where)
    return Identity(**marks)  # type: ignore[arg-type]


def _path(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise damaged(where)
    return value


def parse_result(text: str, where: str) -> ReloadResult:
    """Return the result in `text` or raise `bad_reload_file`."""
    data = _loaded(text, where, {entry.name for entry in fields(ReloadResult)})
    try:
        data["phases"] = tuple(Phase(**phase) for phase in data["phases"])
        data["notes"] = tuple(str(note) for note in data["notes"])
    except TypeError:
        raise damaged(where) from None
    texts = [data[key] for key in ("reload_id", "run_id", "outcome", "code", "message", "next_step")]
    if not all(isinstance(text, str) for text in texts) or data["outcome"] not in OUTCOMES:
        raise damaged(where)
    return ReloadResult(**data)
