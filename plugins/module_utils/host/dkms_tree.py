# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at what a host has of a DKMS package version: DKMS's own answer, its tree, and the module folders. Changes nothing."""

from __future__ import annotations

import os
import re

from ..core import dkms_status
from ..core.dkms_facts import FileFacts, Found, KernelFacts
from ..core.errors import TwostepError
from . import modinfo
from .dkms_source import state_of_source
from .paths import Paths
from .runner import Run

# Debian and Arch; Red Hat and Fedora; SUSE. DKMS chooses by distribution whatever dkms.conf says.
_DESTINATIONS = ("updates/dkms", "extra", "updates")
_MODULE_FILE = re.compile(r"([A-Za-z0-9_-]+)\.ko(\.xz|\.gz|\.zst)?")


def _folders(path: str) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _module_files(folder: str, run: Run) -> list[FileFacts]:
    """Return the facts of every module file directly in `folder`."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [_facts(match[1], os.path.join(folder, match[0]), run) for match in map(_MODULE_FILE.fullmatch, names) if match]


def _facts(name: str, path: str, run: Run) -> FileFacts:
    try:
        file = modinfo.read(path, run)
    except TwostepError as error:
        if error.code not in ("not_a_module", "no_module_file"):
            raise
        return FileFacts(name, path, problem=error.message)
    info = file.info
    return FileFacts(name, path, file.sha256, info.version, info.vermagic, info.srcversion, info.signed, signature=info.signature)


def _installed(paths: Paths, kernel: str, names: set[str], run: Run) -> list[FileFacts]:
    files = []
    for destination in _DESTINATIONS:
        folder = os.path.join(paths.modules(kernel), destination)
        for name in sorted(names):
            for suffix in (".ko", ".ko.xz", ".ko.gz", ".ko.zst"):
                path = os.path.join(folder, name + suffix)
                if os.path.lexists(path):
                    files.append(_facts(name, path, run))
    return files


def status(package: str, run: Run) -> list[dkms_status.StatusLine]:
    """Return what `dkms status` tells of all versions of `package`."""
    return dkms_status.parse(run(["dkms", "status", "-m", package], timeout_s=120.0).stdout)


def look(
    paths: Paths, run: Run, package: str, version: str, *, modules: list[str], kernels: list[str], digest: str, with_dkms: bool = True
) -> Found:
    """Return what the host has of a package version on `kernels` and on every other kernel that DKMS built it for.

    :param modules: names of the modules looked for, besides the ones that DKMS has built.
    :param digest: digest of the wanted source, or empty when no source is wanted.
    :param with_dkms: whether the program dkms is there to be asked.
    """
    tree = os.path.join(paths.dkms_tree, package, version)
    lines = status(package, run) if with_dkms else []
    built_for = [name for name in _folders(tree) if re.match(r"[0-9]", name)]
    built = {kernel: _built(os.path.join(tree, kernel), run) for kernel in built_for}
    names = set(modules) | {file.name for files in built.values() for file in files}
    everywhere = list(dict.fromkeys([*kernels, *built_for, *_folders(paths.at("/lib/modules"))]))
    found = []
    for kernel in everywhere:
        state = dkms_status.state_of(lines, package, version, kernel)
        if state == "broken":
            # Only newer releases of DKMS say so; the link below tells it of all.
            state = "added"
        found.append(
            KernelFacts(
                kernel=kernel,
                status=state,
                half_built=kernel in built_for and state not in ("built", "installed"),
                built=tuple(built.get(kernel, ())),
                installed=tuple(_installed(paths, kernel, names, run)),
            )
        )
    return Found(
        package=package,
        version=version,
        source=state_of_source(paths, f"{package}-{version}", digest),
        registered=os.path.islink(os.path.join(tree, "source")),
        kernels=tuple(found),
    )


def _built(folder: str, run: Run) -> list[FileFacts]:
    return [file for arch in _folders(folder) for file in _module_files(os.path.join(folder, arch, "module"), run)]


def active_link(paths: Paths, package: str, kernel: str) -> str:
    """Return the link by which DKMS marks the installed version of `package` for `kernel`, or an empty string."""
    folder = os.path.join(paths.dkms_tree, package)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ""
    for name in names:
        path = os.path.join(folder, name)
        # What follows is the architecture; a longer kernel release would have another dash.
        start, _dash, _arch = name.rpartition("-")
        if start == f"kernel-{kernel}" and os.path.isdir(path):
            return path
    return ""


def symvers(paths: Paths, package: str, kernel: str) -> str:
    """Return the path of the published symbol versions of the installed `package` for `kernel`, or an empty string."""
    link = active_link(paths, package, kernel)
    path = os.path.join(link, "Module.symvers")
    return path if link and os.path.isfile(path) else ""
