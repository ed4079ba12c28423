# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import hashlib
import lzma
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import modinfo
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes


def no_run(argv: list[str], **_options: object) -> Result:
    raise AssertionError(f"no command was expected: {argv}")


def as_is(data: bytes) -> bytes:
    return data


@pytest.mark.parametrize(("suffix", "pack"), [(".ko", as_is), (".ko.xz", lzma.compress), (".ko.gz", gzip.compress)])
def test_reads_what_the_standard_library_can(tmp_path: Path, suffix: str, pack) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(pack(module_bytes(signed=True)))
    found = modinfo.read(str(path), no_run)
    assert found.path == str(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.info.version == "1.1.0"
    assert found.info.signed


def test_zstd_is_read_by_the_program(tmp_path: Path) -> None:
    path = tmp_path / "a.ko.zst"
    path.write_bytes(b"whatever")
    calls = []

    def run(argv: list[str], **_options: object) -> Result:
        calls.append(argv)
        return Result(0, "version:        1.1.0\0vermagic:       6.1.0 SMP \0", "")

    assert modinfo.read(str(path), run).info.version == "1.1.0"
    assert calls == [["modinfo", "-0", str(path)]]


@pytest.mark.parametrize("result", [Result(1, "", "modinfo: ERROR: could not get modinfo"), Result(0, "", "")])
def test_zstd_that_the_program_cannot_read(tmp_path: Path, result: Result) -> None:
    path = tmp_path / "a.ko.zst"
    path.write_bytes(b"")
    with pytest.raises(TwostepError) as caught:
        modinfo.read(str(path), lambda _argv: result)
    assert caught.value.code == "not_a_module"


def test_zstd_without_the_program(tmp_path: Path) -> None:
    path = tmp_path / "a.ko.zst"
    path.write_bytes(b"")

    def run(argv: list[str]) -> Result:
        raise TwostepError("no_command", "no", "no")

    with pytest.raises(TwostepError) as caught:
        modinfo.read(str(path), run)
    assert (caught.value.code, caught.value.next_step) == ("zstd_unreadable", "Install kmod, whose modinfo can.")


@pytest.mark.parametrize("suffix", [".ko", ".ko.xz", ".ko.gz"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 700, b"\xfd7zXZ\x00broken", b"\x1f\x8bbroken"])
def test_other_files_are_refused_by_name(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(TwostepError) as caught:
        modinfo.read(str(path), no_run)
    assert caught.value.code == "not_a_module"
    assert str(path) in caught.value.message


@pytest.mark.parametrize(("suffix", "pack"), [(".ko.xz", lzma.compress), (".ko.gz", gzip.compress)])
def test_a_truncated_compressed_file(tmp_path: Path, suffix: str, pack) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(pack(module_bytes())[:-60])
    with pytest.raises(TwostepError) as caught:
        modinfo.read(str(path), no_run)
    assert caught.value.code == "not_a_module"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TwostepError) as caught:
        modinfo.read(str(tmp_path / "a.ko"), no_run)
    assert caught.value.code == "no_module_file"
