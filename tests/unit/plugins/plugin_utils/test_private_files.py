# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the controller: whole or not at all, and private."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import private_files

REPORT = ("report", "Point twostep_report_dir to a folder on the controller that can be written.")


def test_file_and_folder_are_private(tmp_path) -> None:
    path = private_files.write(str(tmp_path / "a" / "b"), "report.json", "{}\n", *REPORT)
    assert path == str(tmp_path / "a" / "b" / "report.json")
    assert (tmp_path / "a" / "b" / "report.json").read_text() == "{}\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def test_an_older_file_is_replaced_and_no_draft_stays(tmp_path) -> None:
    private_files.write(str(tmp_path), "report.json", "old", *REPORT)
    private_files.write(str(tmp_path), "report.json", "new", *REPORT)
    assert os.listdir(tmp_path) == ["report.json"]
    assert (tmp_path / "report.json").read_text() == "new"


def test_a_failure_in_between_leaves_the_older_file_and_no_draft(tmp_path, monkeypatch) -> None:
    private_files.write(str(tmp_path), "report.json", "old", *REPORT)

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_files.os, "fsync", refuse)
    with pytest.raises(TwostepError) as caught:
        private_files.write(str(tmp_path), "report.json", "new", *REPORT)
    assert caught.value.code == "report_not_written"
    assert str(caught.value) == (
        f"The report could not be written to {tmp_path}/report.json: No space left on device. "
        "Next: Point twostep_report_dir to a folder on the controller that can be written."
    )
    assert os.listdir(tmp_path) == ["report.json"]
    assert (tmp_path / "report.json").read_text() == "old"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TwostepError) as caught:
        private_files.write(str(tmp_path / "file" / "folder"), "report.json", "x", *REPORT)
    assert caught.value.code == "report_not_written"
