# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host built, as one file that other hosts of the same kernel install instead of building.

A tar archive of plain files: ``manifest.json`` first, then what DKMS keeps of a build. Who unpacks it believes nothing but what the
manifest's digests confirm, and takes it only for the very source, kernel and symbol versions that it was built from.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from dataclasses import asdict, dataclass, fields
from typing import Any, Mapping

from . import names, tar, untrusted
from .errors import TwostepError
from .symbols import Export

MANIFEST = "manifest.json"
SYMVERS = "Module.symvers"
FORMAT = 1
MAX_BYTES = 256 * 1024 * 1024
_MAX_FILES = 64
_MAX_MANIFEST = 64 * 1024
# As DKMS lays them out below <version>/<kernel>/<arch>.
_FILE = re.compile(r"module/[A-Za-z0-9_-]{1,64}\.ko(\.xz|\.gz|\.zst)?|Module\.symvers")
_ARCH = re.compile(r"[a-z0-9_]{1,32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """What a binary is of. `source_digest` names source, options and `dkms.conf`; `symvers_digest` the exports it was linked with.

    `symvers_digest` is empty for a package that needs no other's symbols. `built_on` is a host's name, for people.
    """

    package: str
    version: str
    kernel: str
    arch: str
    source_digest: str
    symvers_digest: str
    built_on: str
    build_seconds: float
    files: Mapping[str, str]  # name in the archive: SHA-256

    @property
    def file_name(self) -> str:
        return file_name(self.package, self.version, self.kernel, self.arch)

    @property
    def modules(self) -> dict[str, str]:
        """Module names, with the files that have them."""
        return {name.split("/", 1)[1].split(".ko", 1)[0]: name for name in self.files if name != SYMVERS}

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}


def file_name(package: str, version: str, kernel: str, arch: str) -> str:
    """Return the name of the file for a binary, or raise the code of the first value that is no name."""
    return "_".join([names.package(package), names.version(version), names.kernel(kernel), machine(arch)]) + ".tar"


def machine(value: object) -> str:
    """Return ``value`` as a machine's architecture, as ``uname -m`` prints it, or raise ``bad_arch``."""
    if not isinstance(value, str) or _ARCH.fullmatch(value) is None:
        raise TwostepError("bad_arch", f"{str(value)[:80]!r} is no machine architecture.", "Use what uname -m prints.")
    return value


def symvers_digest(exports: Mapping[str, Export]) -> str:
    """Return what identifies exports: names and checksums, whatever folder they were built in."""
    lines = sorted(f"{name} {export.owner} {export.crc}\n" for name, export in exports.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def pack(described: Manifest, files: Mapping[str, bytes]) -> bytes:
    """Return the archive. The same content gives the same bytes."""
    description = json.dumps(described.as_json(), sort_keys=True).encode()
    parts = []
    for name, data in [(MANIFEST, description), *sorted(files.items())]:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        parts += [member.tobuf(tarfile.USTAR_FORMAT), data, bytes(-len(data) % tar.BLOCK)]
    return b"".join([*parts, bytes(2 * tar.BLOCK)])


def _refuse(why: str) -> TwostepError:
    return TwostepError("bad_binary", f"The built binary is refused: {why}.", "Remove it on the controller, and build it again.")


def _manifest(data: bytes) -> Manifest:
    try:
        told = json.loads(data.decode("ascii")) if len(data) <= _MAX_MANIFEST else None
    except (RecursionError, ValueError):
        told = None
    return manifest(told)


def manifest(told: object) -> Manifest:
    """Return a manifest as it was read from JSON, or raise `bad_binary` or the code of the first name that is none."""
    wanted = {"format", *(entry.name for entry in fields(Manifest))}
    if not isinstance(told, dict) or set(told) != wanted or told["format"] != FORMAT:
        raise _refuse("its manifest is damaged or of another format")
    told = {name: value for name, value in told.items() if name != "format"}
    texts = [told[name] for name in ("source_digest", "symvers_digest", "built_on")]
    files: Any = told["files"]
    if (
        not all(isinstance(text, str) and len(text) <= 256 and text.isprintable() for text in texts)
        or untrusted.number(told["build_seconds"]) is None
        or not isinstance(files, dict)
        or not all(_FILE.fullmatch(name) and isinstance(digest, str) and _DIGEST.fullmatch(digest) for name, digest in files.items())
    ):
        raise _refuse("its manifest is damaged")
    names.package(told["package"])
    names.version(told["version"])
    names.kernel(told["kernel"])
    machine(told["arch"])
    described = Manifest(**told)
    if len(described.modules) != len(set(files) - {SYMVERS}):
        raise _refuse("its manifest has a module twice")
    return described


def unpack(data: bytes) -> tuple[Manifest, dict[str, bytes]]:
    """Return manifest and files of an archive.

    :raises TwostepError: `bad_binary` unless every file is there with its digest and nothing else is.
    """
    if len(data) > MAX_BYTES:
        raise _refuse(f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        members = tar.entries(data, _MAX_FILES)
    except TwostepError as error:
        raise _refuse(f"it is no archive of plain files ({error.code})") from None
    if not members or members[0].name != MANIFEST.encode():
        raise _refuse("it has no manifest")
    described = _manifest(members[0].data)
    found = {member.name.decode("ascii", "replace"): member.data for member in members[1:]}
    if len(found) != len(members) - 1 or set(found) != set(described.files):
        raise _refuse("its files are not those of its manifest")
    wrong = [name for name, content in found.items() if hashlib.sha256(content).hexdigest() != described.files[name]]
    if wrong:
        raise _refuse(f"{wrong[0]} does not have the digest of its manifest")
    return described, found


def misfit(described: Manifest, *, package: str, version: str, kernel: str, arch: str, source_digest: str, symvers: str) -> str:
    """Return why a host cannot take this binary, or an empty string."""
    if (described.package, described.version) != (package, version):
        return f"it is of {described.package} {described.version}"
    if (described.kernel, described.arch) != (kernel, arch):
        return f"it was built for kernel {described.kernel} on {described.arch}"
    if described.source_digest != source_digest:
        return "it was built from another source or with other options"
    if described.symvers_digest != symvers:
        return "it was linked with other symbol versions than this host has"
    return ""
