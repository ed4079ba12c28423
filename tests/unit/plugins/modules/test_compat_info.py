# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml

from ansible_collections.twostep.hotswap.plugins.module_utils.host.compat import Host
from ansible_collections.twostep.hotswap.plugins.modules import compat_info
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE, FakeParent

OPTIONS = {"slot": "data", "version": "1.1.0", "kernel": None, "path": None, "initramfs": True}


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    return fake


def ask(fake: FakeParent, **options: object) -> dict:
    return compat_info.answer(Host(fake.paths, fake.status, fake.run, RELEASE), {**OPTIONS, **options})


def test_documentation_and_spec_say_the_same() -> None:
    documented = yaml.safe_load(compat_info.DOCUMENTATION)["options"]
    for name, option in compat_info.argument_spec().items():
        keys = ("type", "required", "default")
        assert {key: documented[name].get(key) for key in keys} == {key: option.get(key) for key in keys}
    assert set(documented) == set(compat_info.argument_spec())


def test_fake_parent_a_verdict(fake_parent: FakeParent) -> None:
    path = fake_parent.install("1.1.0", twostep_schema_writes="3-3")
    told = ask(fake_parent)
    assert (told["changed"], told["verdict"], told["mode"], told["file"]) == (False, "hot", "handover", str(path))
    assert [reason["code"] for reason in told["reasons"]] == ["no_way_back"]


def test_fake_parent_nothing_is_called_path(fake_parent: FakeParent) -> None:
    """Ansible puts owner, mode and state of the file into every result with a `path`, over what is there."""
    fake_parent.install("1.1.0")
    assert "path" not in ask(fake_parent)


def test_fake_parent_everything_that_is_returned_is_documented(fake_parent: FakeParent) -> None:
    told = ask(fake_parent)
    documented = yaml.safe_load(compat_info.RETURN)
    assert set(told) - {"changed"} == set(documented) - {"code"}
    assert set(told["reasons"][0]) == set(told["path_reasons"][0]) == set(documented["reasons"]["contains"])
    assert set(told["drift"][0]) == set(documented["drift"]["contains"])


def test_fake_parent_a_file_and_a_kernel_of_ones_own(fake_parent: FakeParent, tmp_path) -> None:
    path = tmp_path / "fresh.ko"
    fake_parent.install("1.1.0", vermagic="6.12.0 SMP").rename(path)
    told = ask(fake_parent, kernel="6.12.0", path=str(path))
    assert (told["verdict"], told["file"]) == ("cold", str(path))


def test_fake_parent_drift(fake_parent: FakeParent) -> None:
    fake_parent.install("1.0.0", srcversion="OTHER")
    (difference,) = ask(fake_parent)["drift"]
    assert (difference["what"], difference["loaded"], difference["found"]) == ("file", "SRC1.0.0", "OTHER")


def test_fake_parent_the_initramfs_is_listed_unless_it_is_not_wanted(fake_parent: FakeParent) -> None:
    (fake_parent.root / "boot").mkdir()
    (fake_parent.root / f"boot/initrd.img-{RELEASE}").touch()
    ask(fake_parent, initramfs=False)
    assert fake_parent.calls == []
    ask(fake_parent)
    assert [call[0] for call in fake_parent.calls] == ["lsinitramfs"]
