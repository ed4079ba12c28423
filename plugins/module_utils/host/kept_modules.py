# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the files of loaded modules, made before another version is installed over them: the way back without a build.

A copy lies in /var/lib/twostep/kept/<kernel>/<module>-<mark>/, under the name of the installed file. Of each module there is one.
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil

from ..core import names
from ..core.errors import TwostepError
from ..core.module_identity import Identity
from ..core.reload import ModuleFacts, Part, no_way_back
from . import module_file, module_state, whole_file
from .paths import Paths
from .runner import Run

_MAX_BYTES = 256 * 1024 * 1024
# Of a build ID that is longer than that of ld, as of a srcversion, the beginning will do: what a copy is, its content tells.
_MARK_CHARS = 40
_SUFFIXES = (".ko", ".ko.xz", ".ko.gz", ".ko.zst")
# What kmod and the kernel can decompress (scripts/Makefile.modinst).
_XZ_FILTERS = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]


def _of_kernel(paths: Paths, release: str) -> str:
    return os.path.join(paths.kept, names.kernel(release))


def _folder(paths: Paths, release: str, module: str, identity: Identity) -> str:
    mark = (identity.build_id or identity.srcversion)[:_MARK_CHARS]
    return os.path.join(_of_kernel(paths, release), f"{names.kernel_module(module)}-{names.kernel_module(mark)}")


def find(paths: Paths, run: Run, release: str, found: ModuleFacts) -> str | None:
    """Return the copy of the file of a loaded module, None without one. One that is damaged does not count."""
    if not (found.loaded.build_id or found.loaded.srcversion):
        return None
    folder = _folder(paths, release, found.name, found.loaded)
    try:
        files = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(_SUFFIXES)]
    except OSError:
        return None
    return next((path for path in files if _is(path, run, found.loaded)), None)


def _is(path: str, run: Run, wanted: Identity) -> bool:
    try:
        return module_state.identity_of(path, run).is_same(wanted) is True
    except TwostepError:
        return False


def place(paths: Paths, release: str, found: ModuleFacts) -> str:
    """Return where the copy of an installed file is, or would be."""
    return os.path.join(_folder(paths, release, found.name, found.loaded), os.path.basename(found.path or ""))


def keep(paths: Paths, run: Run, release: str, found: ModuleFacts) -> str:
    """Copy the file of a loaded module, unless there is a copy, and return the copy's path.

    :raises TwostepError: `no_way_back` where the installed file is another already; `write_failed`.
    """
    known = find(paths, run, release, found)
    if known is not None:
        return known
    if found.path is None or found.loaded.is_same(found.file) is not True:
        raise no_way_back(found)
    copy = place(paths, release, found)
    whole_file.write_bytes(copy, module_file.read(paths.at(found.path), _MAX_BYTES), 0o600, 0o700)
    if not _is(copy, run, found.loaded):
        raise TwostepError("not_proven", f"The copy {copy} does not read back.", "Look at the filesystem of the host.")
    _forget_others(paths, release, found.name, os.path.dirname(copy))
    return copy


def _forget_others(paths: Paths, release: str, module: str, but: str) -> None:
    parent = _of_kernel(paths, release)
    for name in os.listdir(parent):
        path = os.path.join(parent, name)
        if name.rpartition("-")[0] == module and path != but:
            shutil.rmtree(path, ignore_errors=True)


def put_back(paths: Paths, run: Run, release: str, part: Part) -> None:
    """Put the copy where the installed file of another version is, so that modprobe, and the next boot, load the old one again.

    :raises TwostepError: `no_way_back` without a copy, `other_kernel`, `not_put_back`, `write_failed`.
    """
    if not part.kept:
        raise no_way_back(ModuleFacts(part.name, loaded=part.old))
    if not part.kept.startswith(f"{_of_kernel(paths, release)}/"):
        raise TwostepError(
            "other_kernel",
            f"The copy {part.kept} is not of kernel {release}, which runs: it was rebooted in between.",
            f"Install {part.name} for kernel {release}, or boot the other one; then run again.",
            {"module": part.name},
        )
    data = _packed(part.kept, part.path)
    whole_file.write_bytes(paths.at(part.path), data, 0o644, 0o755)
    answer = run(["depmod", names.kernel(release)], timeout_s=300.0)
    now = module_state.installed(run, release, part.name)
    if answer.rc != 0 or now is None or not _is(paths.at(now), run, part.old):
        raise TwostepError(
            "not_put_back",
            f"{part.kept} was put back to {part.path}, but modprobe would load {now or 'nothing'}.",
            f"Look for a second file of {part.name} below /lib/modules, and run depmod.",
            {"module": part.name},
        )


def _packed(kept: str, path: str) -> bytes:
    """Return the content of a copy, compressed as the file that it is to replace."""
    data = module_file.read(kept, _MAX_BYTES)
    suffix, wanted = (name[name.rindex(".ko") :] for name in (os.path.basename(kept), os.path.basename(path)))
    if suffix == wanted:
        return data
    if ".ko.zst" in (suffix, wanted):
        raise TwostepError(
            "not_put_back",
            f"{kept} cannot be put back to {path}: Python's standard library has no zstd.",
            f"Put it back by hand: compress it as {wanted}, and run depmod.",
        )
    plain = module_file.unpack(kept, data, _MAX_BYTES)
    if wanted == ".ko.xz":
        return lzma.compress(plain, check=lzma.CHECK_CRC32, filters=_XZ_FILTERS)
    return gzip.compress(plain, mtime=0) if wanted == ".ko.gz" else plain
