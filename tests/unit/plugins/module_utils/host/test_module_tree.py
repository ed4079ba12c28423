# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.elf import Machine
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import module_tree
from ansible_collections.twostep.hotswap.plugins.module_utils.host.module_tree import Shipped
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE, VERMAGIC, FakeParent


@pytest.fixture
def fake(tmp_path) -> FakeParent:
    return FakeParent(tmp_path)


@pytest.mark.parametrize("destination", ["updates/dkms", "extra", "updates"])
@pytest.mark.parametrize("suffix", [".ko", ".ko.xz", ".ko.gz", ".ko.zst"])
def test_a_module_is_found_where_dkms_puts_it(fake: FakeParent, destination: str, suffix: str) -> None:
    path = fake.root / f"lib/modules/{RELEASE}/{destination}/twostep_remap_1_1_0{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    assert module_tree.find(fake.paths, RELEASE, "twostep_remap_1_1_0") is None
    path.touch()
    assert module_tree.find(fake.paths, RELEASE, "twostep_remap_1_1_0") == str(path)


@pytest.mark.parametrize(("kernel", "module", "code"), [("../x", "twostep", "bad_kernel"), (RELEASE, "../x", "bad_module")])
def test_names_are_checked_before_they_get_into_a_path(fake: FakeParent, kernel: str, module: str, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        module_tree.find(fake.paths, kernel, module)
    assert caught.value.code == code


def test_version_magic_is_that_of_a_module_that_came_with_the_kernel(fake: FakeParent) -> None:
    fake.put(
        fake.root / f"lib/modules/{RELEASE}/modules.dep", "updates/dkms/twostep.ko:\nkernel/gone.ko:\nkernel/lib/crc.ko: kernel/gone.ko"
    )
    assert module_tree.shipped(fake.paths, RELEASE, fake.run) == Shipped(VERMAGIC.strip(), Machine(62, True, "<"), 896)


@pytest.mark.parametrize("text", ["", "updates/dkms/twostep.ko:", "kernel/../../../etc/x.ko:", "kernel/gone.ko:"])
def test_version_magic_is_unknown_without_such_a_module(fake: FakeParent, text: str) -> None:
    fake.put(fake.root / f"lib/modules/{RELEASE}/modules.dep", text)
    assert module_tree.shipped(fake.paths, RELEASE, fake.run) == Shipped()
    assert module_tree.shipped(fake.paths, "9.9.9", fake.run) == Shipped()


def test_a_module_that_only_a_program_can_read_tells_the_version_magic(fake: FakeParent) -> None:
    fake.put(fake.root / f"lib/modules/{RELEASE}/modules.dep", "kernel/lib/crc.ko.zst:")
    (fake.root / f"lib/modules/{RELEASE}/kernel/lib/crc.ko.zst").write_bytes(b"packed")
    fake.answers["modinfo"] = Result(0, f"vermagic:{VERMAGIC}\0", "")
    assert module_tree.shipped(fake.paths, RELEASE, fake.run) == Shipped(VERMAGIC.strip())


def test_whatever_lies_in_the_place_of_a_module_is_found(fake: FakeParent) -> None:
    folder = fake.root / f"lib/modules/{RELEASE}/updates/dkms"
    (folder / "gone.ko").symlink_to("/nowhere")
    os.mkfifo(folder / "pipe.ko")
    assert [module_tree.find(fake.paths, RELEASE, name) for name in ("gone", "pipe")] == [str(folder / "gone.ko"), str(folder / "pipe.ko")]


def test_the_installed_versions_of_a_family(fake: FakeParent) -> None:
    first, second = fake.install("1.0.0"), fake.install("1.10.0")
    extra = fake.root / f"lib/modules/{RELEASE}/extra"
    extra.mkdir()
    for name in ("twostep_remap_1_0_0.ko.xz", "twostep_remap_2_0_0.ko.xz", "twostep_cache_1_0_0.ko", "twostep_remap_1_0.ko", "x.ko"):
        (extra / name).touch()
    assert module_tree.family(fake.paths, RELEASE, "remap") == {
        "1.0.0": str(first), "1.10.0": str(second), "2.0.0": str(extra / "twostep_remap_2_0_0.ko.xz"),
    }  # fmt: skip
    assert module_tree.family(fake.paths, "9.9.9", "remap") == {}


def test_a_kernel_without_restrictions_has_no_files(fake: FakeParent) -> None:
    facts = module_tree.kernel_facts(fake.paths, RELEASE, RELEASE, fake.run)
    assert (facts.vermagic, facts.sig_enforce, facts.lockdown, facts.modules_disabled) == (VERMAGIC.strip(), False, "none", False)
    assert (facts.machine, facts.module_bytes, facts.taint) == (Machine(62, True, "<"), 896, 0)


def test_restrictions_are_read(fake: FakeParent) -> None:
    fake.put(fake.root / "sys/kernel/security/lockdown", "none [integrity] confidentiality")
    fake.put(fake.root / "sys/module/module/parameters/sig_enforce", "Y")
    fake.put(fake.root / "proc/sys/kernel/modules_disabled", "1")
    facts = module_tree.kernel_facts(fake.paths, RELEASE, RELEASE, fake.run)
    assert (facts.sig_enforce, facts.lockdown, facts.modules_disabled) == (True, "integrity", True)


@pytest.mark.parametrize(("text", "taint"), [("12288", 12288), ("", None), ("tainted", None), ("9" * 30, None)])
def test_taint(fake: FakeParent, text: str, taint: int | None) -> None:
    fake.put(fake.root / "proc/sys/kernel/tainted", text)
    assert module_tree.kernel_facts(fake.paths, RELEASE, RELEASE, fake.run).taint == taint
