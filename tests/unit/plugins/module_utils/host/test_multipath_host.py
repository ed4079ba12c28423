# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A path of a multipath map: what is read of the map, how the path leaves it and comes back, and that both are proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.multipath import Map
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import consumers, multipath, swap_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.plugins.module_utils.host.warm import Warm
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import module_of
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.multipath_double import (
    DAEMON,
    MOVED,
    PATH,
    TABLE,
    UUID,
    WITHOUT,
    MultipathDouble,
)
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import SETTLE

STATUS = "0 98304 multipath 2 0 0 0 1 1 A 0 2 0 259:0 A 0 7:1 A 0 \n"
RESUME = ["dmsetup", "resume", "--noflush", "--nolockfs", "--uuid", UUID]
DELETE = ["multipathd", "del", "path", "twostep/data"]
ADD = ["multipathd", "add", "path", "twostep/data"]


def load(table: str) -> list[str]:
    return ["dmsetup", "load", "--uuid", UUID, "--table", table]


@pytest.fixture
def fake_parent(tmp_path) -> MultipathDouble:
    return MultipathDouble(tmp_path)


def taken_out(fake: MultipathDouble) -> None:
    consumers.release(fake.world, PATH)
    fake.calls.clear()


def test_fake_parent_what_is_found_of_a_map(fake_parent: MultipathDouble) -> None:
    found = consumers.look(fake_parent.world, ["twostep!data"], [])
    assert found.maps == {"dm-3": Map("shared", UUID, f"{TABLE} \n", STATUS)}
    assert (found.legs, fake_parent.calls) == ({}, [])
    assert fake_parent.reads == [["dmsetup", "table", "--uuid", UUID], ["dmsetup", "status", "--uuid", UUID]]


@pytest.mark.parametrize("state", ["active", "activating", "reloading"])
def test_fake_parent_what_multipathd_says_of_it(fake_parent: MultipathDouble, state: str) -> None:
    fake_parent.answers["systemctl"] = Result(0, f"ActiveState={state}\n", "")
    found = multipath.look(fake_parent.world, "dm-3")
    assert found is not None
    assert found.daemon == "259:0,active,ready,shared\n7:1,active,ready,shared\n"
    assert fake_parent.reads[0] == ["multipathd", "show", "paths", "raw", "format", "%D,%t,%T,%m"]
    assert fake_parent.calls == [["systemctl", "show", "--property=ActiveState", "--", "multipathd.service"]]


@pytest.mark.parametrize("state", ["inactive", "failed", "deactivating", ""])
def test_fake_parent_multipathd_is_not_asked_where_it_does_not_run(fake_parent: MultipathDouble, state: str) -> None:
    fake_parent.answers["systemctl"] = Result(0, f"ActiveState={state}\n", "")
    found = multipath.look(fake_parent.world, "dm-3")
    assert found is not None
    assert (found.daemon, [argv[0] for argv in fake_parent.reads]) == (None, ["dmsetup", "dmsetup"])


def test_fake_parent_a_program_that_fails_tells_nothing(fake_parent: MultipathDouble) -> None:
    fake_parent.running = [DAEMON]
    fake_parent.answers = {"dmsetup": Result(1, TABLE, "no"), "multipathd": Result(1, "fail\n", "")}
    assert multipath.look(fake_parent.world, "dm-3") == Map("shared", UUID, None, None, daemon="")
    assert not consumers.is_there(fake_parent.world, PATH)


def test_fake_parent_a_program_that_is_not_installed_tells_nothing(fake_parent: MultipathDouble) -> None:
    def run(argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        raise TwostepError("no_command", f"The program {argv[0]!r} is not installed on this host.", "Install it.")

    world = replace(fake_parent.world, run=run)
    assert multipath.look(world, "dm-3") == Map("shared", UUID, None, None)
    assert not consumers.is_there(world, PATH)


@pytest.mark.parametrize("holder", ["dm-0", "dm-9", "md0"])
def test_fake_parent_what_is_no_multipath_map(fake_parent: MultipathDouble, holder: str) -> None:
    assert multipath.look(fake_parent.world, holder) is None


@pytest.mark.parametrize(("text", "suspended"), [("0", False), ("1", True), ("", True)])
def test_fake_parent_a_suspended_map(fake_parent: MultipathDouble, text: str, suspended: bool) -> None:
    fake_parent.put(fake_parent.map / "dm/suspended", text)
    found = multipath.look(fake_parent.world, "dm-3")
    assert found is not None
    assert found.suspended == suspended


def test_fake_parent_a_path_leaves_and_comes_back_by_a_table(fake_parent: MultipathDouble) -> None:
    assert consumers.is_there(fake_parent.world, PATH)
    consumers.release(fake_parent.world, PATH)
    assert (fake_parent.calls, fake_parent.live) == ([load(WITHOUT), RESUME], WITHOUT)
    assert not consumers.is_there(fake_parent.world, PATH)
    fake_parent.calls.clear()
    fake_parent.number = "259:7"
    fake_parent.show()
    consumers.restore(fake_parent.world, PATH)
    assert (fake_parent.calls, fake_parent.live, fake_parent.slept) == ([SETTLE, load(MOVED), RESUME], MOVED, [])
    assert consumers.is_there(fake_parent.world, PATH)


def test_fake_parent_a_path_leaves_and_comes_back_by_multipathd(fake_parent: MultipathDouble) -> None:
    fake_parent.running = [DAEMON]
    consumers.release(fake_parent.world, PATH)
    assert (fake_parent.calls, fake_parent.live) == ([DELETE], WITHOUT)
    fake_parent.calls.clear()
    consumers.restore(fake_parent.world, PATH)
    assert (fake_parent.calls, fake_parent.live, fake_parent.slept) == ([SETTLE, ADD], TABLE, [])


def test_fake_parent_a_plain_disk_needs_no_quotes(fake_parent: MultipathDouble) -> None:
    fake_parent.running = [DAEMON]
    assert multipath.come_back(fake_parent.world, replace(PATH, device="/dev/sdb")) == [["multipathd", "add", "path", "sdb"]]


def test_fake_parent_multipathd_is_waited_for(fake_parent: MultipathDouble) -> None:
    fake_parent.running = [DAEMON]
    taken_out(fake_parent)
    fake_parent.late = 3
    consumers.restore(fake_parent.world, PATH)
    assert (fake_parent.calls, fake_parent.live) == ([SETTLE, ADD], TABLE)
    assert 1 <= len(fake_parent.slept) <= 3


def test_fake_parent_both_can_be_repeated(fake_parent: MultipathDouble) -> None:
    consumers.restore(fake_parent.world, PATH)
    assert fake_parent.calls == []
    taken_out(fake_parent)
    consumers.release(fake_parent.world, PATH)
    assert fake_parent.calls == []


def test_fake_parent_what_udev_brings_back_meanwhile_is_left_alone(fake_parent: MultipathDouble) -> None:
    taken_out(fake_parent)
    fake_parent.on_settle = lambda: setattr(fake_parent, "live", TABLE)
    consumers.restore(fake_parent.world, PATH)
    assert fake_parent.calls == [SETTLE]


def test_fake_parent_a_map_that_is_read_only_stays_so(fake_parent: MultipathDouble) -> None:
    fake_parent.put(fake_parent.map / "ro", "1")
    consumers.release(fake_parent.world, PATH)
    assert fake_parent.calls == [["dmsetup", "load", "--readonly", "--uuid", UUID, "--table", WITHOUT], RESUME]


def test_fake_parent_a_map_is_found_by_its_uuid_where_its_number_is_another(fake_parent: MultipathDouble) -> None:
    taken_out(fake_parent)
    fake_parent.map.rename(fake_parent.root / "sys/block/dm-8")
    fake_parent.put(fake_parent.root / "sys/block/dm-3/dm/uuid", "LVM-else")
    (fake_parent.root / "sys/block/twostep!data/holders/dm-3").mkdir()
    assert multipath.has_let_go(fake_parent.world, PATH)
    (fake_parent.root / "sys/block/twostep!data/holders/dm-8").symlink_to("nowhere")
    assert not multipath.has_let_go(fake_parent.world, PATH)


def test_fake_parent_without_its_map_a_path_has_left_and_does_not_come_back(fake_parent: MultipathDouble) -> None:
    fake_parent.put(fake_parent.map / "dm/uuid", "mpath-another")
    fake_parent.answers["dmsetup"] = Result(1, "", "Device does not exist.")
    consumers.release(fake_parent.world, PATH)
    assert fake_parent.calls == []
    with pytest.raises(TwostepError) as caught:
        consumers.restore(fake_parent.world, PATH)
    assert (caught.value.code, caught.value.data) == ("consumer_not_restarted", {"kind": "path", "name": "shared"})
    assert caught.value.message == f"{PATH} was not restarted: its map is gone."
    assert caught.value.next_step == "Look at dmsetup table shared, bring the map into order, and run again."


@pytest.mark.parametrize("how", [{**(PATH.how or {}), "number": "8:8"}, {"uuid": UUID}])
def test_fake_parent_a_path_of_which_nothing_is_known_is_not_put_anywhere(fake_parent: MultipathDouble, how: dict) -> None:
    taken_out(fake_parent)
    with pytest.raises(TwostepError) as caught:
        consumers.restore(fake_parent.world, replace(PATH, how=how))
    assert caught.value.message == f"{PATH} was not restarted: map and disk do not fit each other as they are now."
    assert (fake_parent.calls, fake_parent.live) == ([SETTLE], WITHOUT)


def test_fake_parent_the_last_path_stays_where_another_failed_meanwhile(fake_parent: MultipathDouble) -> None:
    fake_parent.failed = {"7:1"}
    with pytest.raises(TwostepError) as caught:
        consumers.release(fake_parent.world, PATH)
    assert (caught.value.code, caught.value.data) == ("consumer_not_stopped", {"kind": "path", "name": "shared"})
    assert caught.value.message == f"{PATH} was not stopped: no other path of it is active."
    assert (caught.value.next_step, fake_parent.calls) == ("Bring shared into order, and run again.", [])


def test_fake_parent_a_failed_path_is_used_again(fake_parent: MultipathDouble) -> None:
    fake_parent.failed = {"259:0"}
    assert not consumers.is_there(fake_parent.world, PATH)
    consumers.restore(fake_parent.world, PATH)
    assert fake_parent.calls == [SETTLE, ["dmsetup", "message", "--uuid", UUID, "0", "reinstate_path", "259:0"]]


def test_fake_parent_multipathd_uses_a_failed_path_again(fake_parent: MultipathDouble) -> None:
    fake_parent.failed, fake_parent.running = {"259:0"}, [DAEMON]
    consumers.restore(fake_parent.world, PATH)
    assert fake_parent.calls == [SETTLE, ["multipathd", "reinstate", "path", "twostep/data"]]


def test_fake_parent_a_table_that_a_dead_agent_left_is_cleared(fake_parent: MultipathDouble) -> None:
    """It would take the path out at the next resume, whoever does that."""
    fake_parent.waiting = WITHOUT
    assert not consumers.is_there(fake_parent.world, PATH)
    consumers.restore(fake_parent.world, PATH)
    assert (fake_parent.calls, fake_parent.live) == ([SETTLE, ["dmsetup", "clear", "--uuid", UUID]], TABLE)
    assert consumers.is_there(fake_parent.world, PATH)


def test_fake_parent_a_table_that_waits_holds_the_disk_too(fake_parent: MultipathDouble) -> None:
    taken_out(fake_parent)
    fake_parent.waiting = TABLE
    fake_parent.show()
    assert not multipath.has_let_go(fake_parent.world, PATH)


@pytest.mark.parametrize(("deaf", "calls"), [("load", 1), ("resume", 2)])
def test_fake_parent_a_table_that_was_not_taken_is_named(fake_parent: MultipathDouble, deaf: str, calls: int) -> None:
    fake_parent.deaf = [deaf]
    with pytest.raises(TwostepError) as caught:
        consumers.release(fake_parent.world, PATH)
    assert (caught.value.code, caught.value.message) == ("consumer_not_stopped", f"{PATH} was not stopped: dmsetup: no.")
    assert (fake_parent.calls, fake_parent.live) == ([load(WITHOUT), RESUME][:calls], TABLE)
    assert 10.0 <= sum(fake_parent.slept) <= 11.0
    fake_parent.deaf = []
    consumers.restore(fake_parent.world, PATH)
    assert (fake_parent.live, fake_parent.waiting) == (TABLE, "")


@pytest.mark.parametrize("runs", [False, True])
def test_fake_parent_what_does_not_come_back_is_named(fake_parent: MultipathDouble, runs: bool) -> None:
    fake_parent.running = [DAEMON] if runs else []
    taken_out(fake_parent)
    fake_parent.deaf = ["dmsetup", "multipathd"]
    with pytest.raises(TwostepError) as caught:
        consumers.restore(fake_parent.world, PATH)
    by_hand = "multipathd add path twostep/data" if runs else f"dmsetup load --uuid {UUID} --table '{TABLE}' && {' '.join(RESUME)}"
    program = "multipathd" if runs else "dmsetup"
    assert (caught.value.code, caught.value.message) == ("consumer_not_restarted", f"{PATH} was not restarted: {program}: no.")
    assert caught.value.next_step == f"Bring it back by hand: {by_hand}"
    assert 10.0 <= sum(fake_parent.slept) <= 11.0


# A whole warm upgrade of a slot that is a path.


def warm(fake: MultipathDouble) -> Warm:
    request = SwapRequest(
        "data-1", "run-1", "data", "remap", "1.0.0", "1.1.0", 1, "t", mode="warm", path=str(fake.install("1.1.0")),
        module=module_of("1.1.0"), old_module=module_of("1.0.0"),
    )  # fmt: skip
    swap_folder.write_request(fake.paths, request)
    fake.register("1.1.0")
    return Warm(fake.world, request)


def test_fake_parent_a_slot_that_is_a_path_goes_to_the_other_version(fake_parent: MultipathDouble) -> None:
    upgrade = warm(fake_parent)
    assert upgrade.prepare() == ["/dev/twostep/data in shared"]
    upgrade.take_down()
    assert (fake_parent.live, fake_parent.status.slot("data").state) == (WITHOUT, "empty")
    upgrade.replace()
    upgrade.bring_back()
    upgrade.await_redundancy()
    assert (fake_parent.live, fake_parent.waiting, fake_parent.status.slot("data").version) == (MOVED, "", "1.1.0")


@pytest.mark.parametrize(
    ("last", "version", "table", "text"),
    [
        ("prepare", "1.0.0", TABLE, ""),
        ("take_down", "1.0.0", MOVED, " Brought back: /dev/twostep/data in shared."),
        ("replace", "1.1.0", MOVED, " Brought back: /dev/twostep/data in shared."),
        ("bring_back", "1.1.0", MOVED, ""),
    ],
)
def test_fake_parent_after_a_death_the_path_is_put_back_from_what_was_written_down(
    fake_parent: MultipathDouble, last: str, version: str, table: str, text: str
) -> None:
    upgrade = warm(fake_parent)
    for step in ("prepare", "take_down", "replace", "bring_back"):
        getattr(upgrade, step)()
        if step == last:
            break
    assert Warm(fake_parent.world, swap_folder.read_request(fake_parent.paths, "data-1")).recover() == text
    assert (fake_parent.live, fake_parent.waiting, fake_parent.status.slot("data").version) == (table, "", version)


@pytest.mark.parametrize("died_before", ["load", "resume"])
def test_fake_parent_dead_between_two_commands(fake_parent: MultipathDouble, died_before: str) -> None:
    """A program that does nothing stands for one that was never started: what is left is the same."""
    upgrade = warm(fake_parent)
    upgrade.prepare()
    fake_parent.deaf = [died_before]
    with pytest.raises(TwostepError):
        upgrade.take_down()
    fake_parent.deaf = []
    Warm(fake_parent.world, swap_folder.read_request(fake_parent.paths, "data-1")).recover()
    assert (fake_parent.live, fake_parent.waiting, fake_parent.writes) == (TABLE, "", [])
