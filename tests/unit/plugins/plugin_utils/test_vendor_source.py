# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ansible_collections.twostep.hotswap.plugins.module_utils.core import source_tree
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import source_archive, vendor_archive
from ansible_collections.twostep.hotswap.plugins.plugin_utils import vendor_source
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import member, tar

CONF = b'PACKAGE_NAME=acme\nPACKAGE_VERSION=1.2.3\nBUILT_MODULE_NAME[0]=acme\nDEST_MODULE_LOCATION[0]=/extra\nMAKE[0]="make A=1"\n'
PACKED = gzip.compress(tar(member("acme/dkms.conf", data=CONF), member("acme/Kbuild"), member("acme/doc/x.md")))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "acme-1.2.3.tar.gz"
    path.write_bytes(PACKED)
    return path


def read(path: Path, **options: str) -> vendor_source.Source:
    given = {"sha256": "", "signature": "", "public_key": "", **options}
    return vendor_source.from_archive(str(path), [], **given)


def test_an_archive_goes_as_it_is_with_its_own_digest(archive: Path) -> None:
    source = read(archive, sha256=hashlib.sha256(PACKED).hexdigest().upper())
    assert (source.content, source.suffix, source.is_vendors) == (PACKED, ".tar.gz", True)
    assert source.sha256 == hashlib.sha256(PACKED).hexdigest()
    assert source.conf == CONF
    assert sorted(source_tree.vendor_files(vendor_archive.unpacked(source.content, source.suffix))) == ["Kbuild", "dkms.conf", "doc/x.md"]


def test_a_signature_takes_the_place_of_a_digest(archive: Path, tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "a.sig").write_bytes(key.sign(PACKED))
    files = {"signature": str(tmp_path / "a.sig"), "public_key": str(tmp_path / "key.pem")}
    assert read(archive, **files).sha256 == hashlib.sha256(PACKED).hexdigest()
    with pytest.raises(TwostepError) as caught:
        read(archive, sha256="0" * 64, **files)
    assert caught.value.code == "source_sha256"
    archive.write_bytes(PACKED + b"\0")
    with pytest.raises(TwostepError) as caught:
        read(archive, **files)
    assert caught.value.code == "source_signature"


def test_what_was_compared_is_what_is_sent(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = vendor_archive.check_sha256

    def swapped_behind_our_back(packed: bytes, sha256: str) -> None:
        check(packed, sha256)
        archive.write_bytes(b"evil")

    monkeypatch.setattr(vendor_archive, "check_sha256", swapped_behind_our_back)
    assert read(archive, sha256=hashlib.sha256(PACKED).hexdigest()).content == PACKED


def test_a_folder_is_packed_and_its_conf_is_not_among_its_files(tmp_path: Path) -> None:
    (tmp_path / "Kbuild").write_text("obj-m := acme.o\n")
    assert vendor_source.from_folder(str(tmp_path), []).conf is None
    (tmp_path / "dkms.conf").write_bytes(CONF)
    source = vendor_source.from_folder(str(tmp_path), [])
    assert (source.conf, source.is_vendors) == (CONF, False)
    (tmp_path / "sent").write_bytes(source.content)
    assert sorted(source_archive.files_of(source_archive.read(str(tmp_path / "sent"), source.sha256))) == ["Kbuild"]


def test_a_conf_gives_what_was_left_open(archive: Path) -> None:
    conf = vendor_source.read_conf(read(archive, sha256=hashlib.sha256(PACKED).hexdigest()), "acme", "1.2.3")
    assert conf is not None
    assert vendor_source.defaults(conf, {"make": ["B=2"], "modules": []}) == {
        "modules": [{"name": "acme", "location": "."}],
        "depends": [],
        "build_exclusive": {"kernel": "", "arch": "", "config": []},
    }


def test_sources_without_a_conf(tmp_path: Path) -> None:
    (tmp_path / "Kbuild").write_text("obj-m := acme.o\n")
    assert vendor_source.read_conf(vendor_source.from_folder(str(tmp_path), []), "acme", "1.2.3") is None
