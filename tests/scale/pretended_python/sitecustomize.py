# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets what Python runs here believe that it is on a pretended host. Python imports this by itself where PYTHONPATH has its folder.

The real modules, agents and programs of the sessions run. What is pretended comes in where the product has its own seams: the root of all
paths, the programs that are run, the writes to the kernel's files and its log. Programs and writes go to the pretended kernel of
tests/scale/pretended_host.py, over a socket. Nothing of the product is imported here: a host has only what Ansible sends it.
"""

from __future__ import annotations

import errno
import importlib.abc
import importlib.machinery
import json
import os
import shutil
import socket
import sys
from types import ModuleType
from typing import Any, Callable, Sequence

ROOT = os.environ.get("PRETENDED_ROOT", "")
RECORD_BYTES = 8192


def ask(question: dict[str, Any]) -> dict[str, Any]:
    """Ask the pretended kernel of this host."""
    with socket.socket(socket.AF_UNIX) as kernel:
        kernel.connect(os.environ["PRETENDED_KERNEL"])
        with kernel.makefile("rwb") as stream:
            stream.write(json.dumps({"host": os.environ["PRETENDED_NAME"], **question}).encode() + b"\n")
            stream.flush()
            answer: dict[str, Any] = json.loads(stream.readline())
            return answer


def _paths(module: Any) -> None:
    module.Paths.__init__.__defaults__ = (ROOT,)


def _runner(module: Any) -> None:
    def run(argv: Sequence[str], timeout_s: float = 60.0, stdin: str | None = None) -> Any:
        told = ask({"argv": list(argv)})
        return module.Result(told["rc"], told["stdout"], told["stderr"])

    module.run = run


def _kernel_control(module: Any) -> None:
    def write_text(path: str, text: str) -> None:
        number = ask({"path": path, "text": text})["errno"]
        if number:
            raise OSError(number, os.strerror(number))

    defaults = module.Control.__init__.__defaults__
    module.Control.__init__.__defaults__ = tuple(write_text if value is module.write_text else value for value in defaults)


def _kernel_log(module: Any) -> None:
    def read(number: int) -> bytes:
        record = os.read(number, RECORD_BYTES)
        if not record:
            raise BlockingIOError(errno.EAGAIN, "no more records")
        return record

    start, _read, close = module.Device.__init__.__defaults__
    module.Device.__init__.__defaults__ = (start, read, close)


SEAMS: dict[str, Callable[[Any], None]] = {
    "host.paths": _paths,
    "host.runner": _runner,
    "host.kernel_control": _kernel_control,
    "host.kernel_log": _kernel_log,
}


class _Loader(importlib.abc.Loader):
    """Loads a module as it is, and then opens its seam."""

    def __init__(self, loader: Any, seam: Callable[[Any], None]) -> None:
        self._loader = loader
        self._seam = seam

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._seam(module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        seam = SEAMS.get(".".join(name.split(".")[-2:]))
        if seam is None:
            return None
        for finder in sys.meta_path:
            found = None if finder is self else finder.find_spec(name, path, target)
            if found is not None and found.loader is not None:
                found.loader = _Loader(found.loader, seam)
                return found
        return None


if ROOT:
    sys.meta_path.insert(0, _Finder())
    release, name = os.environ["PRETENDED_RELEASE"], os.environ["PRETENDED_NAME"]
    os.uname = lambda: os.uname_result(("Linux", name, release, "#1 pretended", "x86_64"))  # type: ignore[assignment]
    shutil.which = lambda program, *_more, **_options: f"/usr/bin/{program}"  # type: ignore[assignment]
