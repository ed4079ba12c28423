# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import free_space


def test_enough_is_enough(tmp_path: Path) -> None:
    free_space.check({str(tmp_path): 100, str(tmp_path / "not/yet/there"): 100}, lambda _path: 200)


def test_folders_of_one_filesystem_share_its_space(tmp_path: Path) -> None:
    with pytest.raises(TwostepError) as caught:
        free_space.check({str(tmp_path): 100, str(tmp_path / "not/yet/there"): 101}, lambda _path: 200)
    assert caught.value.code == "no_space"
    assert caught.value.message == f"The filesystem of {tmp_path} has 200 bytes free, the build needs 201."
    assert caught.value.next_step == f"Free space on the filesystem of {tmp_path}."
    assert caught.value.data == {"filesystems": [{"path": str(tmp_path), "needed": 201, "available": 200}]}


def test_this_machine_has_some(tmp_path: Path) -> None:
    assert free_space.free(str(tmp_path)) > 0


def test_the_bytes_of_a_folder(tmp_path: Path) -> None:
    assert free_space.folder_bytes(str(tmp_path / "none")) == 0
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x").write_bytes(b"12345")
    (tmp_path / "y").symlink_to("/dev/zero")
    assert free_space.folder_bytes(str(tmp_path)) == 5
