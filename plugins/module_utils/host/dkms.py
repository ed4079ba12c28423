# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the steps that `core/dkms.py` planned, and turns what DKMS answers into one error with a next step.

Never passes --force: an installed version does not change, and a downgrade removes the newer one first.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from typing import Callable, Mapping

from ..core import dkms_log
from ..core.dkms import Step
from ..core.dkms_conf import Package
from ..core.errors import TwostepError
from ..core.source_tree import SourceFile
from . import built_binary, dkms_needs, dkms_source
from .built_binary import Received
from .module_signer import Signer
from .paths import Paths
from .runner import Result, Run

_BUILD_TIMEOUT_S = 3600.0
_OTHER_TIMEOUT_S = 600.0
_RC_EXCLUDED = 77
_LOG = re.compile(r"(/\S+/make\.log)\b")


class Actor:
    """Does steps on one package version. `files` are its sources, empty when none are to be written; `received` its binaries by kernel."""

    def __init__(
        self,
        paths: Paths,
        run: Run,
        package: Package,
        files: Mapping[str, SourceFile] | None = None,
        digest: str = "",
        signer: Signer | None = None,
        received: Mapping[str, Received] | None = None,
    ) -> None:
        self._paths = paths
        self._run = run
        self._package = package
        self._files = files or {}
        self._digest = digest
        self._signer = signer
        self._received = received or {}

    def do(self, step: Step) -> None:
        """Do one step.

        :raises TwostepError: `build_failed`, `excluded`, `disk_full`, `no_headers`, `broken_tree`, `dkms_failed`, or what
            writing the source or signing raises.
        """
        actions: dict[str, Callable[[Step], None]] = {
            "write_source": self._write_source,
            "remove_source": self._remove_source,
            "discard_build": self._discard_build,
            "place": self._place,
            "remove_tree": self._remove_tree,
            "remove_file": self._remove_file,
            "sign": self._sign,
        }
        action = actions.get(step.action, self._dkms)
        try:
            action(step)
        except OSError as error:
            raise dkms_source.disk_full(error, error.filename or "the DKMS tree") from None

    @property
    def _tree(self) -> str:
        return os.path.join(self._paths.dkms_tree, self._package.name, self._package.version)

    def _write_source(self, _step: Step) -> None:
        dkms_source.write(self._paths, self._package, self._files, self._digest)

    def _place(self, step: Step) -> None:
        built_binary.place(self._paths, self._package, self._received[step.kernel])

    def _sign(self, step: Step) -> None:
        if self._signer is not None:
            self._signer.sign(os.path.join(self._tree, step.kernel), step.kernel)

    def _remove_source(self, _step: Step) -> None:
        dkms_source.remove(self._paths, self._package.source)

    def _dkms(self, step: Step) -> None:
        where = ["--all"] if step.action == "remove" else ["-k", step.kernel] if step.kernel else []
        timeout_s = _BUILD_TIMEOUT_S if step.action == "build" else _OTHER_TIMEOUT_S
        argv = ["dkms", step.action, "-m", self._package.name, "-v", self._package.version, *where]
        result = self._run(argv, timeout_s=timeout_s)
        if result.rc != 0:
            raise self._failure(step, result)

    def _failure(self, step: Step, result: Result) -> TwostepError:
        output = result.stdout + result.stderr
        what = f"{self._package.name} {self._package.version}" + (f" for kernel {step.kernel}" if step.kernel else "")
        log_path, log = self._make_log(output) if step.action == "build" else ("", "")
        lines = dkms_log.relevant(log)
        data = {"rc": result.rc, "step": step.action, "output": output.splitlines()[-20:], "log": log_path, "log_lines": lines}
        if dkms_log.is_disk_full(output + log):
            return TwostepError("disk_full", f"A filesystem was full during dkms {step.action} of {what}.", "Free space on the host.", data)
        if result.rc == _RC_EXCLUDED or "BUILD_EXCLUSIVE" in output:
            return TwostepError(
                "excluded",
                f"{what} excludes itself by BUILD_EXCLUSIVE.",
                "Remove /etc/dkms overrides of this package, or leave this kernel out.",
                data,
            )
        if "kernel headers for kernel" in output:
            dkms_needs.check_headers(self._paths, step.kernel)
        if "is broken!" in output:
            return TwostepError("broken_tree", f"DKMS calls {what} broken.", "Run this module with state absent, then again.", data)
        if log_path:
            return TwostepError(
                "build_failed",
                f"The build of {what} failed: {lines[0].strip() if lines else 'the log is empty'}.",
                f"Read {log_path} on the host.",
                data,
            )
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
        return TwostepError(
            "dkms_failed",
            f"dkms {step.action} of {what} exited {result.rc}: {last.strip().rstrip('.')}.",
            "Read the output in the result.",
            data,
        )

    def _make_log(self, output: str) -> tuple[str, str]:
        named = _LOG.search(output)
        path = self._paths.at(named[1]) if named else os.path.join(self._tree, "build", "make.log")
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                return path, stream.read(4 * 1024 * 1024)
        except OSError:
            return "", ""

    def _drop_links(self, below: str) -> None:
        """Remove the links to active builds that point to `below`, a path relative to the package's tree."""
        package_tree = os.path.dirname(self._tree)
        for entry in list(os.scandir(package_tree)):
            if entry.is_symlink() and (os.readlink(entry.path) + "/").startswith(below + "/"):
                os.unlink(entry.path)

    def _discard_build(self, step: Step) -> None:
        self._drop_links(f"{self._package.version}/{step.kernel}")
        shutil.rmtree(os.path.join(self._tree, step.kernel))

    def _remove_tree(self, _step: Step) -> None:
        if not os.path.isdir(self._tree):
            return
        self._drop_links(self._package.version)
        shutil.rmtree(self._tree)
        package_tree = os.path.dirname(self._tree)
        if not os.listdir(package_tree):
            os.rmdir(package_tree)

    def _remove_file(self, step: Step) -> None:
        # DKMS may have removed it in a step before.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(step.path)
        result = self._run(["depmod", "-a", step.kernel], timeout_s=_OTHER_TIMEOUT_S)
        if result.rc != 0:
            raise TwostepError(
                "depmod_failed",
                f"depmod exited {result.rc} after {step.path} was removed.",
                f"Run depmod -a {step.kernel} on the host.",
                {"output": (result.stdout + result.stderr).splitlines()[-20:]},
            )
