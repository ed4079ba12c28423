# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of what was built: what comes back, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import built_binary, symbols
from ansible_collections.twostep.hotswap.plugins.module_utils.core.built_binary import Manifest
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import member, tar

K = "6.1.0-56-cloud-amd64"
MODULE = "module/twostep_remap_1_1_0.ko.xz"
FILES = {MODULE: b"\x7fELF", "Module.symvers": b"0x1\ttwostep_x\tparent/twostep\tEXPORT_SYMBOL_GPL\t\n"}


def described(files: dict[str, bytes]) -> Manifest:
    return Manifest(
        package="twostep-remap",
        version="1.1.0",
        kernel=K,
        arch="x86_64",
        source_digest="ab" * 32,
        symvers_digest="cd" * 32,
        built_on="builder1",
        build_seconds=12.5,
        files={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    )


GOOD = described(FILES)


def first(manifest: Manifest = GOOD) -> tuple[tarfile.TarInfo, bytes]:
    return member("manifest.json", data=json.dumps(manifest.as_json()).encode())


MEMBERS = [member(name, data=data) for name, data in FILES.items()]


def refused(data: bytes) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        built_binary.unpack(data)
    assert caught.value.next_step.endswith(".")
    return caught.value


def test_what_is_packed_comes_back() -> None:
    assert built_binary.unpack(built_binary.pack(GOOD, FILES)) == (GOOD, FILES)
    assert built_binary.manifest(json.loads(json.dumps(GOOD.as_json()))) == GOOD


@given(st.dictionaries(st.from_regex(r"module/[A-Za-z0-9_-]{1,64}\.ko", fullmatch=True), st.binary(max_size=1100), max_size=5))
def test_whatever_a_build_yields_comes_back(files: dict[str, bytes]) -> None:
    assert built_binary.unpack(built_binary.pack(described(files), files)) == (described(files), files)


def test_the_same_content_gives_the_same_bytes() -> None:
    backwards = dict(reversed(FILES.items()))
    assert built_binary.pack(described(backwards), backwards) == built_binary.pack(GOOD, FILES)


def test_tar_reads_it_too() -> None:
    with tarfile.open(fileobj=io.BytesIO(built_binary.pack(GOOD, FILES))) as archive:
        assert archive.getnames() == ["manifest.json", "Module.symvers", MODULE]
        assert archive.extractfile(MODULE).read() == b"\x7fELF"


def test_what_any_tar_program_makes_of_it_is_as_good() -> None:
    assert built_binary.unpack(tar(first(), *MEMBERS, form=tarfile.GNU_FORMAT)) == (GOOD, FILES)


def test_the_name_of_the_file_tells_what_it_is_for() -> None:
    assert GOOD.file_name == f"twostep-remap_1.1.0_{K}_x86_64.tar"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"package": "../x"}, "bad_package"),
        ({"version": "1.1"}, "bad_version"),
        ({"kernel": "../6.1"}, "bad_kernel"),
        ({"arch": "x/86"}, "bad_arch"),
        ({"arch": ""}, "bad_arch"),
        ({"arch": None}, "bad_arch"),
    ],
)
def test_what_is_no_name_gets_into_no_path(change: dict, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        replace(GOOD, **change).file_name  # noqa: B018
    assert caught.value.code == code
    assert refused(tar(first(replace(GOOD, **change)), *MEMBERS)).code == code


def test_modules_are_found_by_name_however_they_are_packed() -> None:
    files = dict.fromkeys(["module/a.ko", "module/b-c.ko.xz", "module/d.ko.gz", "module/e.ko.zst", "Module.symvers"], b"")
    assert described(files).modules == {name.split("/")[1].split(".")[0]: name for name in files if name != "Module.symvers"}


DAMAGED = "its manifest is damaged"
OTHER_FORMAT = "its manifest is damaged or of another format"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, OTHER_FORMAT),
        ({"format": "1"}, OTHER_FORMAT),
        ({"extra": 1}, OTHER_FORMAT),
        ({"source_digest": 1}, DAMAGED),
        ({"symvers_digest": None}, DAMAGED),
        ({"built_on": "x" * 257}, DAMAGED),
        ({"built_on": "\x1b[2J"}, DAMAGED),
        ({"built_on": "a\nb"}, DAMAGED),
        ({"built_on": "\ud800"}, DAMAGED),
        ({"build_seconds": "1"}, DAMAGED),
        ({"build_seconds": -1}, DAMAGED),
        ({"build_seconds": True}, DAMAGED),
        ({"build_seconds": float("nan")}, DAMAGED),
        ({"build_seconds": float("inf")}, DAMAGED),
        ({"files": [MODULE]}, DAMAGED),
        ({"files": {MODULE: "ab"}}, DAMAGED),
        ({"files": {MODULE: "AB" * 32}}, DAMAGED),
        ({"files": {MODULE: None}}, DAMAGED),
        ({"files": {"module/a.ko": "ab" * 32, "module/a.ko.xz": "ab" * 32}}, "its manifest has a module twice"),
        *(
            ({"files": {name: "ab" * 32}}, DAMAGED)
            for name in (
                "/module/x.ko",
                "../x.ko",
                "module/../../x.ko",
                "module/a/b.ko",
                "module/.ko",
                "module/x.ko\n",
                "module/x.sh",
                "module/x.ko.bz2",
                "x.ko",
                "log/make.log",
                "./Module.symvers",
                "Module.symvers/",
                "manifest.json",
                "module/" + "x" * 65 + ".ko",
                "module/\u00e4.ko",
            )
        ),
    ],
)
def test_a_manifest_that_is_no_good(change: dict, why: str) -> None:
    error = refused(tar(member("manifest.json", data=json.dumps({**GOOD.as_json(), **change}).encode()), *MEMBERS))
    assert (error.code, error.message) == ("bad_binary", f"The built binary is refused: {why}.")


@pytest.mark.parametrize("name", sorted(GOOD.as_json()))
def test_a_manifest_without_one_of_its_fields(name: str) -> None:
    told = GOOD.as_json()
    del told[name]
    assert OTHER_FORMAT in refused(tar(member("manifest.json", data=json.dumps(told).encode()), *MEMBERS)).message


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 60000, json.dumps(GOOD.as_json()).encode() + b" " * 65536],
    ids=["empty", "torn", "list", "null", "text", "binary", "deep", "long"],
)
def test_a_manifest_that_is_none(text: bytes) -> None:
    assert OTHER_FORMAT in refused(tar(member("manifest.json", data=text), *MEMBERS)).message


FOREIGN = "its files are not those of its manifest"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (tar(first(), *MEMBERS, member("module/evil.ko")), FOREIGN),
        (tar(first(), *MEMBERS, member("../../etc/cron.d/x")), FOREIGN),
        (tar(first(), *MEMBERS, member("/etc/cron.d/x")), FOREIGN),
        (tar(first(), *MEMBERS, member("module\u00e4/x.ko"), form=tarfile.GNU_FORMAT), FOREIGN),
        (tar(first(), *MEMBERS, member("module", tarfile.DIRTYPE)), FOREIGN),
        (tar(first(), *MEMBERS, first()), FOREIGN),
        (tar(first(), MEMBERS[0]), FOREIGN),
        (tar(first()), FOREIGN),
        (tar(first(), *MEMBERS, MEMBERS[0]), FOREIGN),
        (tar(first(), MEMBERS[0], MEMBERS[0]), FOREIGN),
        (tar(first(), member(MODULE, data=b"other"), MEMBERS[1]), f"{MODULE} does not have the digest of its manifest"),
        (tar(*MEMBERS, first()), "it has no manifest"),
        (tar(), "it has no manifest"),
        (tar(first(), *MEMBERS, member("x", tarfile.SYMTYPE)), "it is no archive of plain files (archive_link)"),
        (tar(first(), member(MODULE, tarfile.SYMTYPE), MEMBERS[1]), "it is no archive of plain files (archive_link)"),
        (tar(first(), member(MODULE, tarfile.LNKTYPE), MEMBERS[1]), "it is no archive of plain files (archive_link)"),
        (tar(first(), member(MODULE, tarfile.CHRTYPE), MEMBERS[1]), "it is no archive of plain files (archive_special)"),
        (tar(first(), member(MODULE, tarfile.BLKTYPE), MEMBERS[1]), "it is no archive of plain files (archive_special)"),
        (tar(first(), member(MODULE, tarfile.FIFOTYPE), MEMBERS[1]), "it is no archive of plain files (archive_special)"),
        (tar(first(), member(MODULE, data=FILES[MODULE], mode=0o4755), MEMBERS[1]), "it is no archive of plain files (archive_mode)"),
        (tar(first(), *(member(f"module/{n}.ko") for n in range(64))), "it is no archive of plain files (archive_limits)"),
        (built_binary.pack(GOOD, FILES)[:-1024], "it is no archive of plain files (bad_archive)"),
        (built_binary.pack(GOOD, FILES)[:600], "it is no archive of plain files (bad_archive)"),
        (built_binary.pack(GOOD, FILES) + b"more", "it is no archive of plain files (bad_archive)"),
        (b"", "it is no archive of plain files (bad_archive)"),
    ],
)
def test_an_archive_that_is_no_good(data: bytes, why: str) -> None:
    error = refused(data)
    assert (error.code, error.message) == ("bad_binary", f"The built binary is refused: {why}.")


def test_any_byte_that_changes_is_seen() -> None:
    data = built_binary.pack(GOOD, FILES)
    at = data.index(b"\x7fELF")
    flipped = data[:at] + b"\x7e" + data[at + 1 :]
    assert refused(flipped).message == f"The built binary is refused: {MODULE} does not have the digest of its manifest."


def test_an_archive_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(built_binary, "MAX_BYTES", 1 << 20)
    assert refused(bytes((1 << 20) + 1)).message == "The built binary is refused: it is larger than 1 MiB."


def digest_of(text: str) -> str:
    return built_binary.symvers_digest(symbols.from_symvers(text.splitlines())[0])


def test_exports_are_the_same_wherever_they_were_built_and_in_whatever_order() -> None:
    one, two = "0x1\tx\t{}/twostep\tEXPORT_SYMBOL_GPL\t\n", "0x2\ty\t{}/twostep\tEXPORT_SYMBOL_GPL\t\n"
    assert digest_of((one + two).format("/a", "/a")) == digest_of((two + one).format("/b", "/b"))


@pytest.mark.parametrize(
    "other",
    ["", "0x2\tx\ttwostep\tEXPORT_SYMBOL_GPL\t\n", "0x1\ty\ttwostep\tEXPORT_SYMBOL_GPL\t\n", "0x1\tx\tother\tEXPORT_SYMBOL_GPL\t\n"],
)
def test_another_checksum_name_or_owner_makes_other_exports(other: str) -> None:
    assert digest_of(other) != digest_of("0x1\tx\ttwostep\tEXPORT_SYMBOL_GPL\t\n")


HOST = {
    "package": "twostep-remap",
    "version": "1.1.0",
    "kernel": K,
    "arch": "x86_64",
    "source_digest": "ab" * 32,
    "symvers": "cd" * 32,
}


def test_what_was_built_from_the_very_same_fits() -> None:
    assert built_binary.misfit(GOOD, **HOST) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"package": "twostep"}, "it is of twostep-remap 1.1.0"),
        ({"version": "1.2.0"}, "it is of twostep-remap 1.1.0"),
        ({"kernel": "6.2.0"}, f"it was built for kernel {K} on x86_64"),
        ({"arch": "aarch64"}, f"it was built for kernel {K} on x86_64"),
        ({"source_digest": "ef" * 32}, "it was built from another source or with other options"),
        ({"symvers": "ef" * 32}, "it was linked with other symbol versions than this host has"),
        ({"symvers": ""}, "it was linked with other symbol versions than this host has"),
    ],
)
def test_what_differs_in_anything_does_not_fit(change: dict, reason: str) -> None:
    assert built_binary.misfit(GOOD, **{**HOST, **change}) == reason
