# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an initramfs is made again on a pretended host: the old one is whole until the new one is proven, whatever fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import initramfs_maker
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

RELEASE = "6.1.0-1"
DEBIAN, DRACUT = "usr/share/initramfs-tools/hook-functions", "usr/lib/dracut/dracut-functions.sh"


class Host:
    """One whose maker writes `new` into the file that it is told to, or into its own, and ends with `rc`."""

    def __init__(self, root: Path, maker: str, name: str) -> None:
        self.paths, self.file = Paths(str(root)), root / "boot" / name
        self.rc = 0
        self.calls: list[list[str]] = []
        self.proven: list[tuple[str, str]] = []
        for path in (root / maker, self.file):
            path.parent.mkdir(parents=True, exist_ok=True)
        (root / maker).touch()
        self.file.write_text("old")

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        assert argv[:3] == initramfs_maker.BOUNDED
        self.calls.append(argv[3:])
        drafts = [word for word in argv if word.startswith("/") and word.endswith("-new")]
        if self.rc == 0 or drafts:
            Path(drafts[0] if drafts else str(self.file)).write_text("new" if self.rc == 0 else "ne")
        return Result(self.rc, "", "No space left on device")

    def prove(self, path: str) -> None:
        self.proven.append((os.path.basename(path), Path(path).read_text()))

    def make(self, prove: Callable[[str], None] | None = None) -> None:
        initramfs_maker.make(self.paths, self.run, RELEASE, prove or self.prove)

    def there(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.file.parent.iterdir()}


@pytest.fixture
def debian(tmp_path: Path) -> Host:
    return Host(tmp_path, DEBIAN, f"initrd.img-{RELEASE}")


@pytest.fixture
def dracut(tmp_path: Path) -> Host:
    return Host(tmp_path, DRACUT, f"initramfs-{RELEASE}.img")


def failure(act: Callable[[], object]) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act()
    return caught.value


def refuse(_path: str) -> None:
    raise TwostepError("not_proven", "No.", "Look.")


def test_update_initramfs_moves_it_there_itself(debian: Host) -> None:
    debian.make()
    assert debian.calls == [["update-initramfs", "-u", "-k", RELEASE]]
    assert debian.proven == [(f"initrd.img-{RELEASE}", "new")]


def test_dracut_is_given_a_file_beside_the_old_one(dracut: Host) -> None:
    name = f"initramfs-{RELEASE}.img"
    dracut.make()
    assert dracut.calls == [["dracut", "--force", f"{dracut.file}.twostep-new", RELEASE]]
    assert (dracut.proven, dracut.there()) == ([(f"{name}.twostep-new", "new")], {name: "new"})


def test_what_dracut_could_not_write_or_what_is_not_proven_replaces_nothing(dracut: Host) -> None:
    name = f"initramfs-{RELEASE}.img"
    assert failure(lambda: dracut.make(refuse)).code == "not_proven"
    assert dracut.there() == {name: "old"}
    dracut.rc = 1
    error = failure(dracut.make)
    assert (error.code, error.message) == ("initramfs_failed", f"dracut exited 1 for {RELEASE}: No space left on device.")
    assert error.next_step == f"See that there is room in /boot, and run it by hand: dracut --force {dracut.file}.twostep-new {RELEASE}."
    assert (dracut.there(), dracut.proven) == ({name: "old"}, [])


def test_a_new_one_that_cannot_be_moved_there_is_told(dracut: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def readonly(*_paths: str) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", readonly)
    assert failure(dracut.make).message == f"{dracut.file} cannot be written: Read-only file system."
    assert dracut.there() == {dracut.file.name: "old"}


def test_update_initramfs_that_fails_is_not_looked_at(debian: Host) -> None:
    debian.rc = 1
    assert failure(debian.make).code == "initramfs_failed"
    assert (debian.there(), debian.proven) == ({debian.file.name: "old"}, [])


def test_a_first_one_of_dracut_goes_where_dracut_wants_it(dracut: Host) -> None:
    dracut.file.unlink()
    dracut.make()
    assert (dracut.calls, dracut.there()) == ([["dracut", "--force", "--kver", RELEASE]], {dracut.file.name: "new"})


def test_nothing_that_makes_one(tmp_path: Path) -> None:
    host = Host(tmp_path, "usr/else", f"initrd.img-{RELEASE}")
    error = failure(host.make)
    assert (error.code, error.message) == ("no_initramfs_maker", "Neither initramfs-tools nor dracut is installed.")
    assert error.next_step == "Install one of them; slots can also do without early: true, and an initramfs without the modules."
