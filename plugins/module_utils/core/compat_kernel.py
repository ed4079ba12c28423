# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would the kernel load this module file? The checks of `compat.py` that are about the kernel, so that a refusal comes before the load.

What cannot be found out is said, as `info`; it is never taken for a yes. A build that the kernel has already is not loaded again:
what speaks against loading it is then a `warning`, because it still speaks against the next boot.
"""

from __future__ import annotations

from typing import Iterator

from . import modprobe_conf
from .candidate import Candidate
from .compat_facts import Question, Reason
from .linkage import Linkage
from .symbols import KERNEL

_MOST_SYMBOLS = 3
_REBUILD = "Build it again with twostep.hotswap.dkms."
_FORCED, _EXPECTED = "F", "OE"
# By bit, as the kernel prints them. The first is G in a kernel without a proprietary module, so P here.
_TAINTS = "PFSRMBUDAWCIOELKXTN"
# Those that tell of a defect: a machine check, a bad page, an oops, a warning, a soft lockup.
_DEFECTS = "MBDWL"


def check(question: Question, candidate: Candidate) -> Iterator[Reason]:
    """Yield what the kernel has against the candidate."""
    yield from _release(question, candidate)
    yield from _restrictions(question, candidate)
    yield from _rules(question, candidate)
    yield from _taint(question)
    if question.linkage is None:
        yield _reason("symbols_unknown", "info", f"The symbols of {candidate.name} cannot be read from its file.", _UNPACKED)
    else:
        yield from _architecture(question, candidate, question.linkage)
        yield from _missing(question, candidate, question.linkage)
        yield from _versions(question, candidate, question.linkage)
        yield from _exporters(question, candidate, question.linkage)


def must_go_first(question: Question) -> bool:
    """Return whether the child that serves exports what the candidate exports: a kernel takes no two of them."""
    return question.needs_load and question.old is not None and question.old.module in (question.exporters or {}).values()


def taint_letters(taint: int | None) -> list[str]:
    """Return the kernel's letters for its taint; empty without any, and where it is not known."""
    return [letter for bit, letter in enumerate(_TAINTS) if taint is not None and taint >> bit & 1]


_UNPACKED = "Let DKMS install it uncompressed; the load will tell."


def _reason(code: str, level: str, message: str, next_step: str) -> Reason:
    return Reason("kernel", code, level, message, next_step)


def _forbids(question: Question) -> str:
    return "refuse" if question.needs_load else "warning"


def _release(question: Question, candidate: Candidate) -> Iterator[Reason]:
    kernel, asked = question.kernel, question.kernel_release
    if asked != kernel.release:
        message = f"The file is for kernel {asked}, {kernel.release} runs."
        yield _reason("other_kernel", "cold", message, "Boot that kernel, or build the module for the running one.")
    if kernel.vermagic is not None and candidate.vermagic != kernel.vermagic:
        message = f"{candidate.name} is built for {candidate.vermagic!r}, kernel {asked} wants {kernel.vermagic!r}."
        yield _reason("vermagic", "refuse", message, _REBUILD)
    elif kernel.vermagic is None and candidate.vermagic.split(" ", 1)[0] != asked:
        yield _reason("vermagic", "refuse", f"{candidate.name} is built for {candidate.vermagic!r}, not for kernel {asked}.", _REBUILD)


def _restrictions(question: Question, candidate: Candidate) -> Iterator[Reason]:
    kernel = question.kernel
    demand = kernel.wants_signature
    if demand and not candidate.signed:
        message = f"{candidate.name} is not signed, and {demand}."
        yield _reason("unsigned", "refuse", message, "Sign it with a key that the kernel trusts.")
    if kernel.modules_disabled and question.needs_load:
        message = "kernel.modules_disabled is 1: no module can be loaded until the next boot."
        yield _reason("modules_disabled", "cold", message, "Reboot the host with the new version committed in its boot configuration.")


def _rules(question: Question, candidate: Candidate) -> Iterator[Reason]:
    for rule in modprobe_conf.about(candidate.name, question.rules):
        if rule.kind == "install":
            message = f"Instead of loading {candidate.name}, modprobe runs {rule.command!r}: so says {rule.place}."
            yield _reason("install_command", _forbids(question), message, "Remove that line if the module may be loaded.")
        else:
            # modprobe loads a blacklisted module that is asked for by its name, but somebody wrote down that it shall not be.
            message = f"{candidate.name} is blacklisted in {rule.place}."
            yield _reason("blacklisted", _forbids(question), message, "Remove that entry if the module may be loaded.")


def _taint(question: Question) -> Iterator[Reason]:
    taint = question.kernel.taint
    if taint is None:
        yield _reason("taint_unknown", "info", "The kernel's taint cannot be read.", "Look at /proc/sys/kernel/tainted on the host.")
        return
    letters = taint_letters(taint)
    if _FORCED in letters:
        message = "A module was forced into the kernel (taint F), so what its checks say of modules cannot be relied on."
        yield _reason("tainted_forced", "refuse", message, "Reboot the host, and load no module with force.")
    defects = "".join(letter for letter in letters if letter in _DEFECTS)
    if defects:
        message = f"The kernel has recorded a defect since it booted (taint {defects})."
        yield _reason("tainted_defect", "warning", message, "Read the kernel log; reboot the host if the defect was in a module.")
    expected = "".join(letter for letter in letters if letter in _EXPECTED)
    if expected:
        message = f"The kernel has modules from outside its tree, or without a trusted signature (taint {expected})."
        yield _reason("tainted", "info", message, "Nothing to do: the parent is such a module.")


def _architecture(question: Question, candidate: Candidate, linkage: Linkage) -> Iterator[Reason]:
    kernel = question.kernel
    if kernel.machine is not None and linkage.machine != kernel.machine:
        message = f"{candidate.name} is for {linkage.machine}; the kernel's own modules are for {kernel.machine}."
        yield _reason("architecture", "refuse", message, "Build the module on this host, or for its architecture.")
    elif kernel.module_bytes and linkage.module_bytes != kernel.module_bytes:
        message = (
            f"{candidate.name} has a struct module of {linkage.module_bytes} bytes; in kernel {question.kernel_release} it has "
            f"{kernel.module_bytes}."
        )
        yield _reason("module_layout", _forbids(question), message, "Build it again, against the headers of exactly this kernel.")


def _missing(question: Question, candidate: Candidate, linkage: Linkage) -> Iterator[Reason]:
    symbols = question.symbols
    absent = [name for name in linkage.needs if name not in symbols.exports and name not in symbols.running]
    if absent and symbols.complete:
        message = f"{candidate.name} needs {_listed(absent)}, which neither kernel {question.kernel_release} nor a known module exports."
        next_step = "Build it again for this kernel and the installed parent, and load the modules that it depends on."
        yield _reason("symbol_missing", _forbids(question), message, next_step)
    elif absent:
        message = f"Whether kernel {question.kernel_release} exports {_listed(absent)}, which {candidate.name} needs, cannot be told."
        yield _reason("symbols_unknown", "info", message, "Install the kernel's headers to know before the load.")


def _versions(question: Question, candidate: Candidate, linkage: Linkage) -> Iterator[Reason]:
    """The kernel compares the checksum of every symbol that it resolves, and that of its own layout, module_layout."""
    if "modversions" not in (question.kernel.vermagic or candidate.vermagic).split():
        return
    if linkage.unreadable:
        message = f"The symbol checksums of {candidate.name} cannot be read: {linkage.unreadable}."
        yield _reason("versions_unreadable", "info", message, "Load it on a test host of the same kernel first.")
        return
    if linkage.versions is None:
        message = f"{candidate.name} has no symbol checksums, and kernel {question.kernel_release} wants them."
        yield _reason("symbol_crc", _forbids(question), message, _REBUILD)
        return
    known = question.symbols.exports
    unknown = []
    for name, built in sorted(linkage.versions.items()):
        export = known.get(name)
        if export is None or export.crc is None:
            # Nobody can refuse a checksum that the exporting side does not have; a symbol that is missing was told above.
            if name in question.symbols.running or (export is None and not question.symbols.complete):
                unknown.append(name)
        elif export.crc != built:
            owner = f"kernel {question.kernel_release}" if export.owner == KERNEL else f"module {export.owner}"
            message = f"{candidate.name} is built against {name} with checksum {built:#010x}; that of {owner} is {export.crc:#010x}."
            yield _reason("symbol_crc", _forbids(question), message, "Build it again for this kernel and the installed parent.")
            return
    if unknown:
        message = f"The checksums of {_listed(unknown)} in the kernel are not to be had, so {candidate.name} is not compared with them."
        yield _reason("symbol_crc_unknown", "info", message, "Install the kernel's headers to know before the load.")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_SYMBOLS])
    return shown if len(names) <= _MOST_SYMBOLS else f"{shown} and {len(names) - _MOST_SYMBOLS} more"


def _exporters(question: Question, candidate: Candidate, linkage: Linkage) -> Iterator[Reason]:
    """Yield one reason for each module that exports what the candidate exports."""
    if not linkage.exported or not question.needs_load:
        return
    if question.exporters is None:
        message = f"Whether a loaded module exports {_listed(sorted(linkage.exported))}, as {candidate.name} does, cannot be told."
        yield _reason("exports_unknown", "info", message, "Look at /proc/kallsyms on the host; the load will tell.")
        return
    owners: dict[str, list[str]] = {}
    for symbol, owner in sorted(question.exporters.items()):
        if owner != candidate.name:
            owners.setdefault(owner, []).append(symbol)
    for owner, symbols in owners.items():
        message = f"{candidate.name} exports {_listed(symbols)}, which {'the kernel' if owner == KERNEL else owner} exports, too"
        if question.old is None or owner != question.old.module:
            way = "Build a child that does not export it" + (f", or unload {owner} first." if owner != KERNEL else ".")
            yield _reason("duplicate_export", "refuse", f"{message}.", way)
        elif question.old.users > 1:
            way = "Swap the other slots away from it first, or build a child that exports nothing."
            yield _reason("duplicate_export", "refuse", f"{message}, and another slot uses that one.", way)
        else:
            way = "Nothing to do: the old module goes before the new one comes. A child that exports nothing would swap faster."
            yield _reason("duplicate_export", "two_step", f"{message}.", way)
