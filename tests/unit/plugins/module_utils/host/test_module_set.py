# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of modules on a pretended host: a vendor's, and the parent with its slots, by themselves and in a reload."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import module_set, reload, reload_folder
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import (
    EVERYBODY,
    LOWER,
    PARENT,
    UPPER,
    ReloadDouble,
    identity,
)

CHILD = "twostep_remap_1_0_0"
OLD, NEW = str(identity("1.0.0")), str(identity("2.0.0"))


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.with_parent(True, "log")
    return fake


@pytest.fixture
def fake_vendor(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor()
    fake.reboot()
    fake.calls.clear()
    return fake


def nobody_uses(fake: ReloadDouble) -> None:
    fake.mounted, fake.swaps, fake.running = [], {}, []
    fake.leave("md0", "/dev/twostep/data")


def slots(fake: ReloadDouble) -> dict[str, tuple[str, str]]:
    found = [fake.status.slot(name) for name in fake.status.slot_names()]
    return {slot.slot: (slot.state, slot.version or "") for slot in found}


BOTH = {"data": ("serving", "1.0.0"), "log": ("serving", "1.0.0")}


def test_fake_vendor_modules_are_unloaded_in_the_reverse_order_and_once(fake_vendor: ReloadDouble) -> None:
    found = module_set.of(fake_vendor.world, [LOWER, UPPER])
    found.remove()
    found.remove()
    assert (fake_vendor.calls, fake_vendor.loaded()) == ([["rmmod", "upper"], ["rmmod", "lower"]], ["-", "-"])
    fake_vendor.calls.clear()
    found.insert()
    found.insert()
    assert (fake_vendor.calls, fake_vendor.loaded()) == ([["modprobe", "lower"], ["modprobe", "upper"]], ["2.0", "2.0"])


def test_fake_vendor_what_is_there_already_is_left_alone(fake_vendor: ReloadDouble) -> None:
    found = module_set.of(fake_vendor.world, [LOWER, UPPER])
    fake_vendor.unload_module(UPPER)
    found.insert()
    assert fake_vendor.calls == [["modprobe", "upper"]]


def test_fake_vendor_the_first_that_stays_ends_it(fake_vendor: ReloadDouble) -> None:
    fake_vendor.stuck = [UPPER]
    with pytest.raises(TwostepError) as caught:
        module_set.of(fake_vendor.world, [LOWER, UPPER]).remove()
    assert (caught.value.code, fake_vendor.calls) == ("module_in_use", [["rmmod", "upper"]])


def test_fake_parent_goes_after_its_slots_and_children(fake_parent: ReloadDouble) -> None:
    nobody_uses(fake_parent)
    fake_parent.register("1.1.0")
    acts: list = []
    fake_parent.on_act = lambda argv: acts.append([argv[0], *(word.rsplit("/", 2)[-1] for word in argv[1:])])
    found = module_set.of(fake_parent.world, [PARENT])
    found.remove()
    assert acts == [
        ["write", "active", "0"], ["rmdir", "data"], ["write", "active", "0"], ["rmdir", "log"],
        ["rmmod", CHILD], ["rmmod", "twostep_remap_1_1_0"], ["rmmod", "twostep"],
    ]  # fmt: skip
    assert (fake_parent.loaded(PARENT), fake_parent.status.slot_names()) == (["-"], [])
    acts.clear()
    found.remove()
    assert acts == []


def test_fake_parent_an_empty_slot_is_removed_without_more(fake_parent: ReloadDouble) -> None:
    nobody_uses(fake_parent)
    fake_parent.control.deactivate("data")
    fake_parent.writes.clear()
    module_set.of(fake_parent.world, [PARENT]).remove()
    assert (fake_parent.writes, fake_parent.loaded(PARENT)) == ([("active", "0")], ["-"])


def test_fake_parent_comes_with_its_slots(fake_parent: ReloadDouble) -> None:
    nobody_uses(fake_parent)
    found = module_set.of(fake_parent.world, [PARENT])
    found.remove()
    fake_parent.calls.clear()
    fake_parent.writes.clear()
    found.insert()
    assert fake_parent.calls == [["modprobe", "twostep"], ["modprobe", CHILD]]
    assert fake_parent.writes == [
        (name, text)
        for _slot in ("data", "log")
        for name, text in (
            ("family", "remap"),
            ("params", "lower=/dev/vdb"),
            ("swap", "version=1.0.0 generation=0 mode=handover deadline_ms=500"),
        )
    ]
    assert (fake_parent.loaded(PARENT), slots(fake_parent)) == (["2.0.0"], BOTH)
    fake_parent.calls.clear()
    fake_parent.writes.clear()
    found.insert()
    assert (fake_parent.calls, fake_parent.writes) == ([], [])


def test_fake_parent_one_slot_that_does_not_come_up_keeps_the_others_from_nothing(fake_parent: ReloadDouble) -> None:
    nobody_uses(fake_parent)
    found = module_set.of(fake_parent.world, [PARENT])
    found.remove()
    fake_parent.put(fake_parent.root / "etc/twostep/slots.d/data.json", '{"schema": 1, "slot": "data", "family": "remap", '
                    '"params": "", "version": "1.9.0"}')  # fmt: skip
    with pytest.raises(TwostepError) as caught:
        found.insert()
    assert (caught.value.code, slots(fake_parent)) == ("no_module", {"log": ("serving", "1.0.0")})


def test_fake_parent_is_replaced_under_its_slots(fake_parent: ReloadDouble) -> None:
    result = reload.Transaction(fake_parent.world, fake_parent.request(PARENT)).perform()
    assert (result.outcome, result.message, result.notes) == ("reloaded", "", ())
    assert (fake_parent.loaded(PARENT), slots(fake_parent), fake_parent.users()) == (["2.0.0"], BOTH, EVERYBODY)
    assert fake_parent.unserved == []


def test_fake_parent_whose_slots_do_not_come_up_makes_way_for_the_old_one(fake_parent: ReloadDouble) -> None:
    fake_parent.useless = ["2.0.0"]
    result = reload.Transaction(fake_parent.world, fake_parent.request(PARENT)).perform()
    assert (result.outcome, result.code) == ("returned", "load_failed")
    assert (
        result.message
        == f"The kernel refused to swap to 1.0.0 on slot data: the new child could not take over (EIO). twostep is {OLD}, the old one."
    )
    assert (fake_parent.loaded(PARENT), fake_parent.installed(PARENT)) == (["1.0.0"], ["1.0.0"])
    assert (slots(fake_parent), fake_parent.users()) == (BOTH, EVERYBODY)
    path = fake_parent.look(PARENT).path
    assert result.notes == (f"The file {path} is {OLD} again: install the package again before the next try.",)


def test_fake_parent_that_does_not_load_makes_way_for_the_old_one(fake_parent: ReloadDouble) -> None:
    fake_parent.refused = ["2.0.0"]
    result = reload.Transaction(fake_parent.world, fake_parent.request(PARENT)).perform()
    assert (result.outcome, result.code, fake_parent.loaded(PARENT)) == ("returned", "load_failed", ["1.0.0"])
    assert (slots(fake_parent), fake_parent.users()) == (BOTH, EVERYBODY)


def test_fake_parent_with_a_slot_that_somebody_has_open_stays_with_all_its_slots(fake_parent: ReloadDouble) -> None:
    write = fake_parent.control.write_text

    def is_open(path: str, text: str) -> None:
        if path.endswith("/log/active"):
            raise OSError(errno.EBUSY, "busy")
        write(path, text)

    object.__setattr__(fake_parent.control, "write_text", is_open)
    result = reload.Transaction(fake_parent.world, fake_parent.request(PARENT)).perform()
    assert (result.outcome, result.code) == ("returned", "slot_in_use")
    assert (fake_parent.loaded(PARENT), fake_parent.installed(PARENT)) == (["1.0.0"], ["2.0.0"])
    assert (slots(fake_parent), fake_parent.users()) == (BOTH, EVERYBODY)


def test_fake_parent_without_a_copy_whose_slots_do_not_come_up_leaves_no_result(tmp_path: Path) -> None:
    fake = ReloadDouble(tmp_path)
    fake.with_parent(kept=False)
    fake.useless = ["2.0.0"]
    with pytest.raises(TwostepError) as caught:
        reload.Transaction(fake.world, fake.request(PARENT)).perform()
    assert " Not everything is back: The kernel refused to swap to 1.0.0 on slot data" in caught.value.message
    assert (fake.loaded(PARENT), slots(fake)) == (["2.0.0"], {})
    fake.useless = []
    result = reload.settle(fake.world, reload_folder.read_request(fake.paths, "reload-1"))
    assert f"twostep is {NEW}. Brought back: unit web.service, mount /srv, swap " in result.message
    assert (slots(fake), fake.users()) == ({"data": ("serving", "1.0.0")}, EVERYBODY)
