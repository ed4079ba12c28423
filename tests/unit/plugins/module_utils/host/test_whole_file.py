# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import whole_file


def test_written_replaced_read_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "folder/file"
    assert whole_file.read(str(path)) is None
    whole_file.write(str(path), "one", 0o600, 0o700)
    whole_file.write(str(path), "two", 0o755, 0o700)
    assert whole_file.read(str(path)) == "two"
    assert [place.stat().st_mode & 0o777 for place in (path.parent, path)] == [0o700, 0o755]
    whole_file.remove(str(path))
    whole_file.remove(str(path))
    assert os.listdir(path.parent) == []


def test_a_file_is_on_the_disk_before_its_name_and_a_folder_before_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    whole_file.write(str(tmp_path / "folder/file"), "text", 0o600, 0o700)
    assert [os.path.dirname(synced[1]), synced[0], synced[2]] == [str(tmp_path / "folder"), str(tmp_path), str(tmp_path / "folder")]


@pytest.mark.parametrize(("verb", "code"), [("read", "read_failed"), ("written", "write_failed"), ("removed", "write_failed")])
def test_what_cannot_be_done_is_told(tmp_path: Path, verb: str, code: str) -> None:
    path = str(tmp_path / "file")
    os.mkdir(path)
    acts = {
        "read": lambda: whole_file.read(path),
        "written": lambda: whole_file.write(path, "text", 0o600, 0o700),
        "removed": lambda: whole_file.remove(path),
    }
    with pytest.raises(TwostepError) as caught:
        acts[verb]()
    assert (caught.value.code, caught.value.data) == (code, {"path": path})
    assert caught.value.message == f"{path} cannot be {verb}: Is a directory."
    assert os.listdir(tmp_path) == ["file"]


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    path, data = tmp_path / "folder/file", bytes(range(256)) * 300
    whole_file.write_bytes(str(path), data, 0o644, 0o755)
    assert (path.read_bytes(), path.stat().st_mode & 0o777, os.listdir(path.parent)) == (data, 0o644, ["file"])


def test_a_link_is_replaced_and_what_it_means_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"other")
    os.symlink("other", tmp_path / "file")
    whole_file.write_bytes(str(tmp_path / "file"), b"new", 0o644, 0o755)
    assert (os.path.islink(tmp_path / "file"), (tmp_path / "file").read_bytes(), (tmp_path / "other").read_bytes()) == (
        False,
        b"new",
        b"other",
    )


@pytest.mark.parametrize("act", ["fsync", "replace", "fchmod"])
def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    path = str(tmp_path / "file")
    whole_file.write_bytes(path, b"old", 0o644, 0o755)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, act, full)
    with pytest.raises(TwostepError) as caught:
        whole_file.write_bytes(path, b"new", 0o644, 0o755)
    assert (caught.value.code, caught.value.message) == ("write_failed", f"{path} cannot be written: No space left on device.")
    assert ((tmp_path / "file").read_bytes(), os.listdir(tmp_path)) == (b"old", ["file"])


def test_each_folder_that_is_made_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    whole_file.write_bytes(str(tmp_path / "a/b/c/file"), b"", 0o644, 0o755)
    assert {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a/b"), str(tmp_path / "a/b/c")} <= set(synced)
