# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's folder of built binaries: what is written comes back, and what others could have written does not."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import built_binary
from ansible_collections.twostep.hotswap.plugins.module_utils.core.built_binary import Manifest
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import binary_folder

K = "6.1.0-56-cloud-amd64"
FILES = {"module/twostep.ko": b"\x7fELF"}
DIGESTS = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
MANIFEST = Manifest("twostep", "1.0.0", K, "x86_64", "ab" * 32, "", "builder1", 12.5, DIGESTS)
CONTENT = built_binary.pack(MANIFEST, FILES)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WANTED = ("twostep", "1.0.0", K, "x86_64")
OF = WANTED[:2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    binary_folder.write(str(tmp_path / "binaries"), CONTENT, SHA256, *OF)
    return tmp_path / "binaries"


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / MANIFEST.file_name


def refused(folder: Path) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        binary_folder.read(str(folder), *WANTED)
    return caught.value


def test_what_is_written_comes_back(folder: Path, file: Path) -> None:
    assert binary_folder.read(str(folder), *WANTED) == binary_folder.Binary(MANIFEST, CONTENT, SHA256)
    assert os.listdir(folder) == [file.name]
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)


def test_a_later_build_takes_the_place_of_an_earlier_one(folder: Path, file: Path) -> None:
    content = built_binary.pack(replace(MANIFEST, built_on="builder2"), FILES)
    assert binary_folder.write(str(folder), content, hashlib.sha256(content).hexdigest(), *OF) == str(file)
    assert binary_folder.read(str(folder), *WANTED).manifest.built_on == "builder2"


@pytest.mark.parametrize(("at", "other"), [(0, "acme"), (1, "1.0.1"), (2, "6.2.0"), (3, "aarch64")])
def test_there_is_none_for_anything_else(folder: Path, at: int, other: str) -> None:
    wanted = list(WANTED)
    wanted[at] = other
    assert binary_folder.read(str(folder), *wanted) is None


def test_without_a_folder_there_is_none(tmp_path: Path) -> None:
    assert binary_folder.read(str(tmp_path / "none"), *WANTED) is None


@pytest.mark.parametrize(
    ("at", "other", "code"),
    [(0, "../x", "bad_package"), (1, "1", "bad_version"), (2, "../6.1", "bad_kernel"), (2, "", "bad_kernel"), (3, "x/y", "bad_arch")],
)
def test_what_is_no_name_gets_into_no_path(folder: Path, at: int, other: str, code: str) -> None:
    wanted = list(WANTED)
    wanted[at] = other
    with pytest.raises(TwostepError) as caught:
        binary_folder.read(str(folder), *wanted)
    assert caught.value.code == code


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    error = refused(folder)
    assert (error.code, error.data) == ("binary_exposed", {"path": str(folder)})


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(folder: Path, file: Path, mode: int) -> None:
    file.chmod(mode)
    error = refused(folder)
    assert (error.code, error.data) == ("binary_exposed", {"path": str(file)})


def test_what_others_can_only_read_is_taken(folder: Path, file: Path) -> None:
    folder.chmod(0o755)
    file.chmod(0o644)
    assert binary_folder.read(str(folder), *WANTED) is not None


@pytest.mark.parametrize("whose", ["folder", "file"])
def test_what_belongs_to_somebody_else_is_refused(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch, whose: str) -> None:
    fstat = os.fstat

    def of_another_user(handle: int) -> object:
        state = fstat(handle)
        is_folder = stat.S_ISDIR(state.st_mode)
        return SimpleNamespace(st_mode=state.st_mode, st_uid=4711) if is_folder == (whose == "folder") else state

    with monkeypatch.context() as patch:
        patch.setattr(binary_folder.os, "fstat", of_another_user)
        error = refused(folder)
    assert error.code == "binary_exposed"


def test_a_link_is_not_followed(folder: Path, file: Path) -> None:
    file.rename(folder / "elsewhere")
    file.symlink_to(folder / "elsewhere")
    assert refused(folder).code == "bad_binary"
    (folder / "elsewhere").unlink()
    assert refused(folder).code == "bad_binary"


def test_a_pipe_is_not_waited_for(folder: Path, file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)
    assert refused(folder).message == f"{file} cannot be used: it is no plain file."


def test_a_folder_in_place_of_a_file_is_refused(folder: Path, file: Path) -> None:
    file.unlink()
    file.mkdir(0o700)
    assert refused(folder).message == f"{file} cannot be used: it is no plain file."


def test_a_file_in_place_of_the_folder_is_refused(file: Path) -> None:
    assert refused(file).message == f"{file} cannot be used: Not a directory."


def test_a_file_under_the_name_of_another_is_refused(folder: Path, file: Path) -> None:
    file.rename(folder / built_binary.file_name("twostep", "1.0.0", "6.2.0", "x86_64"))
    with pytest.raises(TwostepError) as caught:
        binary_folder.read(str(folder), "twostep", "1.0.0", "6.2.0", "x86_64")
    assert (caught.value.code, file.name in caught.value.message) == ("bad_binary", True)


@pytest.mark.parametrize("content", [b"", b"garbage", CONTENT[:-1024]])
def test_a_damaged_file_is_refused(folder: Path, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert refused(folder).code == "bad_binary"


def test_a_file_that_is_too_large_is_not_read_to_its_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(built_binary, "MAX_BYTES", 1024)
    assert "larger than" in refused(folder).message


@pytest.mark.parametrize(("content", "sha256"), [(CONTENT, "0" * 64), (CONTENT[:-1], SHA256), (b"x", hashlib.sha256(b"x").hexdigest())])
def test_what_is_not_whole_is_not_written(tmp_path: Path, content: bytes, sha256: str) -> None:
    with pytest.raises(TwostepError) as caught:
        binary_folder.write(str(tmp_path / "binaries"), content, sha256, *OF)
    assert caught.value.code == "bad_binary"
    assert not (tmp_path / "binaries").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TwostepError) as caught:
        binary_folder.write(str(tmp_path / "file"), CONTENT, SHA256, *OF)
    assert caught.value.code == "binary_not_written"


@pytest.mark.parametrize("of", [("twostep-remap", "1.0.0"), ("twostep", "1.0.1")])
def test_a_builder_replaces_nothing_that_it_was_not_asked_for(folder: Path, file: Path, of: tuple[str, str]) -> None:
    content = built_binary.pack(replace(MANIFEST, built_on="hostile"), FILES)
    with pytest.raises(TwostepError) as caught:
        binary_folder.write(str(folder), content, hashlib.sha256(content).hexdigest(), *of)
    assert caught.value.code == "bad_binary"
    assert file.read_bytes() == CONTENT
