# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source folder of a DKMS package version in /usr/src: written whole or not at all, and known by its digest."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from typing import Mapping, Sequence

from ..core import dkms_conf, source_tree
from ..core.errors import TwostepError
from ..core.source_tree import SourceFile
from . import source_archive
from .paths import Paths

DIGEST_FILE = ".twostep-sha256"
_OURS = (source_tree.CONF, DIGEST_FILE, dkms_conf.PUBLISH_SCRIPT)


def digest(wanted: dkms_conf.Package, archive_sha256: str, folders: Sequence[str] = ()) -> str:
    """Return what identifies a source folder: the archive and everything that we add to it or, by `folders`, leave out of it."""
    parts = [archive_sha256, dkms_conf.render(wanted), dkms_conf.publish_script() if wanted.publish_symvers else "", *sorted(set(folders))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def state_of_source(paths: Paths, name: str, wanted_digest: str) -> str:
    """Return `absent`, `wanted` (its digest is the wanted one) or `other`."""
    folder = os.path.join(paths.source, name)
    if not os.path.lexists(folder):
        return "absent"
    try:
        with open(os.path.join(folder, DIGEST_FILE), encoding="ascii") as stream:
            written = stream.read(100).strip()
    except (OSError, UnicodeDecodeError):
        return "other"
    return "wanted" if written == wanted_digest and not os.path.islink(folder) else "other"


def disk_full(error: OSError, where: str) -> TwostepError:
    """Return the refusal for a failed write: `disk_full`, or `write_failed` for any other reason."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TwostepError("disk_full", f"The filesystem of {where} is full.", f"Free space on the filesystem of {where}.")
    return TwostepError("write_failed", f"{where} cannot be written: {error.strerror}.", "Look at the filesystem of the host.")


def write(paths: Paths, wanted: dkms_conf.Package, files: Mapping[str, SourceFile], wanted_digest: str) -> None:
    """Write the source folder beside its place, then move it there; an older one goes only after the new one is complete.

    :param files: what the archive holds, whose digest was compared. A vendor's dkms.conf among them is left out: ours replaces it.
    :raises TwostepError: `bad_source`, `disk_full`, `write_failed`; then the old folder is untouched.
    """
    target = os.path.join(paths.source, wanted.source)
    fresh = ""
    try:
        os.makedirs(paths.source, mode=0o755, exist_ok=True)
        fresh = tempfile.mkdtemp(prefix=".twostep-", dir=paths.source)
        os.chmod(fresh, 0o755)  # noqa: S103  # like the other sources there
        source_archive.unpack({path: file for path, file in files.items() if path not in _OURS}, fresh)
        _refuse_missing_locations(wanted, fresh)
        _write_file(fresh, "dkms.conf", dkms_conf.render(wanted), 0o644)
        if wanted.publish_symvers:
            _write_file(fresh, dkms_conf.PUBLISH_SCRIPT, dkms_conf.publish_script(), 0o755)
        _write_file(fresh, DIGEST_FILE, wanted_digest + "\n", 0o644)
        _move(fresh, target)
    except OSError as error:
        raise disk_full(error, paths.source) from None
    finally:
        if fresh:
            shutil.rmtree(fresh, ignore_errors=True)


def remove(paths: Paths, name: str) -> None:
    """Remove a source folder; it leaves its place in one step."""
    target = os.path.join(paths.source, name)
    if os.path.islink(target):
        os.unlink(target)
        return
    grave = tempfile.mkdtemp(prefix=".twostep-", dir=paths.source)
    os.rename(target, os.path.join(grave, name))
    shutil.rmtree(grave)


def _refuse_missing_locations(wanted: dkms_conf.Package, folder: str) -> None:
    for location in wanted.locations:
        if not any(os.path.isfile(os.path.join(folder, location, name)) for name in ("Kbuild", "Makefile")):
            raise TwostepError(
                "bad_source",
                f"The source has no {location}/Kbuild and no {location}/Makefile.",
                "Set src and modules[].location so that the location is a folder below src.",
            )


def _write_file(folder: str, name: str, text: str, mode: int) -> None:
    path = os.path.join(folder, name)
    with open(path, "x", encoding="ascii", newline="\n") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _move(fresh: str, target: str) -> None:
    if os.path.lexists(target):
        grave = tempfile.mkdtemp(prefix=".twostep-", dir=os.path.dirname(target))
        os.rename(target, os.path.join(grave, "old"))
        os.rename(fresh, target)
        shutil.rmtree(grave)
    else:
        os.rename(fresh, target)
    folder = os.open(os.path.dirname(target), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
