# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs a program of this collection as one file that Python runs alone: the module that has its ``main``, and all that it imports of us.

The file is a zipapp. What goes in is read off the import statements, so nothing is named twice; it is read from wherever the modules were
imported from, which on a managed host is the zip file that Ansible ships.
"""

from __future__ import annotations

import ast
import io
import stat
import zipfile
from pkgutil import get_data
from types import ModuleType
from typing import Iterator

from ..core.errors import TwostepError

# The same bytes for the same sources: no time of day, no compression that depends on a library.
_TIME = (1980, 1, 1, 0, 0, 0)
_LICENCE = "# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors\n# SPDX-License-Identifier: GPL-3.0-or-later\n"
_MAIN = "import sys\n\nfrom {package}.{module} import main\n\nsys.exit(main(sys.argv[1:]))\n"


def pack(program: ModuleType, package: str) -> bytes:
    """Return the bytes of a zipapp that calls ``main(argv)`` of ``program``, a module of ``core`` or ``host``.

    :param package: what our modules are below in the file.
    :raises TwostepError: ``no_source``.
    """
    root, folder, name = program.__name__.rsplit(".", 2)
    sources = _sources(root, f"{folder}.{name}")
    files = {
        "__main__.py": f"{_LICENCE}{_MAIN.format(package=package, module=f'{folder}.{name}')}".encode("ascii"),
        f"{package}/__init__.py": _LICENCE.encode("ascii"),
        **{f"{package}/{part}/__init__.py": _LICENCE.encode("ascii") for part in {module.split(".")[0] for module in sources}},
        **{f"{package}/{module.replace('.', '/')}.py": source for module, source in sources.items()},
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, files[path])
    return packed.getvalue()


def _sources(root: str, start: str) -> dict[str, bytes]:
    """Return the sources of a module and of all that it imports of us, by ``folder.name``."""
    found: dict[str, bytes] = {}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found[module] = _source(root, module)
            waiting += _imported(module.split(".")[0], found[module])
    return found


def _source(root: str, module: str) -> bytes:
    folder, name = module.split(".")
    try:
        data = get_data(f"{root}.{folder}", f"{name}.py")
    except OSError:
        data = None
    if data is None:
        raise TwostepError("no_source", f"The source of {root}.{module} cannot be read.", "Install the collection with its sources.")
    return data


def _imported(folder: str, source: bytes) -> Iterator[str]:
    """Yield what a module in ``folder`` imports of us: ``from . import x``, ``from .x import y``, and the same with ``..folder``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = ([folder] if node.level == 1 else []) + (node.module.split(".") if node.module else [])
            if len(parts) == 1:
                yield from (f"{parts[0]}.{alias.name}" for alias in node.names)
            else:
                yield ".".join(parts)
