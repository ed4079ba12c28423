# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what the verdict on a swap depends on: the slot, the file, the kernel. Changes nothing; `core/compat.py` decides."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Mapping

from ..core import candidate, compat, linkage, names
from ..core import path as ways
from ..core.candidate import Candidate
from ..core.compat_facts import Question, Verdict
from ..core.compat_kernel import taint_letters
from ..core.errors import TwostepError
from ..core.linkage import Linkage
from ..core.path import Path, Release
from ..core.slots import Range, Slot
from . import modinfo, modprobe_conf, module_tree, symbols
from .kernel_control import Control
from .paths import Paths
from .runner import Run
from .slots import Status

_NO_WAY = Path(None)


@dataclass(frozen=True)
class Checked:
    """A verdict and what it is about. `path` is that of the file, None without one; `way` is the chain of hot steps.

    :ivar protocols: by version, those of the wire protocol: of what serves, what is asked for and what is on the way, where known.
    """

    slot: Slot
    version: str
    verdict: Verdict
    path: str | None = None
    candidate: Candidate | None = None
    way: Path = _NO_WAY
    taint: int | None = None
    protocols: Mapping[str, Range | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return the answer as plain data."""
        return {
            "slot": self.slot.slot,
            "family": self.slot.family,
            "from": self.slot.version,
            "to": self.version,
            "srcversion": (self.candidate.srcversion or None) if self.candidate else None,
            **self.verdict.as_dict(),
            "twostep_path": None if self.way.versions is None else list(self.way.versions),
            "path_reasons": [asdict(reason) for reason in self.way.reasons],
            "protocols": {version: str(found) if found else None for version, found in sorted(self.protocols.items())},
            "taint": None if self.taint is None else taint_letters(self.taint),
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


@dataclass(frozen=True)
class _File:
    """A module file as a candidate; `linkage` is None where only its modinfo can be read."""

    path: str
    candidate: Candidate
    linkage: Linkage | None


def _read(path: str, run: Run) -> _File:
    file = modinfo.read(path, run)
    found = candidate.parse(file.info.fields, file.info.signed, path)
    if file.image is None:
        return _File(path, found, None)
    try:
        return _File(path, found, linkage.parse(file.image))
    except TwostepError as error:
        raise modinfo.about(path, error) from None


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
        request_bytes=host.control.room(slot_name),
        old_file=_serving(host, slot),
        ask_two_step=ask_two_step,
        rules=tuple(modprobe_conf.rules(host.paths)),
    )
    if path is None and slot.family:
        path = module_tree.find(host.paths, asked, names.child_module(slot.family, version))
    if path is None:
        return _checked(host, question, None)
    try:
        file = _read(path, host.run)
    except TwostepError as error:
        return replace(_checked(host, replace(question, problem=error), None), path=path)
    return _checked(host, question, file)


def _serving(host: Host, slot: Slot) -> Candidate | None:
    """Return the facts of the file of the child that serves, where that file is the build that does."""
    path = module_tree.find(host.paths, host.release, slot.module) if slot.module else None
    if path is None or slot.module is None:
        return None
    try:
        file = modinfo.read(path, host.run)
        found = candidate.parse(file.info.fields, file.info.signed, path)
    except TwostepError:
        return None
    return found if found.srcversion and found.srcversion == host.status.loaded_srcversion(slot.module) else None


def _checked(host: Host, question: Question, file: _File | None) -> Checked:
    """Return the verdict on a file, and the way to it: the direct one, else one through the other installed versions."""
    slot, version = question.slot, question.version
    source = symbols.Source(host.paths, host.status, host.run, question.kernel_release, question.kernel_release == host.release)
    asked = question if file is None else _about(source, question, file)
    verdict = compat.decide(asked)
    way = ways.hopeless(verdict)
    known = [found for found in (question.old_file, file and file.candidate) if found]
    if way is None or file is None:
        direct = verdict.verdict in ("current", "hot", "two_step")
        others = [] if direct or file is None else _others(host, question)
        known += [other.candidate for other in others]
        releases = [Release(other.candidate, _about(source, question, other)) for other in others]
        way = ways.find(asked, releases if file is None else [*releases, Release(file.candidate, asked)])
    told = {slot.version, version, *(way.versions or ())}
    protocols = {one.version: one.protocol for one in known if one.version in told}
    found = Checked(slot, version, ways.advised(verdict, way), way=way, taint=question.kernel.taint, protocols=protocols)
    return found if file is None else replace(found, path=file.path, candidate=file.candidate)


def _others(host: Host, question: Question) -> list[_File]:
    """Return the other installed versions of the slot's family that can be read."""
    if question.slot.family is None:
        return []
    found = []
    for version, place in sorted(module_tree.family(host.paths, question.kernel_release, question.slot.family).items()):
        try:
            file = _read(place, host.run)
        except TwostepError:
            continue
        if file.candidate.version == version != question.version and file.candidate.family == question.slot.family:
            found.append(file)
    return found


def _about(source: symbols.Source, question: Question, file: _File) -> Question:
    """Return the question with all that is known about loading a file."""
    found, linked = file.candidate, file.linkage
    asked = replace(
        question,
        candidate=found,
        loaded=source.status.child(found.name),
        loaded_srcversion=source.status.loaded_srcversion(found.name),
        linkage=linked,
    )
    if linked is None:
        return asked
    wanted = set(linked.needs) | set(linked.versions or ())
    return replace(
        asked,
        symbols=symbols.look(source, wanted, found.depends),
        exporters=symbols.exporters(source, set(linked.exported)),
    )
