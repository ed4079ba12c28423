# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import lzma
import os
import socket
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import module_file


def refused(path: Path, most_bytes: int = 100) -> tuple[str, str]:
    with pytest.raises(TwostepError) as caught:
        module_file.read(str(path), most_bytes)
    assert caught.value.data == {"path": str(path)}
    return caught.value.code, caught.value.message


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ko"
    path.write_bytes(b"x" * 100)
    (tmp_path / "link.ko").symlink_to(path)
    assert module_file.read(str(path), 100) == module_file.read(str(tmp_path / "link.ko"), 100) == b"x" * 100


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.ko")
    assert refused(tmp_path / "a.ko") == ("not_a_module", f"The file {tmp_path}/a.ko is not a kernel module: it is a pipe.")


def test_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.ko").symlink_to(tmp_path / "gone")
    assert refused(tmp_path / "a.ko") == ("not_a_module", f"The file {tmp_path}/a.ko is not a kernel module: it is a link to nothing.")


def test_a_folder_a_socket_and_a_device(tmp_path: Path) -> None:
    assert refused(tmp_path) == ("not_a_module", f"The file {tmp_path} is not a kernel module: it is a folder.")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tmp_path)  # the name of a socket may have 107 characters
        server.bind("a.ko")
        os.chdir(here)
        assert refused(tmp_path / "a.ko")[1].endswith("it is a socket.")
    (tmp_path / "b.ko").symlink_to("/dev/zero")
    assert refused(tmp_path / "b.ko")[1].endswith("it is a device.")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "a.ko").write_bytes(bytes((2 << 20) + 1))
    assert refused(tmp_path / "a.ko", 2 << 20)[1].endswith("it is larger than 2 MiB.")


def test_what_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.ko") == ("no_module_file", f"The module file {tmp_path}/a.ko cannot be read: No such file or directory.")
    (tmp_path / "a.ko").write_bytes(b"")
    assert refused(tmp_path / "a.ko" / "b.ko")[0] == "no_module_file"
    assert module_file.read(str(tmp_path / "a.ko"), 1) == b""


@pytest.mark.parametrize(("name", "pack"), [("a.ko.xz", lzma.compress), ("a.ko.gz", gzip.compress)])
def test_unpacked(name: str, pack) -> None:
    assert module_file.unpack(name, pack(b"x" * 500), 500) == b"x" * 500
    with pytest.raises(TwostepError, match="it is larger than 0 MiB"):
        module_file.unpack(name, pack(b"x" * 501), 500)


@pytest.mark.parametrize(("name", "pack"), [("a.ko.xz", lzma.compress), ("a.ko.gz", gzip.compress)])
def test_damaged(name: str, pack) -> None:
    with pytest.raises(TwostepError, match="its compressed data end too early"):
        module_file.unpack(name, pack(os.urandom(500))[:-20], 1000)
    with pytest.raises(TwostepError, match="it cannot be decompressed"):
        module_file.unpack(name, b"rubbish", 1000)
    assert module_file.unpack("a.ko", b"rubbish", 1000) == b"rubbish"
