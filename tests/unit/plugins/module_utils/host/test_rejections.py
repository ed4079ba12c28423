# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rejection import Mark
from ansible_collections.twostep.hotswap.plugins.module_utils.host import rejections
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status

MARK = Mark("remap", "1.1.0", "AB12", "2026-01-31T23:59:58Z", "run-a", "n1", "errors_up")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(str(tmp_path))


def test_without_a_folder_nothing_is_rejected(paths: Paths) -> None:
    assert rejections.read(paths) == []
    rejections.refuse(paths, "remap", "1.1.0", "AB12")
    assert rejections.remove(paths, "remap", "1.1.0") == []


def test_each_build_has_its_mark_and_consent_removes_those_of_the_version(paths: Paths) -> None:
    other, elder = replace(MARK, srcversion="CD34"), replace(MARK, version="1.0.0")
    for mark in (MARK, other, elder):
        rejections.write(paths, mark)
    assert rejections.read(paths) == [elder, MARK, other]
    assert Path(paths.rejected).stat().st_mode & 0o777 == 0o700
    assert rejections.remove(paths, "remap", "1.1.0") == [MARK, other]
    assert rejections.read(paths) == [elder]


def test_a_rejected_build_is_refused_and_a_mended_one_is_not(paths: Paths) -> None:
    rejections.write(paths, MARK)
    with pytest.raises(TwostepError) as refused:
        rejections.refuse(paths, "remap", "1.1.0", "AB12")
    assert refused.value.code == "version_rejected"
    assert "The mark is on this host." in refused.value.message
    rejections.refuse(paths, "remap", "1.1.0", "CD34")
    rejections.refuse(paths, "remap", "1.0.0", "AB12")


def test_a_mark_whose_write_was_cut_off_counts(paths: Paths) -> None:
    rejections.write(paths, MARK)
    (Path(paths.rejected) / MARK.file_name).write_text("{")
    (Path(paths.rejected) / "notes.json").write_text("{}")
    (Path(paths.rejected) / ".twostep-abc").write_text("{}")
    (found,) = rejections.read(paths)
    assert (found.version, found.srcversion) == ("1.1.0", "AB12")


def test_a_folder_that_cannot_be_read_is_an_error(paths: Paths) -> None:
    Path(paths.state).mkdir(parents=True)
    Path(paths.rejected).write_text("")
    with pytest.raises(TwostepError) as refused:
        rejections.refuse(paths, "remap", "1.1.0", None)
    assert refused.value.code == "read_failed"


def test_marks_are_bounded(paths: Paths) -> None:
    for number in range(rejections.MAX_MARKS):
        rejections.write(paths, replace(MARK, version=f"1.{number}.0"))
    rejections.write(paths, replace(MARK, reason="again"))
    with pytest.raises(TwostepError) as refused:
        rejections.write(paths, replace(MARK, srcversion="CD34"))
    assert refused.value.code == "too_many_rejected"


def test_the_build_is_that_of_the_loaded_module(paths: Paths) -> None:
    folder = Path(paths.sys) / "module/twostep_remap_1_1_0"
    folder.mkdir(parents=True)
    (folder / "srcversion").write_text("AB12\n")
    assert rejections.srcversion(paths, Status(paths), _nothing, "6.1.0", "remap", "1.1.0") == "AB12"


def test_where_nothing_is_loaded_and_no_file_can_be_read_the_build_is_not_known(paths: Paths) -> None:
    assert rejections.srcversion(paths, Status(paths), _nothing, "6.1.0", "remap", "1.1.0") == ""
    file = Path(paths.modules("6.1.0")) / "updates/dkms/twostep_remap_1_1_0.ko"
    file.parent.mkdir(parents=True)
    file.write_text("no module")
    assert rejections.srcversion(paths, Status(paths), _nothing, "6.1.0", "remap", "1.1.0") == ""


def _nothing(argv: object, **options: object) -> object:
    raise AssertionError(f"{argv} was run")
