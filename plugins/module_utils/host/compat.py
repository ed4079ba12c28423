# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what the verdict on a swap depends on: the slot, the file, the kernel. Changes nothing; `core/compat.py` decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..core import candidate, compat, names
from ..core.candidate import Candidate
from ..core.compat_facts import Question, Verdict
from ..core.errors import TwostepError
from ..core.slots import Child, Slot
from . import modinfo, module_tree
from .kernel_control import Control
from .paths import Paths
from .runner import Run
from .slots import Status


@dataclass(frozen=True)
class Checked:
    """A verdict and what it is about. `path` is None without a file."""

    slot: Slot
    version: str
    verdict: Verdict
    path: str | None = None
    candidate: Candidate | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the answer as plain data."""
        return {
            "slot": self.slot.slot,
            "family": self.slot.family,
            "from": self.slot.version,
            "to": self.version,
            **self.verdict.as_dict(),
        }


@dataclass(frozen=True)
class Host:
    """Where facts come from. `release` is that of the running kernel."""

    paths: Paths
    status: Status
    run: Run
    release: str

    @property
    def control(self) -> Control:
        return Control(self.paths, self.status)


def _read(path: str, run: Run) -> Candidate:
    file = modinfo.read(path, run)
    return candidate.parse(file.info.fields, file.info.signed, path)


def _room(host: Host, slot: str) -> int | None:
    try:
        text = host.control.setting(slot, "request_bytes")
    except TwostepError:
        return None
    return int(text) if text.isascii() and text.isdigit() else None


def check(
    host: Host, slot_name: str, version: str, *, kernel: str | None = None, path: str | None = None, ask_two_step: bool = False
) -> Checked:
    """Return the verdict on swapping a slot to a version.

    :param kernel: kernel release that the file is for; the running one by default.
    :param path: module file to look at instead of the installed one.
    :raises TwostepError: `no_parent`, `no_slot`, `bad_status` or a name's code: there is no slot to give a verdict on.
    """
    asked = names.kernel(kernel or host.release)
    names.version(version)
    parent = host.status.parent()
    slot = host.status.slot(slot_name)
    question = Question(
        slot=slot,
        contract=parent.contract,
        version=version,
        kernel=module_tree.kernel_facts(host.paths, host.release, asked, host.run, host.status.read_text),
        kernel_release=asked,
        old=host.status.child(slot.module) if slot.module else None,
        request_bytes=_room(host, slot_name),
        ask_two_step=ask_two_step,
    )
    if path is None and slot.family:
        path = module_tree.find(host.paths, asked, names.child_module(slot.family, version))
    if path is None:
        return Checked(slot, version, compat.decide(question))
    try:
        found = _read(path, host.run)
    except TwostepError as error:
        return Checked(slot, version, compat.decide(replace(question, problem=error)), path)
    loaded: Child | None = host.status.child(found.name)
    question = replace(question, candidate=found, loaded=loaded, loaded_srcversion=host.status.loaded_srcversion(found.name))
    return Checked(slot, version, compat.decide(question), path, found)
