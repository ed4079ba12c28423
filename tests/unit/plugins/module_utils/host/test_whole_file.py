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
