# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mark on a host: evidence has spoken against one build of a version, and nobody goes there again without consent.

The build is told by the checksum of its sources, so a mended one of the same version is another. Files are `host/rejections.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Mapping

from . import names, untrusted
from .errors import TwostepError

SCHEMA = 1
MAX_REASON_CHARS = 600
SRCVERSION = re.compile(r"[0-9A-Za-z.]{0,64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")
_FILE = re.compile(r"([a-z0-9]+)-([0-9.]+)-([0-9A-Za-z.]{0,64})\.json")
_NEXT = (
    "Go back with twostep.hotswap.rollback, build a mended version, or consent with twostep_accept_rejected "
    "if the evidence was not about it."
)


@dataclass(frozen=True)
class Mark:
    """One build that was rejected.

    :ivar srcversion: checksum of its sources; empty where it has none, and then the mark is about every build of the version.
    :ivar at: when, UTC. :ivar run_id: by which run. :ivar found_on: the host with the evidence.
    """

    family: str
    version: str
    srcversion: str
    at: str
    run_id: str
    found_on: str
    reason: str

    @property
    def file_name(self) -> str:
        """The name of its file; each build has its own."""
        return f"{self.family}-{self.version}-{self.srcversion}.json"

    def is_about(self, family: str | None, version: str | None, srcversion: str | None) -> bool:
        """Return whether a build is the rejected one. One whose checksum is not known may be."""
        same = not self.srcversion or not srcversion or self.srcversion == srcversion
        return (self.family, self.version) == (family, version) and same

    def as_dict(self) -> dict[str, str]:
        """Return the mark as plain data."""
        return asdict(self)


def make(family: object, version: object, srcversion: object, at: str, run_id: object, found_on: object, reason: object) -> Mark:
    """Return a mark whose every value has passed its check; texts are cut to their length and to one line.

    :raises TwostepError: the code of a name, or `bad_rejection`.
    """
    if not isinstance(srcversion, str) or not SRCVERSION.fullmatch(srcversion):
        raise TwostepError("bad_rejection", f"srcversion {str(srcversion)[:64]!r} is none.", "Read it with modinfo.")
    if not _TIME.fullmatch(at):
        raise TwostepError("bad_rejection", f"The time {at[:40]!r} is none.", "Use UTC, as in 2026-01-31T23:59:58Z.")
    told = untrusted.text(found_on, 255) or "an unnamed host"
    why = untrusted.text(reason, MAX_REASON_CHARS) or "no reason was given"
    return Mark(names.family(family), names.version(version), srcversion, at, names.identifier(run_id), told, why)


def render(mark: Mark) -> str:
    """Return the text of the file."""
    return json.dumps({"schema": SCHEMA, **asdict(mark)}, indent=1, sort_keys=True) + "\n"


def of_file(name: str, text: str | None) -> Mark | None:
    """Return the mark of a file, None where its name is none of ours.

    A file that is damaged is still a mark: its name tells what it is about.
    """
    found = _FILE.fullmatch(name)
    if found is None:
        return None
    family, version, srcversion = found.groups()
    try:
        about = make(
            family, version, srcversion, "1970-01-01T00:00:00Z", "unknown", "", "The mark is damaged, so who made it, and why, is lost."
        )
    except TwostepError:
        return None
    try:
        data = json.loads(text or "")
        return about if data.pop("schema") != SCHEMA else _same(make(**_known(data)), about)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, TwostepError):
        return about


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    return {entry.name: data[entry.name] for entry in fields(Mark)}


def _same(mark: Mark, about: Mark) -> Mark:
    return mark if mark.file_name == about.file_name else about


def told(value: object) -> tuple[Mark, ...]:
    """Return the marks that a host tells of; one that cannot be understood is left out."""
    found = []
    for record in untrusted.records(value, 64):
        try:
            found.append(
                make(**_known({**dict.fromkeys(entry.name for entry in fields(Mark)), **{str(key): record[key] for key in record}}))
            )
        except (TwostepError, TypeError):
            continue
    return tuple(found)


def shown(mark: Mark) -> str:
    """Return one line about a mark."""
    build = f" (build {mark.srcversion})" if mark.srcversion else ""
    return f"{mark.family} {mark.version}{build}, rejected at {mark.at} by run {mark.run_id}, on evidence of {mark.found_on}: {mark.reason}"


def refused(where: str, mark: Mark) -> TwostepError:
    """Return the refusal of a version that was rejected."""
    return TwostepError(
        "version_rejected", f"No host goes to {shown(mark).rstrip('.')}. The mark is on {where}.", _NEXT, {"rejected": mark.as_dict()}
    )
