# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.source_tree import SourceFile
from ansible_collections.twostep.hotswap.plugins.module_utils.host import dkms_source, source_archive
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

PACKAGE = dkms_conf.package("twostep", "1.0.0", modules=[{"name": "twostep", "location": "parent"}], publish_symvers=True)
NAME = "twostep-1.0.0"


@pytest.fixture
def packed(tmp_path: Path) -> dict[str, SourceFile]:
    folder = tmp_path / "kmod"
    (folder / "parent").mkdir(parents=True)
    (folder / "parent/Kbuild").write_text("obj-m := twostep.o\n")
    return source_archive.files_of(source_archive.pack(str(folder))[0])


def test_a_folder_is_written_whole(tmp_path: Path, packed: dict[str, SourceFile]) -> None:
    paths = Paths(str(tmp_path / "root"))
    assert dkms_source.state_of_source(paths, NAME, "d1") == "absent"
    dkms_source.write(paths, PACKAGE, packed, "d1")
    folder = Path(paths.source) / NAME
    assert sorted(path.name for path in folder.iterdir()) == [".twostep-sha256", "dkms.conf", "parent", "twostep-publish-symvers.sh"]
    assert (folder / "dkms.conf").read_text() == dkms_conf.render(PACKAGE)
    assert (folder / "twostep-publish-symvers.sh").stat().st_mode & 0o777 == 0o755
    assert folder.stat().st_mode & 0o777 == 0o755
    assert dkms_source.state_of_source(paths, NAME, "d1") == "wanted"
    assert dkms_source.state_of_source(paths, NAME, "d2") == "other"


def test_an_older_folder_is_replaced_and_nothing_stays_beside_it(tmp_path: Path, packed: dict[str, SourceFile]) -> None:
    paths = Paths(str(tmp_path / "root"))
    old = Path(paths.source) / NAME
    old.mkdir(parents=True)
    (old / "old.c").write_text("x")
    assert dkms_source.state_of_source(paths, NAME, "d1") == "other"
    dkms_source.write(paths, PACKAGE, packed, "d1")
    assert not (old / "old.c").exists()
    assert [path.name for path in Path(paths.source).iterdir()] == [NAME]
    dkms_source.remove(paths, NAME)
    assert list(Path(paths.source).iterdir()) == []


def test_a_refused_source_leaves_the_older_folder(tmp_path: Path, packed: dict[str, SourceFile]) -> None:
    paths = Paths(str(tmp_path / "root"))
    dkms_source.write(paths, PACKAGE, packed, "d1")
    other = dkms_conf.package("twostep", "1.0.0", modules=[{"name": "twostep", "location": "nowhere"}])
    with pytest.raises(TwostepError) as caught:
        dkms_source.write(paths, other, packed, "d2")
    assert caught.value.code == "bad_source"
    assert dkms_source.state_of_source(paths, NAME, "d1") == "wanted"
    assert [path.name for path in Path(paths.source).iterdir()] == [NAME]


def test_a_link_in_place_of_the_folder_is_never_the_wanted_one(tmp_path: Path, packed: dict[str, SourceFile]) -> None:
    paths = Paths(str(tmp_path / "root"))
    dkms_source.write(paths, PACKAGE, packed, "d1")
    folder = Path(paths.source) / NAME
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert dkms_source.state_of_source(paths, NAME, "d1") == "other"
    dkms_source.remove(paths, NAME)
    assert (tmp_path / "elsewhere/dkms.conf").exists()


def test_the_digest_covers_all_that_goes_in() -> None:
    digests = {
        dkms_source.digest(PACKAGE, "a"),
        dkms_source.digest(PACKAGE, "b"),
        dkms_source.digest(dkms_conf.package("twostep", "1.0.0", modules=[{"name": "twostep", "location": "parent"}]), "a"),
        dkms_source.digest(dkms_conf.package("twostep", "1.0.1", modules=[{"name": "twostep", "location": "parent"}]), "a"),
    }
    assert len(digests) == 4


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EROFS, "write_failed")])
def test_failed_writes(number: int, code: str) -> None:
    error = dkms_source.disk_full(OSError(number, "text"), "/usr/src")
    assert error.code == code
    assert "/usr/src" in error.message


def test_a_vendors_conf_and_what_has_our_names_stay_out(tmp_path: Path, packed: dict[str, SourceFile]) -> None:
    paths = Paths(str(tmp_path / "root"))
    evil = SourceFile(b"touch /pwned\n", executable=True)
    files = {**packed, "dkms.conf": evil, ".twostep-sha256": evil, dkms_conf.PUBLISH_SCRIPT: evil, "parent/dkms.conf": evil}
    plain = dkms_conf.package("twostep", "1.0.0", modules=[{"name": "twostep", "location": "parent"}])
    dkms_source.write(paths, plain, files, "d1")
    folder = Path(paths.source) / NAME
    assert sorted(path.name for path in folder.iterdir()) == [".twostep-sha256", "dkms.conf", "parent"]
    assert (folder / "dkms.conf").read_text() == dkms_conf.render(plain)
    assert (folder / ".twostep-sha256").read_text() == "d1\n"


def test_the_folders_that_are_taken_belong_to_the_digest() -> None:
    assert dkms_source.digest(PACKAGE, "ab") == dkms_source.digest(PACKAGE, "ab", [])
    assert dkms_source.digest(PACKAGE, "ab", ["b", "a"]) == dkms_source.digest(PACKAGE, "ab", ["a", "b", "a"])
    assert dkms_source.digest(PACKAGE, "ab", ["a"]) != dkms_source.digest(PACKAGE, "ab")
