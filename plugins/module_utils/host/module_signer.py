# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs the modules that DKMS has built, in DKMS's tree and before they are installed, and proves each signature by reading it.

The key is never read here: the kernel's own program gets its path, or a command of the site gets the path of the module.
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import stat
import tempfile
from typing import Callable

from ..core import module_signature
from ..core.errors import TwostepError
from ..core.module_signature import Certificate
from ..core.signing_request import Signing
from . import modinfo
from .paths import Paths
from .runner import Run

_TIMEOUT_S = 300.0
_MAX_CERTIFICATE = 64 * 1024
# What the kernel's own decompressor can read, not only kmod's.
_XZ_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 20}]


class Signer:
    """Signs with one key. `euid` is asked for whose key it may be."""

    def __init__(self, paths: Paths, run: Run, signing: Signing, euid: Callable[[], int] = os.geteuid) -> None:
        self._paths = paths
        self._run = run
        self._signing = signing
        self._euid = euid

    def certificate(self) -> Certificate:
        """Return the certificate of the key, or raise `no_certificate` or `bad_certificate`."""
        path = self._paths.at(self._signing.certificate)
        try:
            with open(path, "rb") as stream:
                data = stream.read(_MAX_CERTIFICATE)
        except OSError as error:
            raise TwostepError(
                "no_certificate",
                f"The certificate {self._signing.certificate} cannot be read: {error.strerror}.",
                "Put the certificate of the signing key on the host; it is not secret.",
            ) from None
        return module_signature.certificate(data)

    def check(self, kernel: str) -> None:
        """Raise unless what signing for `kernel` needs is there: `no_key`, `key_exposed`, `no_sign_file` or `no_sign_command`."""
        if self._signing.command:
            program = self._paths.at(self._signing.command[0])
            if not os.access(program, os.X_OK) or not os.path.isfile(program):
                raise TwostepError(
                    "no_sign_command", f"The program {self._signing.command[0]} is not there or not executable.", "Correct sign.command."
                )
            return
        self._check_key()
        self._sign_file(kernel)

    def _check_key(self) -> None:
        key = self._signing.key
        try:
            facts = os.lstat(self._paths.at(key))
        except OSError as error:
            raise TwostepError("no_key", f"The signing key {key} is not there: {error.strerror}.", "Correct sign.key.") from None
        if not stat.S_ISREG(facts.st_mode):
            raise TwostepError("no_key", f"The signing key {key} is not a plain file.", "Name the file itself in sign.key.")
        if facts.st_mode & 0o077 or facts.st_uid not in (0, self._euid()):
            mode = f"{stat.S_IMODE(facts.st_mode):04o}"
            raise TwostepError(
                "key_exposed",
                f"The signing key {key} has mode {mode} and belongs to user {facts.st_uid}; others could have read it.",
                "Make it root's with mode 0600, and replace the key if the host has other users.",
                {"mode": mode, "uid": facts.st_uid},
            )

    def _sign_file(self, kernel: str) -> str:
        series = ".".join(kernel.split(".")[:2])
        places = (
            os.path.join(self._paths.modules(kernel), "build/scripts/sign-file"),
            self._paths.at(f"/usr/lib/linux-kbuild-{series}/scripts/sign-file"),
            self._paths.at("/usr/bin/kmodsign"),
        )
        for path in places:
            if os.access(path, os.X_OK) and os.path.isfile(path):
                return path
        raise TwostepError(
            "no_sign_file",
            f"The headers of kernel {kernel} have no scripts/sign-file.",
            f"Install the package that has it (Debian: linux-kbuild-{series}), or set sign.command.",
        )

    def sign(self, tree: str, kernel: str) -> None:
        """Sign every module below `tree`, DKMS's folder of one build; each file is replaced whole or not at all.

        :raises TwostepError: `sign_failed`, `sign_changed_module`, `not_signed`, or what `check` raises.
        """
        self.check(kernel)
        wanted = self.certificate()
        for arch in sorted(os.listdir(tree)):
            folder = os.path.join(tree, arch, "module")
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                if ".ko" in name:
                    self._replace(os.path.join(folder, name), os.path.join(tree, arch), kernel, wanted)

    def _replace(self, path: str, beside: str, kernel: str, wanted: Certificate) -> None:
        work = tempfile.mkdtemp(prefix=".twostep-sign-", dir=beside)
        try:
            draft = os.path.join(work, os.path.basename(path).split(".ko")[0] + ".ko")
            payload = module_signature.without(self._uncompressed(path, work))
            with open(draft, "wb") as stream:
                stream.write(payload)
            self._append(draft, kernel)
            with open(draft, "rb") as stream:
                signed = stream.read()
            _prove(path, payload, signed, wanted)
            ready = self._compressed(path, draft, signed)
            os.chmod(ready, stat.S_IMODE(os.lstat(path).st_mode))
            with open(ready, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(ready, path)
        finally:
            shutil.rmtree(work)

    def _append(self, draft: str, kernel: str) -> None:
        signing = self._signing
        if signing.command:
            result = self._run([self._paths.at(signing.command[0]), *signing.command[1:], draft], timeout_s=_TIMEOUT_S)
            program, output = signing.command[0], ""
        else:
            program = self._sign_file(kernel)
            argv = [program, signing.hash, self._paths.at(signing.key), self._paths.at(signing.certificate), draft]
            result = self._run(argv, timeout_s=_TIMEOUT_S)
            output = next((": " + line.strip()[:200] for line in result.stderr.splitlines() if line.strip()), "")
        if result.rc != 0:
            # Of a command of the site nothing is shown: what it prints is not known to be free of secrets.
            raise TwostepError(
                "sign_failed",
                f"{program} exited {result.rc}{output.rstrip('.')}.",
                "Check that key and certificate belong together and need no passphrase.",
                {"rc": result.rc},
            )

    def _uncompressed(self, path: str, work: str) -> bytes:
        if not path.endswith(".zst"):
            return modinfo.uncompressed(path)
        plain = os.path.join(work, "plain")
        self._zstd("-d", path, plain)
        with open(plain, "rb") as stream:
            return stream.read()

    def _compressed(self, path: str, draft: str, signed: bytes) -> str:
        """Return the file beside `draft` that is packed as `path` is."""
        if path.endswith(".ko"):
            return draft
        packed = draft + ".packed"
        if path.endswith(".zst"):
            self._zstd("-19", draft, packed)
            return packed
        is_xz = path.endswith(".xz")
        data = lzma.compress(signed, check=lzma.CHECK_CRC32, filters=_XZ_FILTERS) if is_xz else gzip.compress(signed, mtime=0)
        with open(packed, "wb") as stream:
            stream.write(data)
        return packed

    def _zstd(self, how: str, source: str, target: str) -> None:
        result = self._run(["zstd", "-q", how, "-o", target, source], timeout_s=_TIMEOUT_S)
        if result.rc != 0:
            raise TwostepError(
                "sign_failed", f"zstd exited {result.rc} for {source}.", "Look at the file and at the free space of the host."
            )


def _prove(path: str, payload: bytes, signed: bytes, wanted: Certificate) -> None:
    if not signed.startswith(payload) or module_signature.without(signed) != payload:
        raise TwostepError(
            "sign_changed_module",
            f"Signing changed the module {os.path.basename(path)} itself, not only its end; the file was left as it was.",
            "Let the command append a signature as scripts/sign-file of the kernel does.",
            {"path": path},
        )
    if not module_signature.is_by(module_signature.find(signed), wanted):
        raise TwostepError(
            "not_signed",
            f"After signing {os.path.basename(path)} the file does not name {wanted.subject or wanted.serial} as its signer.",
            "Check that sign.certificate belongs to the key.",
            {"path": path},
        )
