# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.source_tree import SourceFile
from ansible_collections.twostep.hotswap.plugins.module_utils.host import source_archive
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import member, tar

FILES, BYTES = 20, 64 * 1024


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_archive, "MAX_FILES", FILES)
    monkeypatch.setattr(source_archive, "MAX_BYTES", BYTES)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "kmod"
    (folder / "remap").mkdir(parents=True)
    (folder / "parent").mkdir()
    (folder / "Makefile").write_text("all:\n")
    (folder / "remap/Kbuild").write_text("obj-m := remap.o\n")
    (folder / "remap/remap.c").write_text("int x;\n")
    (folder / "parent/main.c").write_text("int y;\n")
    return folder


def names(packed: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return archive.getnames()


def test_only_sources_are_packed_in_order(source: Path) -> None:
    for name in ("remap/remap.o", "remap/remap.mod.c", "remap/.remap.o.cmd", "remap/Module.symvers", "notes.pdf", "dkms.conf", "a.ko"):
        (source / name).write_text("product")
    (source / ".git").mkdir()
    (source / ".git/hook.sh").write_text("x")
    assert names(source_archive.pack(str(source))[0]) == ["Makefile", "parent/main.c", "remap/Kbuild", "remap/remap.c"]


def test_only_the_named_folders_and_the_files_beside_them(source: Path) -> None:
    assert names(source_archive.pack(str(source), ["remap"])[0]) == ["Makefile", "remap/Kbuild", "remap/remap.c"]
    with pytest.raises(TwostepError) as caught:
        source_archive.pack(str(source), ["remap", "none"])
    assert caught.value.code == "bad_source"


def test_the_digest_depends_on_content_and_not_on_times_owners_or_modes_of_reading(source: Path) -> None:
    packed, sha256 = source_archive.pack(str(source))
    os.utime(str(source / "Makefile"), (1, 1))
    (source / "Makefile").chmod(0o600)
    assert source_archive.pack(str(source)) == (packed, sha256)
    (source / "remap/remap.c").write_text("int z;\n")
    assert source_archive.pack(str(source))[1] != sha256


def test_a_script_stays_executable(source: Path, tmp_path: Path) -> None:
    (source / "go.sh").write_text("#!/bin/sh\n")
    (source / "go.sh").chmod(0o700)
    target = tmp_path / "out"
    target.mkdir()
    source_archive.unpack(source_archive.files_of(source_archive.pack(str(source))[0]), str(target))
    assert (target / "go.sh").stat().st_mode & 0o777 == 0o755
    assert (target / "Makefile").stat().st_mode & 0o777 == 0o644
    assert (target / "remap/remap.c").read_text() == "int x;\n"


@pytest.mark.parametrize("link", ["remap/io.c", "extra"])
def test_links_are_refused(source: Path, link: str) -> None:
    (source / link).symlink_to(source / ("parent" if link == "extra" else "parent/main.c"))
    with pytest.raises(TwostepError) as caught:
        source_archive.pack(str(source))
    assert caught.value.code == "bad_source"
    assert link in caught.value.message


def test_missing_empty_and_odd_folders_are_refused(source: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (source / "remap/a b.c").write_text("x")
    for folder in (tmp_path / "none", empty, source):
        with pytest.raises(TwostepError) as caught:
            source_archive.pack(str(folder))
        assert caught.value.code == "bad_source"


def test_too_much_is_refused(source: Path) -> None:
    with open(source / "big.c", "wb") as stream:
        stream.truncate(BYTES + 1)
    with pytest.raises(TwostepError) as caught:
        source_archive.pack(str(source))
    assert caught.value.code == "bad_source"


def test_there_and_back_through_a_file(source: Path, tmp_path: Path) -> None:
    packed, sha256 = source_archive.pack(str(source))
    file = tmp_path / "a.tar.gz"
    file.write_bytes(source_archive.compress(packed))
    assert source_archive.read(str(file), sha256) == packed


@pytest.mark.parametrize("damage", ["truncated", "other", "text", "missing", "digest"])
def test_a_damaged_file_is_refused(source: Path, tmp_path: Path, damage: str) -> None:
    packed, sha256 = source_archive.pack(str(source))
    whole = source_archive.compress(packed)
    file = tmp_path / "a.tar.gz"
    content = {"truncated": whole[:-20], "other": source_archive.compress(packed[:-1]), "text": b"no gzip"}.get(damage, whole)
    if damage != "missing":
        file.write_bytes(content)
    with pytest.raises(TwostepError) as caught:
        source_archive.read(str(file), "0" * 64 if damage == "digest" else sha256)
    assert caught.value.code == "bad_archive"


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.tar.gz"
    file.write_bytes(source_archive.compress(bytes(BYTES * 3)))
    with pytest.raises(TwostepError) as caught:
        source_archive.read(str(file), "0" * 64)
    assert caught.value.code == "bad_archive"


def test_what_was_packed_comes_back(source: Path) -> None:
    files = source_archive.files_of(source_archive.pack(str(source))[0])
    assert sorted(files) == ["Makefile", "parent/main.c", "remap/Kbuild", "remap/remap.c"]
    assert files["remap/remap.c"].data == b"int x;\n"


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (tar(member("../x.c")), "archive_name"),
        (tar(member("a", tarfile.SYMTYPE)), "archive_link"),
        (tar(member("x.c"), member("x.c")), "archive_doubled"),
        (tar(member("x.c", data=bytes(BYTES)), member("y.c", data=b"1")), "archive_limits"),
        (tar(*(member(f"f{number}.c") for number in range(FILES + 1))), "archive_limits"),
        (b"no tar at all" * 100, "bad_archive"),
        (tar(member("x.c", data=bytes(5000)))[:2048], "bad_archive"),
    ],
)
def test_a_hostile_archive_is_refused(packed: bytes, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        source_archive.files_of(packed)
    assert caught.value.code == code


def test_a_link_that_was_planted_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target/x.c").symlink_to(tmp_path / "outside")
    with pytest.raises(FileExistsError):
        source_archive.unpack({"x.c": SourceFile(b"x")}, str(tmp_path / "target"))
    assert not (tmp_path / "outside").exists()
