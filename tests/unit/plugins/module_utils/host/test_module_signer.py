# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import lzma
import os
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import module_signature
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.signing_request import Signing
from ansible_collections.twostep.hotswap.plugins.module_utils.host.module_signer import Signer
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils import signature_sample as sample
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes

K = "6.1.0-56-cloud-amd64"
PLAIN = module_bytes()
SITE = module_signature.certificate(sample.SITE)
UID = os.geteuid()


class Place:
    """A host with one built module, a key, a certificate and a sign-file that appends `signature`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tree = root / "var/lib/dkms/acme/1.0.0" / K
        self.signature = sample.trailer(sample.BY_SITE)
        self.result = Result(0, "", "")
        self.calls: list[list[str]] = []
        self.change: Callable[[bytes], bytes] = lambda data: data
        (self.tree / "x86_64/module").mkdir(parents=True)
        self.put(f"lib/modules/{K}/build/scripts/sign-file", b"", 0o755)
        self.put("etc/k.key", b"secret", 0o600)
        self.put("etc/c.pem", sample.pem(sample.SITE), 0o644)

    def put(self, path: str, content: bytes, mode: int) -> Path:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)
        (self.root / path).chmod(mode)
        return self.root / path

    def module(self, name: str = "acme.ko", content: bytes = PLAIN) -> Path:
        return self.put(f"{self.tree.relative_to(self.root)}/x86_64/module/{name}", content, 0o644)

    def run(self, argv: list[str], **_options: object) -> Result:
        self.calls.append(argv)
        if argv[0] == "zstd":
            Path(argv[4]).write_bytes(Path(argv[5]).read_bytes())
            return self.result
        draft = Path(argv[-1])
        draft.write_bytes(self.change(draft.read_bytes()) + self.signature)
        return self.result

    def signer(self, signing: Signing | None = None) -> Signer:
        return Signer(Paths(str(self.root)), self.run, signing or Signing("/etc/c.pem", key="/etc/k.key"), lambda: UID)

    def refusal(self, signing: Signing | None = None) -> TwostepError:
        with pytest.raises(TwostepError) as caught:
            self.signer(signing).sign(str(self.tree), K)
        assert sorted(path.name for path in (self.tree / "x86_64").iterdir()) == ["module"]
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_module_is_signed_in_place(place: Place) -> None:
    path = place.module()
    place.signer().sign(str(place.tree), K)
    assert path.read_bytes() == PLAIN + place.signature
    assert path.stat().st_mode & 0o777 == 0o644
    ((program, digest, key, certificate, draft),) = place.calls
    assert (program, digest) == (str(place.root / f"lib/modules/{K}/build/scripts/sign-file"), "sha256")
    assert (key, certificate) == (str(place.root / "etc/k.key"), str(place.root / "etc/c.pem"))
    assert draft.startswith(str(place.tree / "x86_64/.twostep-sign-"))
    assert [entry.name for entry in (place.tree / "x86_64").iterdir()] == ["module"]


def test_a_signature_by_dkms_goes_first(place: Place) -> None:
    path = place.module(content=PLAIN + sample.trailer(sample.BY_OTHER))
    place.signer().sign(str(place.tree), K)
    assert path.read_bytes() == PLAIN + place.signature


def test_a_packed_module_stays_packed_as_the_kernel_can_read_it(place: Place) -> None:
    xz, gz = place.module("a.ko.xz", lzma.compress(PLAIN)), place.module("b.ko.gz", gzip.compress(PLAIN))
    place.signer().sign(str(place.tree), K)
    assert lzma.decompress(xz.read_bytes()) == gzip.decompress(gz.read_bytes()) == PLAIN + place.signature
    # Byte 7 of the stream header: the kernel knows CRC32 alone.
    assert xz.read_bytes()[7] == 1


def test_what_only_a_program_can_unpack(place: Place) -> None:
    path = place.module("a.ko.zst")
    place.signer().sign(str(place.tree), K)
    assert path.read_bytes() == PLAIN + place.signature
    assert [call[:3] for call in place.calls if call[0] == "zstd"] == [["zstd", "-q", "-d"], ["zstd", "-q", "-19"]]


def test_a_command_of_the_site_gets_the_path_at_its_end(place: Place) -> None:
    program = place.put("usr/local/sbin/sign", b"", 0o755)
    path = place.module()
    place.signer(Signing("/etc/c.pem", command=("/usr/local/sbin/sign", "--slot", "1"))).sign(str(place.tree), K)
    assert place.calls[0][:3] == [str(program), "--slot", "1"]
    assert path.read_bytes() == PLAIN + place.signature


def test_other_places_of_the_program(place: Place) -> None:
    (place.root / f"lib/modules/{K}/build/scripts/sign-file").unlink()
    place.module()
    error = place.refusal()
    assert (error.code, error.message) == ("no_sign_file", f"The headers of kernel {K} have no scripts/sign-file.")
    assert "linux-kbuild-6.1" in error.next_step
    debian = place.put("usr/lib/linux-kbuild-6.1/scripts/sign-file", b"", 0o755)
    place.signer().sign(str(place.tree), K)
    assert place.calls[0][0] == str(debian)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_could_read(place: Place, mode: int) -> None:
    (place.root / "etc/k.key").chmod(mode)
    error = place.refusal()
    assert error.code == "key_exposed"
    assert error.message == f"The signing key /etc/k.key has mode {mode:04o} and belongs to user {UID}; others could have read it."
    assert place.calls == []


def test_a_key_of_somebody_else(place: Place) -> None:
    signer = Signer(Paths(str(place.root)), place.run, Signing("/etc/c.pem", key="/etc/k.key"), lambda: UID + 1)
    if UID != 0:
        with pytest.raises(TwostepError) as caught:
            signer.check(K)
        assert caught.value.code == "key_exposed"


def test_a_key_that_is_missing_or_a_link(place: Place) -> None:
    (place.root / "etc/k.key").rename(place.root / "etc/moved")
    assert place.refusal().message == "The signing key /etc/k.key is not there: No such file or directory."
    (place.root / "etc/k.key").symlink_to("moved")
    assert place.refusal().message == "The signing key /etc/k.key is not a plain file."


def test_a_certificate_that_is_missing_or_none(place: Place) -> None:
    (place.root / "etc/c.pem").write_bytes(b"text")
    assert place.refusal().code == "bad_certificate"
    (place.root / "etc/c.pem").unlink()
    error = place.refusal()
    assert (error.code, error.message) == ("no_certificate", "The certificate /etc/c.pem cannot be read: No such file or directory.")


def test_a_command_that_is_missing(place: Place) -> None:
    error = place.refusal(Signing("/etc/c.pem", command=("/usr/local/sbin/sign",)))
    assert (error.code, error.message) == ("no_sign_command", "The program /usr/local/sbin/sign is not there or not executable.")


def test_a_signature_by_somebody_else_is_no_success(place: Place) -> None:
    path = place.module()
    place.signature = sample.trailer(sample.BY_OTHER)
    error = place.refusal()
    assert error.code == "not_signed"
    assert error.message == "After signing acme.ko the file does not name site module signing as its signer."
    assert path.read_bytes() == PLAIN


def test_a_program_that_does_nothing_is_no_success(place: Place) -> None:
    place.module()
    place.signature = b""
    assert place.refusal().code == "not_signed"


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"\0" + data[1:]])
def test_a_program_that_changes_the_module_is_found_out(place: Place, change: Callable[[bytes], bytes]) -> None:
    path = place.module()
    place.change = change
    assert place.refusal().code == "sign_changed_module"
    assert path.read_bytes() == PLAIN


def test_a_failure_tells_what_sign_file_said(place: Place) -> None:
    path = place.module()
    place.result = Result(1, "", "\nAt main.c:171:\n- SSL error: no start line\n")
    error = place.refusal()
    assert error.code == "sign_failed"
    assert error.message.endswith("/build/scripts/sign-file exited 1: At main.c:171:.")
    assert path.read_bytes() == PLAIN


def test_a_failure_of_a_command_tells_nothing_that_it_said(place: Place) -> None:
    place.put("usr/local/sbin/sign", b"", 0o755)
    place.module()
    place.result = Result(2, "PIN 1234", "PIN 1234")
    error = place.refusal(Signing("/etc/c.pem", command=("/usr/local/sbin/sign", "--pin-file", "/x")))
    assert str(error).startswith("/usr/local/sbin/sign exited 2. Next: ")
    assert "1234" not in f"{error}{error.data}"


def test_zstd_that_fails(place: Place) -> None:
    place.module("a.ko.zst")
    place.result = Result(1, "", "")
    assert place.refusal().code == "sign_failed"


def test_what_is_no_module_is_not_signed(place: Place) -> None:
    place.module("a.ko.xz", b"garbage")
    assert place.refusal().code == "not_a_module"
