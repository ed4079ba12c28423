# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A warm upgrade against a pretended parent: what goes down, in which order it comes back, and what a failure or a death leaves."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from typing import Callable

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import request_folder, swap_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.warm import Warm
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import module_of
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK, LEG, SETTLE, Mounted, WarmDouble

NOBODY: tuple = ([], [], [], [])
DOWN = [
    ["systemctl", "stop", "--", "web.service"],
    ["umount", "--", "/srv"],
    ["swapoff", "--", f"{DISK}p2"],
    ["mdadm", "/dev/md0", "--fail", DISK],
    ["mdadm", "/dev/md0", "--remove", DISK],
    SETTLE,
]
UP = [
    ["mdadm", "/dev/md0", "--re-add", DISK],
    ["swapon", "-p", "7", "--", f"{DISK}p2"],
    ["mount", "-t", "ext4", "-o", "rw,noatime", "--", f"{DISK}p1", "/srv"],
    ["systemctl", "start", "--", "web.service"],
]


@pytest.fixture
def fake_parent(tmp_path) -> WarmDouble:
    fake = WarmDouble(tmp_path)
    fake.all_users()
    return fake


def request(fake: WarmDouble, **changes: object) -> SwapRequest:
    wanted = SwapRequest(
        "data-1", "run-1", "data", "remap", "1.0.0", "1.1.0", 1, "t", mode="warm", path=str(fake.install("1.1.0")),
        module=module_of("1.1.0"), old_module=module_of("1.0.0"), units=("web.service", "other.service"),
    )  # fmt: skip
    return replace(wanted, **changes)


def warm(fake: WarmDouble, **changes: object) -> Warm:
    """Return a warm upgrade of which everything was asked for and written down, and whose new child is loaded."""
    wanted = request(fake, **changes)
    swap_folder.write_request(fake.paths, wanted)
    fake.register("1.1.0")
    return Warm(fake.world, wanted)


def stands(fake: WarmDouble) -> tuple[str, str, int]:
    slot = fake.status.slot("data")
    return slot.state, slot.version or "", slot.generation


def without_settle(calls: list[list[str]]) -> list[list[str]]:
    return [call for call in calls if call != SETTLE]


def test_fake_parent_to_the_other_version_and_back_with_everybody(fake_parent: WarmDouble) -> None:
    everybody = fake_parent.users()
    upgrade = warm(fake_parent)
    assert upgrade.prepare() == ["unit web.service", "mount /srv", f"swap {DISK}p2", f"{DISK} in md0"]
    assert (fake_parent.calls, fake_parent.writes) == ([], [])
    upgrade.take_down()
    assert (fake_parent.calls, fake_parent.writes) == (DOWN, [("active", "0")])
    assert (stands(fake_parent), fake_parent.users()) == (("empty", "", 2), NOBODY)
    fake_parent.calls.clear()
    upgrade.replace()
    assert (stands(fake_parent), fake_parent.users()) == (("serving", "1.1.0", 3), NOBODY)
    assert fake_parent.writes[1:] == [("swap", "version=1.1.0 generation=2 mode=handover deadline_ms=500")]
    upgrade.bring_back()
    assert (without_settle(fake_parent.calls), fake_parent.users()) == (UP, everybody)
    upgrade.await_redundancy()
    assert fake_parent.slept == []


def test_fake_parent_what_will_be_stopped_is_written_down_before(fake_parent: WarmDouble) -> None:
    warm(fake_parent).prepare()
    with open(swap_folder.consumers_file(fake_parent.paths, "data-1"), encoding="utf-8") as stream:
        told = json.load(stream)
    assert [(one["kind"], one["name"]) for one in told["consumers"]] == [
        ("unit", "web.service"), ("mount", "/srv"), ("swap", f"{DISK}p2"), ("leg", "md0"),
    ]  # fmt: skip


def test_fake_parent_nothing_is_written_down_where_nothing_may_be_stopped(fake_parent: WarmDouble) -> None:
    fake_parent.build(bitmap="none")
    upgrade = warm(fake_parent)
    with pytest.raises(TwostepError) as caught:
        upgrade.prepare()
    assert caught.value.code == "consumer_not_spare"
    assert (fake_parent.calls, upgrade.recover()) == ([], "")


def test_fake_parent_a_full_disk_stops_nobody(fake_parent: WarmDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = warm(fake_parent)

    def full(path: str, _text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(request_folder, "write", full)
    with pytest.raises(TwostepError) as caught:
        upgrade.prepare()
    path = swap_folder.consumers_file(fake_parent.paths, "data-1")
    assert (caught.value.code, caught.value.message) == ("write_failed", f"{path} cannot be written: No space left on device.")


@pytest.mark.parametrize(("needs", "room", "writes"), [("64", "256", []), ("256", "256", []), ("512", "512", [("request_bytes", "512")])])
def test_fake_parent_the_slot_gets_room_for_what_the_new_one_keeps(fake_parent: WarmDouble, needs: str, room: str, writes: list) -> None:
    upgrade = warm(fake_parent)
    fake_parent.register("1.1.0", twostep_request_bytes=needs)
    upgrade.prepare()
    upgrade.take_down()
    upgrade.replace()
    assert fake_parent.control.setting("data", "request_bytes") == room
    assert fake_parent.writes[1:-1] == writes


def test_fake_parent_of_a_parent_that_does_not_tell_its_room_none_is_asked_for(fake_parent: WarmDouble) -> None:
    upgrade = warm(fake_parent)
    (fake_parent.root / "sys/kernel/config/twostep/data/request_bytes").unlink()
    fake_parent.register("1.1.0", twostep_request_bytes="512")
    upgrade.prepare()
    upgrade.take_down()
    upgrade.replace()
    assert stands(fake_parent) == ("serving", "1.1.0", 3)
    assert [name for name, _text in fake_parent.writes] == ["active", "swap"]


def test_fake_parent_a_slot_that_does_not_let_go_is_not_taken_down(fake_parent: WarmDouble) -> None:
    upgrade = warm(fake_parent)
    upgrade.prepare()
    fake_parent.mount(Mounted("/late"))
    with pytest.raises(TwostepError) as caught:
        upgrade.take_down()
    assert (caught.value.code, stands(fake_parent)) == ("slot_in_use", ("serving", "1.0.0", 1))


def test_fake_parent_what_was_taken_is_proven(fake_parent: WarmDouble) -> None:
    upgrade = warm(fake_parent)
    upgrade.prepare()
    upgrade.take_down()
    fake_parent.adopt = lambda *_arguments, **_words: None  # type: ignore[method-assign]
    with pytest.raises(TwostepError) as caught:
        upgrade.replace()
    assert (caught.value.code, caught.value.message) == ("not_proven", "Slot data took 1.1.0, but is empty with nothing.")
    assert caught.value.next_step == "Read the kernel log of the host."


def through(upgrade: Warm, last: str) -> None:
    for step in ("prepare", "take_down", "replace", "bring_back"):
        getattr(upgrade, step)()
        if step == last:
            return


@pytest.mark.parametrize(
    ("last", "generation", "calls"),
    [("prepare", 1, []), ("take_down", 3, [*DOWN, *UP]), ("replace", 5, [*DOWN, SETTLE, *UP]), ("bring_back", 5, [*DOWN, *UP, *DOWN, *UP])],
)
def test_fake_parent_back_from_each_point(fake_parent: WarmDouble, last: str, generation: int, calls: list) -> None:
    everybody = fake_parent.users()
    upgrade = warm(fake_parent)
    through(upgrade, last)
    upgrade.go_back()
    assert (stands(fake_parent), fake_parent.users()) == (("serving", "1.0.0", generation), everybody)
    assert without_settle(fake_parent.calls) == without_settle(calls)


def test_fake_parent_the_old_module_is_loaded_again_on_the_way_back(fake_parent: WarmDouble) -> None:
    upgrade = warm(fake_parent)
    through(upgrade, "take_down")
    fake_parent.drop(module_of("1.0.0"))
    fake_parent.calls.clear()
    upgrade.go_back()
    assert fake_parent.calls[0] == ["modprobe", module_of("1.0.0")]
    assert stands(fake_parent) == ("serving", "1.0.0", 3)


def recovered(fake: WarmDouble) -> str:
    """Return what another process says that finds the files only."""
    return Warm(fake.world, swap_folder.read_request(fake.paths, "data-1")).recover()


ALL = f" Brought back: unit web.service, mount /srv, swap {DISK}p2, {DISK} in md0."


@pytest.mark.parametrize(
    ("last", "version", "generation", "text"),
    [("prepare", "1.0.0", 1, ""), ("take_down", "1.0.0", 3, ALL), ("replace", "1.1.0", 3, ALL), ("bring_back", "1.1.0", 3, "")],
)
def test_fake_parent_after_a_death_at_each_point(fake_parent: WarmDouble, last: str, version: str, generation: int, text: str) -> None:
    everybody = fake_parent.users()
    through(warm(fake_parent), last)
    fake_parent.calls.clear()
    assert recovered(fake_parent) == text
    assert (stands(fake_parent), fake_parent.users()) == (("serving", version, generation), everybody)
    assert without_settle(fake_parent.calls) == (UP if text else [])
    fake_parent.calls.clear()
    assert (recovered(fake_parent), fake_parent.calls) == ("", [])


def test_fake_parent_dead_halfway_only_what_is_missing_is_brought_back(fake_parent: WarmDouble) -> None:
    warm(fake_parent).prepare()
    fake_parent.run(["systemctl", "stop", "--", "web.service"])
    fake_parent.run(["umount", "--", "/srv"])
    assert recovered(fake_parent) == " Brought back: unit web.service, mount /srv."
    assert fake_parent.writes == []


def test_fake_parent_dead_before_anything_was_written_down(fake_parent: WarmDouble) -> None:
    warm(fake_parent)
    fake_parent.set(state="empty", version="", module="")
    assert recovered(fake_parent) == ""
    assert (fake_parent.calls, fake_parent.writes) == ([], [])


@pytest.mark.parametrize(
    "damage", [lambda text: b"", lambda text: text[:-9], lambda text: b"\xff" + text, lambda text: text.replace(b'"mount"', b'"mounts"')]
)
def test_fake_parent_nobody_is_started_by_a_damaged_list(fake_parent: WarmDouble, damage: Callable[[bytes], bytes]) -> None:
    through(warm(fake_parent), "take_down")
    fake_parent.calls.clear()
    path = swap_folder.consumers_file(fake_parent.paths, "data-1")
    with open(path, "rb") as stream:
        text = stream.read()
    with open(path, "wb") as stream:
        stream.write(damage(text))
    with pytest.raises(TwostepError) as caught:
        recovered(fake_parent)
    assert (caught.value.code, caught.value.message) == ("bad_swap_file", f"{path} is damaged: it does not say what was stopped.")
    assert (fake_parent.calls, fake_parent.users()[0], stands(fake_parent)) == ([], [], ("serving", "1.0.0", 3))  # that needs no list


def test_fake_parent_what_cannot_be_brought_back_can_be_tried_again(fake_parent: WarmDouble) -> None:
    everybody = fake_parent.users()
    through(warm(fake_parent), "take_down")
    fake_parent.deaf = ["swapon"]
    with pytest.raises(TwostepError) as caught:
        recovered(fake_parent)
    assert caught.value.code == "consumer_not_restarted"
    assert fake_parent.users() == (everybody[0], everybody[1], [], everybody[3])  # it keeps none of the others down
    fake_parent.deaf = []
    assert recovered(fake_parent) == f" Brought back: swap {DISK}p2."
    assert (stands(fake_parent), fake_parent.users()) == (("serving", "1.0.0", 3), everybody)


def test_fake_parent_copies_are_waited_for_an_hour_at_most(fake_parent: WarmDouble) -> None:
    upgrade = warm(fake_parent)
    through(upgrade, "replace")
    fake_parent.lasting = True
    upgrade.bring_back()
    with pytest.raises(TwostepError) as caught:
        upgrade.await_redundancy()
    assert caught.value.message.startswith(f"After 3600 s {LEG.name} has not all its copies again: ")
    assert fake_parent.clock_ns < 3610 * 1_000_000_000


def test_fake_parent_all_that_did_not_come_back_is_told(fake_parent: WarmDouble) -> None:
    through(warm(fake_parent), "take_down")
    fake_parent.deaf = ["swapon", "mdadm"]
    with pytest.raises(TwostepError) as caught:
        recovered(fake_parent)
    assert f"swap {DISK}p2 was not restarted" in caught.value.message
    assert f"{DISK} in md0 was not restarted" in caught.value.message
    assert [entry["name"] for entry in caught.value.data["missing"]] == ["md0", f"{DISK}p2"]


def test_fake_parent_units_stay_down_without_a_mount_that_they_may_need(fake_parent: WarmDouble) -> None:
    everybody = fake_parent.users()
    through(warm(fake_parent), "take_down")
    fake_parent.deaf = ["mount"]
    with pytest.raises(TwostepError) as caught:
        recovered(fake_parent)
    assert caught.value.message == "mount /srv was not restarted: mount: no. unit web.service was not restarted: /srv is not mounted."
    assert caught.value.next_step.startswith("Bring it back by hand: mount ")
    assert fake_parent.users() == ([], [], everybody[2], everybody[3])
    fake_parent.deaf = []
    assert recovered(fake_parent) == " Brought back: unit web.service, mount /srv."
    assert fake_parent.users() == everybody
