# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an initramfs carries of modules, on a pretended host: it is listed, unpacked and compared with what is installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import initramfs_builds
from ansible_collections.twostep.hotswap.plugins.module_utils.host.initramfs_builds import Carried
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import LOWER, UPPER, ReloadDouble

BOTH = [LOWER, UPPER]


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor(carried=True)
    return fake


def look(fake: ReloadDouble, *modules: str) -> Carried:
    return initramfs_builds.look(fake.paths, fake.run, RELEASE, modules or BOTH)


def image(fake: ReloadDouble) -> str:
    return f"{fake.paths.boot}/initrd.img-{RELEASE}"


def refused(fake: ReloadDouble) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        look(fake)
    return caught.value


def test_fake_parent_another_build_than_the_installed_one_is_stale(fake_parent: ReloadDouble) -> None:
    assert look(fake_parent) == Carried(image(fake_parent), (LOWER, UPPER))
    fake_parent.install_file(UPPER, "1.0", ".ko.xz")  # the same, compressed
    assert look(fake_parent).stale == (LOWER,)
    assert look(fake_parent, UPPER).stale == ()
    assert look(fake_parent, "other") == Carried(image(fake_parent))


def test_fake_parent_a_module_that_is_not_installed_any_more_is_stale(fake_parent: ReloadDouble) -> None:
    os.unlink(f"{fake_parent.root}{fake_parent.look(UPPER).path}")
    assert look(fake_parent, UPPER).stale == (UPPER,)


def test_fake_parent_no_initramfs_has_nothing(fake_parent: ReloadDouble) -> None:
    os.unlink(image(fake_parent))
    assert look(fake_parent) == Carried()


def test_fake_parent_what_cannot_be_read_is_an_error(fake_parent: ReloadDouble) -> None:
    fake_parent.answers["lsinitramfs"] = Result(1, "", "cpio: premature end of archive")
    error = refused(fake_parent)
    assert (error.code, error.message) == (
        "initramfs_unreadable",
        f"Which build of the modules {image(fake_parent)} has cannot be told: lsinitramfs exited 1.",
    )
    del fake_parent.answers["lsinitramfs"]
    fake_parent.answers["unmkinitramfs"] = Result(2, "", "No space left on device")
    assert refused(fake_parent).message.endswith(" cannot be told: unmkinitramfs exited 2: No space left on device.")
    fake_parent.answers["unmkinitramfs"] = Result(0, "", "")
    assert refused(fake_parent).message.endswith(" cannot be told: it lists lower, but that was not unpacked.")
    assert os.listdir(fake_parent.paths.early) == [".lock"]


def test_fake_parent_what_a_dead_one_has_unpacked_does_not_count(fake_parent: ReloadDouble) -> None:
    old = Path(fake_parent.paths.early) / ".unpacked/main/upper.ko"
    old.parent.mkdir(parents=True)
    old.write_text("rubbish")
    fake_parent.carry(*BOTH)
    assert look(fake_parent).stale == ()
    assert not old.exists()


def test_fake_parent_a_link_in_it_is_not_followed(fake_parent: ReloadDouble) -> None:
    fake_parent.carry(*BOTH)
    os.symlink("/etc/passwd", fake_parent.root / "initramfs/lower.ko")
    run = fake_parent.run

    def unpack(argv: list[str], **options: object) -> Result:
        if argv[0] == "unmkinitramfs":
            shutil.copytree(str(fake_parent.root / "initramfs"), f"{argv[-1]}/main", symlinks=True)
            return Result(0, "", "")
        return run(argv, **options)

    assert initramfs_builds.look(fake_parent.paths, unpack, RELEASE, BOTH).stale == ()


def test_fake_parent_lsinitrd_unpacks_to_where_it_is(fake_parent: ReloadDouble) -> None:
    fake_parent.carry(*BOTH)
    run, asked = fake_parent.run, []

    def dracut(argv: list[str], **options: object) -> Result:
        if argv[0] == "lsinitramfs":
            raise TwostepError("no_command", "x", "y")
        if argv[0] == "lsinitrd":
            return run(["lsinitramfs", argv[1]], **options)
        if argv[0] == "env":
            asked.append(argv)
            return run(["unmkinitramfs", argv[-1], argv[2]], **options)
        return run(argv, **options)

    assert initramfs_builds.look(fake_parent.paths, dracut, RELEASE, BOTH).stale == ()
    assert asked == [["env", "-C", f"{fake_parent.paths.early}/.unpacked", "lsinitrd", "--unpack", image(fake_parent)]]
