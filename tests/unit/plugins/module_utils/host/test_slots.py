# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import MAX_TEXT
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status, read_text
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    return fake


def test_fake_parent_is_read(fake_parent: FakeParent) -> None:
    status = fake_parent.status
    assert status.parent().as_dict() == {"contract": "1.0", "version": "1.0.0"}
    assert status.slot_names() == ["data"]
    slot = status.slot("data")
    assert (slot.version, slot.generation, slot.child) == ("1.0.0", 1, {"reads": "3"})
    assert [child.module for child in status.children()] == ["twostep_remap_1_0_0"]
    assert status.child("twostep_remap_9_9_9") is None
    assert (status.is_loaded("twostep_remap_1_0_0"), status.is_loaded("twostep_remap_9_9_9")) == (True, False)
    assert status.loaded_srcversion("twostep_remap_1_0_0") == "SRC1.0.0"
    assert status.loaded_srcversion("twostep_remap_9_9_9") is None


def test_without_a_parent(tmp_path) -> None:
    for ask in (Status(Paths(str(tmp_path))).parent, lambda: Status(Paths(str(tmp_path))).slot("data")):
        with pytest.raises(TwostepError) as caught:
            ask()
        assert caught.value.code == "no_parent"
        assert caught.value.message == "The parent module twostep is not loaded."
        assert caught.value.next_step == "Run the playbook twostep.hotswap.install_parent, or modprobe twostep."


def test_fake_parent_without_the_slot(fake_parent: FakeParent) -> None:
    with pytest.raises(TwostepError) as caught:
        fake_parent.status.slot("other")
    assert (caught.value.code, caught.value.message) == ("no_slot", "Slot other does not exist.")
    assert caught.value.next_step == "Create it with twostep.hotswap.parent, or correct the name."


def test_fake_parent_with_a_file_missing(fake_parent: FakeParent) -> None:
    (fake_parent.folder("data") / "openers").unlink()
    with pytest.raises(TwostepError) as caught:
        fake_parent.status.slot("data")
    assert caught.value.code == "bad_status"
    assert caught.value.message == f"{fake_parent.folder('data')}/openers cannot be read: No such file or directory."
    assert caught.value.next_step == "Look at the host, as root: sysfs should be readable."


@pytest.mark.parametrize("ask", ["parent", "slot", "child"])
def test_fake_parent_that_may_not_be_read(fake_parent: FakeParent, ask: str) -> None:
    def deny(path: str) -> str:
        if ask == "parent" or not path.endswith("contract") or "children" in path:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return read_text(path)

    status = Status(fake_parent.paths, read_text=deny)
    with pytest.raises(TwostepError, match="cannot be read: Permission denied") as caught:
        {"parent": status.parent, "slot": lambda: status.slot("data"), "child": lambda: status.child("twostep_remap_1_0_0")}[ask]()
    assert caught.value.code == "bad_status"


def test_fake_parent_a_childs_file_may_vanish(fake_parent: FakeParent) -> None:
    def vanish(path: str) -> str:
        if "/child/" in path:
            raise FileNotFoundError(path)
        return read_text(path)

    assert Status(fake_parent.paths, read_text=vanish).slot("data").child == {}


def test_a_name_is_checked_before_it_gets_into_a_path(fake_parent: FakeParent) -> None:
    for ask, name, code in ((fake_parent.status.slot, "../x", "bad_slot"), (fake_parent.status.child, "../x", "bad_module")):
        with pytest.raises(TwostepError) as caught:
            ask(name)
        assert caught.value.code == code


def test_text_is_bounded(tmp_path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"\xff" * (MAX_TEXT * 3))
    assert len(read_text(str(path))) == MAX_TEXT + 2
