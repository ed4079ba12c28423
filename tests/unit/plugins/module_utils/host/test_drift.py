# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot as core_boot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import boot, drift, initramfs
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE, FakeParent


@pytest.fixture
def fake(tmp_path) -> FakeParent:
    made = FakeParent(tmp_path)
    made.add_slot()
    made.install("1.0.0")
    return made


def codes(fake: FakeParent, run=None, with_image: bool = True) -> list[str]:
    run = run or fake.run
    image = initramfs.look(fake.paths, RELEASE, run) if with_image else None
    found = drift.of_slot(fake.paths, fake.status, run, RELEASE, fake.status.slot("data"), image)
    return [difference.code for difference in found]


def image(fake: FakeParent, name: str = f"initrd.img-{RELEASE}") -> None:
    (fake.root / "boot").mkdir(exist_ok=True)
    (fake.root / "boot" / name).touch()


def commit(fake: FakeParent, version: str) -> None:
    boot.write_slot(fake.paths, core_boot.boot_slot("data", "remap", "lower=/dev/vdb", version))


def test_no_drift(fake: FakeParent) -> None:
    commit(fake, "1.0.0")
    assert codes(fake) == []


def test_another_build_on_disk(fake: FakeParent) -> None:
    fake.install("1.0.0", srcversion="OTHER")
    fake.put_parent(srcversion="OTHER")
    assert codes(fake) == ["parent_other", "file_other"]


def test_no_file_and_rubbish(fake: FakeParent) -> None:
    fake.install("1.0.0").write_bytes(b"")
    fake.put_parent().unlink()
    assert codes(fake) == ["parent_missing", "file_unreadable"]


def test_boot_configuration(fake: FakeParent) -> None:
    commit(fake, "1.1.0")
    assert codes(fake) == ["boot_other"]
    (fake.root / "etc/twostep/slots.d/data.json").write_text("{")
    assert codes(fake) == ["boot_unreadable"]


def test_a_slot_without_a_child(fake: FakeParent) -> None:
    fake.set(state="detached", version="", module="")
    assert codes(fake) == []


@pytest.mark.parametrize("name", [f"initrd.img-{RELEASE}", f"initramfs-{RELEASE}.img", f"initrd-{RELEASE}"])
def test_the_initramfs_is_listed_once(fake: FakeParent, name: str) -> None:
    image(fake, name)
    fake.answers["lsinitramfs"] = Result(0, "usr/lib/modules/k/updates/dkms/twostep_remap_1_1_0.ko\n", "")
    assert codes(fake) == ["initramfs_other"]
    assert fake.calls == [["lsinitramfs", str(fake.root / "boot" / name)]]


def test_the_initramfs_is_left_alone_where_it_is_not_asked_for(fake: FakeParent) -> None:
    image(fake)
    assert codes(fake, with_image=False) == []
    assert fake.calls == []


def test_an_initramfs_older_than_the_module(fake: FakeParent) -> None:
    image(fake)
    fake.answers["lsinitramfs"] = Result(0, "usr/lib/modules/k/updates/dkms/twostep_remap_1_0_0.ko\n", "")
    os.utime(fake.root / f"boot/initrd.img-{RELEASE}", (1, 1))
    assert codes(fake) == ["initramfs_older"]


def missing(*programs: str):
    def run(argv: list, timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        if argv[0] in programs:
            raise TwostepError("no_command", "It is not installed.", "Install it.")
        return Result(0, "", "")

    return run


def test_an_initramfs_that_nobody_can_list(fake: FakeParent) -> None:
    image(fake)
    assert codes(fake, missing("lsinitramfs", "lsinitrd")) == ["initramfs_unknown"]
    assert codes(fake, missing("lsinitramfs")) == []


def test_a_listing_that_fails_or_takes_too_long(fake: FakeParent) -> None:
    image(fake)
    fake.answers["lsinitramfs"] = Result(1, "", "broken")
    assert codes(fake) == ["initramfs_unknown"]

    def slow(argv: list, timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        assert timeout_s == 120.0
        raise TwostepError("command_timeout", "It took too long.", "Look at the host.")

    assert codes(fake, slow) == ["initramfs_unknown"]


def test_an_initramfs_that_is_made_for_other_slots_says_nothing_about_this_one(fake: FakeParent) -> None:
    image(fake)
    fake.answers["lsinitramfs"] = Result(0, "lib/twostep.ko\nlib/twostep_remap_1_1_0.ko\n", "")
    commit(fake, "1.0.0")
    assert codes(fake) == ["initramfs_other"]
    boot.write_slot(fake.paths, core_boot.boot_slot("root", "remap", "", "1.1.0", early=True))
    assert codes(fake) == []
