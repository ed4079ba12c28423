# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binaries that one host built for others: taken out of DKMS's tree on the one, put into it on the others."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from typing import Any, Mapping

from ..core import built_binary, dkms_check, modinfo, symbols
from ..core.built_binary import Manifest
from ..core.dkms_conf import Package
from ..core.dkms_facts import FileFacts
from ..core.errors import TwostepError
from . import dkms_source, dkms_tree, module_file
from .paths import Paths

_MOST_SYMVERS = 16 * 1024 * 1024


@dataclass(frozen=True)
class Offer:
    """A binary that the controller offers. `path` is empty in check mode: then the manifest is all there is."""

    manifest: Manifest
    path: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Received:
    """An offer that was looked at. `reason` says why it is not taken, and is empty if it is."""

    manifest: Manifest
    reason: str = ""
    modules: tuple[FileFacts, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def linked_with(paths: Paths, package: Package, kernel: str) -> str:
    """Return the digest of the exports that a build of ``package`` for ``kernel`` is linked with; empty if it needs none, or has none."""
    path = dkms_tree.symvers(paths, package.symvers_from, kernel) if package.symvers_from else ""
    if not path:
        return ""
    text = module_file.read(path, _MOST_SYMVERS).decode("utf-8", "replace")
    return built_binary.symvers_digest(symbols.from_symvers(text.splitlines())[0])


def receive(offer: Offer, paths: Paths, package: Package, *, source_digest: str, arch: str) -> Received:
    """Look at an offer. What does not fit is told, not raised: the host can still build by itself."""
    told = offer.manifest
    try:
        reason = built_binary.misfit(
            told,
            package=package.name,
            version=package.version,
            kernel=told.kernel,
            arch=arch,
            source_digest=source_digest,
            symvers=linked_with(paths, package, told.kernel),
        )
        wanted = {module.name for module in package.modules}
        if not reason and (not wanted <= set(told.modules) or (package.publish_symvers and built_binary.SYMVERS not in told.files)):
            reason = "it does not hold all that the package yields"
        if reason or not offer.path:
            return Received(told, reason, tuple(FileFacts(name, file) for name, file in told.modules.items()))
        files = _read(offer)
        modules = tuple(_facts(name, file, files[file]) for name, file in told.modules.items())
        for module in modules:
            dkms_check.check_file(module, told.kernel, package.version)
    except TwostepError as error:
        return Received(told, error.message.rstrip("."))
    return Received(told, "", modules, files)


def _read(offer: Offer) -> dict[str, bytes]:
    data = module_file.read(offer.path, built_binary.MAX_BYTES)
    if hashlib.sha256(data).hexdigest() != offer.sha256:
        raise TwostepError("bad_binary", "it is not the file that the controller has sent", "Run the task again.")
    manifest, files = built_binary.unpack(data)
    if manifest != offer.manifest:
        raise TwostepError("bad_binary", "it is not the file that the controller has read", "Run the task again.")
    return files


def _facts(name: str, file: str, raw: bytes) -> FileFacts:
    if file.endswith(".zst"):
        raise TwostepError("zstd_unreadable", f"{file} is compressed with zstd, which cannot be looked into here", "Build on the host.")
    info = modinfo.from_elf(module_file.unpack(file, raw, built_binary.MAX_BYTES))
    digest = hashlib.sha256(raw).hexdigest()
    return FileFacts(name, file, digest, info.version, info.vermagic, info.srcversion, info.signed, signature=info.signature)


def place(paths: Paths, package: Package, received: Received) -> None:
    """Put the files where DKMS keeps a build of its own, whole or not at all; it then counts as built."""
    told = received.manifest
    tree = os.path.join(paths.dkms_tree, package.name, package.version)
    fresh = tempfile.mkdtemp(prefix=".twostep-", dir=tree)
    try:
        for name, data in received.files.items():
            _write(os.path.join(fresh, told.arch, name), data)
        _write(os.path.join(fresh, told.arch, "log/make.log"), f"Built on {told.built_on}, and shipped by twostep.hotswap.\n".encode())
        for folder, _folders, _files in os.walk(fresh):
            os.chmod(folder, 0o755)  # noqa: S103  # like the builds of DKMS
        os.rename(fresh, os.path.join(tree, told.kernel))
    except OSError as error:
        raise dkms_source.disk_full(error, paths.dkms_tree) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as stream:
        os.fchmod(stream.fileno(), 0o644)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def export(paths: Paths, package: Package, kernel: str, folder: str, *, source_digest: str, arch: str, built_on: str,
           build_seconds: float) -> dict[str, Any]:  # fmt: skip
    """Write the built binary of ``kernel`` into ``folder`` and return its path, SHA-256 and kernel.

    :raises TwostepError: `not_built` if DKMS keeps no build of the package for this kernel.
    """
    files = _built_files(os.path.join(paths.dkms_tree, package.name, package.version, kernel, arch))
    if files is None:
        raise TwostepError(
            "not_built", f"There is no build of {package.name} for kernel {kernel} and {arch} to be shipped.", "Look at dkms status."
        )
    manifest = Manifest(
        package=package.name,
        version=package.version,
        kernel=kernel,
        arch=arch,
        source_digest=source_digest,
        symvers_digest=linked_with(paths, package, kernel),
        built_on=built_on,
        build_seconds=build_seconds,
        files={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    )
    data = built_binary.pack(manifest, files)
    path = os.path.join(folder, manifest.file_name)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise dkms_source.disk_full(error, folder) from None
    return {"kernel": kernel, "arch": arch, "path": path, "sha256": hashlib.sha256(data).hexdigest()}


def _built_files(folder: str) -> dict[str, bytes] | None:
    files = {}
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(os.path.join(folder, "module"))):
            files[f"module/{name}"] = module_file.read(os.path.join(folder, "module", name), built_binary.MAX_BYTES)
        with contextlib.suppress(TwostepError):  # most packages publish none
            files[built_binary.SYMVERS] = module_file.read(os.path.join(folder, built_binary.SYMVERS), _MOST_SYMVERS)
    return files or None
