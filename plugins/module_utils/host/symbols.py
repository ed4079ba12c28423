# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out which symbols a kernel, the parent and the loaded modules export. Changes nothing.

The kernel's own checksums are in its headers' `Module.symvers`, or beside it in a compressed copy. Those of the parent and of other
modules from outside the tree are in their installed files, which count only while they are the builds that are loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import AbstractSet, Iterator, Mapping, Sequence

from ..core import linkage, names, symbols
from ..core.errors import TwostepError
from ..core.symbols import KERNEL, Export, Symbols
from . import dkms_tree, modinfo, module_file, module_tree
from .paths import Paths
from .runner import Run
from .slots import Status

_MOST_BYTES = 64 * 1024 * 1024
_MOST_LINES = 4_000_000
_MOST_MODULES = 32


@dataclass
class Source:
    """Where to look: the host, and the kernel in question. `running` says that it is the one that runs.

    Keeps what it has read, so it is made anew for each question.
    """

    paths: Paths
    status: Status
    run: Run
    kernel: str
    running: bool
    kallsyms: tuple[Mapping[str, str], bool] | None = None
    kept: dict[str, tuple[str | None, Mapping[str, Export] | None]] = field(default_factory=dict)


def look(source: Source, wanted: AbstractSet[str], depends: Sequence[str]) -> Symbols:
    """Return what is known of the wanted symbols.

    :param depends: modules that the candidate says it depends on, the parent among them.
    """
    path, of_kernel = _of_kernel(source)
    exports = _only(wanted, of_kernel)
    known = len(depends) <= _MOST_MODULES
    for module in depends[:_MOST_MODULES]:
        found = _of_module(source, module)
        if found is None:
            known = known and any(export.owner == module for export in exports.values())
        else:
            exports.update(_only(wanted, found))
    missing = wanted - set(exports)
    if not source.running or not missing:
        return Symbols(exports, path is not None and known, path, {})
    told, exact = _of_running(source)
    running = {name: told[name] for name in missing if name in told}
    if path is not None:
        return Symbols(exports, known, path, running)
    known = known or all(_is_loaded(source, module) for module in depends)
    return Symbols(exports, exact and known, None, running)


def exporters(source: Source, wanted: AbstractSet[str]) -> dict[str, str] | None:
    """Return which of the wanted symbols the running kernel has, with the module that exports them; None where it does not tell."""
    if not wanted or not source.running:
        return {}
    told, _exact = _of_running(source)
    return {name: told[name] for name in wanted if name in told} if told else None


def _of_running(source: Source) -> tuple[Mapping[str, str], bool]:
    """Return what the running kernel exports, and whether that is exact; empty where it does not tell."""
    if source.kallsyms is None:
        source.kallsyms = symbols.from_kallsyms(_kallsyms(source.paths))
    return source.kallsyms


def _is_loaded(source: Source, module: str) -> bool:
    try:
        return source.status.is_loaded(module)
    except TwostepError:
        return False


def _only(wanted: AbstractSet[str], exports: Mapping[str, Export]) -> dict[str, Export]:
    return {name: exports[name] for name in wanted if name in exports}


def _of_kernel(source: Source) -> tuple[str | None, Mapping[str, Export]]:
    """Return the kernel's exports and the file that they are from, or None where there is none."""
    if KERNEL not in source.kept:
        source.kept[KERNEL] = _read_symvers(source)
    path, exports = source.kept[KERNEL]
    return path, exports or {}


def _read_symvers(source: Source) -> tuple[str | None, Mapping[str, Export]]:
    folder, kernel = source.paths.modules(names.kernel(source.kernel)), source.kernel
    places = [f"{folder}/build/Module.symvers"]
    places += [f"{start}.{suffix}" for start in (f"{folder}/symvers", f"{source.paths.boot}/symvers-{kernel}") for suffix in ("gz", "xz")]
    for path in places:
        try:
            text = module_file.unpack(path, module_file.read(path, _MOST_BYTES), _MOST_BYTES).decode("utf-8", "replace")
        except TwostepError:
            continue
        found, understood = symbols.from_symvers(text.splitlines())
        if understood:
            return path, found
    return None, {}


def _of_module(source: Source, module: str) -> Mapping[str, Export] | None:
    if module not in source.kept:
        source.kept[module] = (None, _read_module(source, module))
    return source.kept[module][1]


def _read_module(source: Source, module: str) -> Mapping[str, Export] | None:
    """Return the exports of a module from outside the tree, or None where they are not known.

    Where the loaded build is another than the installed one, the checksums of the file are not those that a load would meet.
    """
    try:
        path = module_tree.find(source.paths, source.kernel, module)
        if path is None:
            return None
        file = modinfo.read(path, source.run)
        loaded = source.status.loaded_srcversion(module)
        if source.running and source.status.is_loaded(module) and loaded != (file.info.srcversion or None):
            return None
        if file.image is None:
            return _published(source, module)
        exported = linkage.parse(file.image).exported
    except TwostepError:
        return None
    return {name: Export(module, crc) for name, crc in exported.items()}


def _published(source: Source, module: str) -> Mapping[str, Export] | None:
    """Return the exports of the parent as its build has published them, for a file that cannot be read."""
    path = dkms_tree.symvers(source.paths, module.replace("_", "-"), source.kernel)
    if not path:
        return None
    text = module_file.read(path, _MOST_BYTES).decode("utf-8", "replace")
    return symbols.from_symvers(text.splitlines(), module)[0]


def _kallsyms(paths: Paths) -> Iterator[str]:
    """Yield the running kernel's symbols; nothing where they cannot be read."""
    try:
        with open(os.path.join(paths.proc, "kallsyms"), encoding="ascii", errors="replace") as stream:
            for number, line in enumerate(stream):
                if number >= _MOST_LINES:
                    return
                yield line
    except OSError:
        return
