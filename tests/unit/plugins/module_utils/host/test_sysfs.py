# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files are read at one moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import sysfs


def test_a_file_that_is_made_anew_for_each_read_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "array_state").write_text("active\n")
    told = iter([b"active\n", b"idle\n", b""])
    monkeypatch.setattr(os, "read", lambda _handle, _bytes: next(told))
    assert sysfs.read(str(tmp_path / "array_state")) == "active"


def test_a_small_file_is_read_and_an_absent_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b" in_sync \xff\n")
    (tmp_path / "endless").write_text("x" * 10000)
    assert sysfs.read(str(tmp_path / "state")) == "in_sync \ufffd"
    assert len(sysfs.read(str(tmp_path / "endless")) or "") == sysfs.MAX_FILE_BYTES
    assert sysfs.read(str(tmp_path / "absent")) is None
    assert sysfs.read(str(tmp_path)) is None
