# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction of a reload against a pretended host: what is loaded, installed and stopped afterwards, whatever fails."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload_request import ReloadResult
from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger, reload, reload_folder, request_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import (
    EVERYBODY,
    LOWER,
    NOBODY,
    UPPER,
    ReloadDouble,
    identity,
)
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK, SETTLE

PHASES = ["prepare", "take_down", "unload", "load", "bring_back", "initramfs", "redundancy"]
DOWN = [
    ["systemctl", "stop", "--", "web.service"],
    ["umount", "--", "/srv"],
    ["swapoff", "--", f"{DISK}p2"],
    ["mdadm", "/dev/md0", "--fail", DISK],
    ["mdadm", "/dev/md0", "--remove", DISK],
]
RELOAD = [["rmmod", "upper"], ["rmmod", "lower"], ["modprobe", "lower"], ["modprobe", "upper"]]
UP = [
    ["mdadm", "/dev/md0", "--re-add", DISK],
    ["swapon", "-p", "7", "--", f"{DISK}p2"],
    ["mount", "-t", "ext4", "-o", "rw,noatime", "--", f"{DISK}p1", "/srv"],
    ["systemctl", "start", "--", "web.service"],
]
STOP_MAKER = ["systemctl", "stop", "--", "maker.service"]
START_MAKER = ["systemctl", "start", "--", "maker.service"]
OLD, NEW = ["1.0", "1.0"], ["2.0", "2.0"]
SHOWN = {version: str(identity(version)) for version in ("1.0", "2.0", "3.0")}
BOTH_OLD = f"lower is {SHOWN['1.0']}, the old one; upper is {SHOWN['1.0']}, the old one."


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor()
    return fake


@pytest.fixture
def uncopied(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor(kept=False)
    return fake


def perform(fake: ReloadDouble, **changes: object) -> ReloadResult:
    fake.calls.clear()
    return reload.Transaction(fake.world, replace(fake.request(), **changes)).perform()


def stuck(fake: ReloadDouble, **changes: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        perform(fake, **changes)
    return caught.value


def phases(result: ReloadResult) -> list[str]:
    return [phase.phase if phase.event == "end" else f"{phase.phase} {phase.event}" for phase in result.phases]


def notes(fake: ReloadDouble) -> tuple[str, ...]:
    paths = [fake.look(name).path for name in (LOWER, UPPER)]
    return tuple(f"The file {path} is {SHOWN['1.0']} again: install the package again before the next try." for path in paths)


def test_fake_parent_everybody_is_on_the_new_modules(fake_parent: ReloadDouble) -> None:
    result = perform(fake_parent)
    assert (result.outcome, result.code, result.message, result.next_step, result.notes) == ("reloaded", "", "", "", ())
    assert (result.reload_id, result.run_id, result.is_good) == ("reload-1", "run-1", True)
    assert phases(result) == PHASES
    assert [call for call in fake_parent.calls if call != SETTLE] == [*DOWN, *RELOAD, *UP]
    assert (fake_parent.loaded(), fake_parent.installed(), fake_parent.users()) == (NEW, NEW, EVERYBODY)
    assert fake_parent.unserved == []


def test_fake_parent_the_ledger_tells_of_each_phase(fake_parent: ReloadDouble) -> None:
    perform(fake_parent)
    lines = ledger.read(fake_parent.paths)
    assert [(line.phase, line.event) for line in lines] == [(phase, event) for phase in PHASES for event in ("begin", "end")]
    assert {(line.run_id, line.swap_id, line.slot) for line in lines} == {("run-1", "reload-1", "")}
    assert lines[1].data["consumers"] == ["unit web.service", "mount /srv", f"swap {DISK}p2", f"{DISK} in md0"]
    assert lines[7].data["modules"] == {"lower": SHOWN["2.0"], "upper": SHOWN["2.0"]}


def test_fake_parent_who_is_stopped_is_written_down_before(fake_parent: ReloadDouble) -> None:
    def look(argv: list[str]) -> None:
        text = reload_folder.requests(fake_parent.paths).read("reload-1", "consumers.json")
        seen.append((argv[0], [one["name"] for one in json.loads(text or "{}").get("consumers", [])]))

    seen: list = []
    fake_parent.on_act = look
    perform(fake_parent)
    assert seen[0] == ("systemctl", ["web.service", "/srv", f"{DISK}p2", "md0"])


def test_fake_parent_makers_of_disks_are_stopped_last_and_started_first(fake_parent: ReloadDouble) -> None:
    disk, away = fake_parent.root / "sys/block/twostep!data", fake_parent.root / "away"

    def make(argv: list[str]) -> None:
        if argv == STOP_MAKER:
            disk.rename(away)
        elif argv == START_MAKER:
            away.rename(disk)

    fake_parent.on_act = make
    fake_parent.running.append("maker.service")
    assert perform(fake_parent, device_units=("maker.service", "idle.service")).is_good
    assert [call for call in fake_parent.calls if call != SETTLE] == [*DOWN, STOP_MAKER, *RELOAD, START_MAKER, *UP]


def test_fake_parent_a_disk_that_its_unit_leaves_there_is_not_unloaded_under(fake_parent: ReloadDouble) -> None:
    fake_parent.running.append("maker.service")
    result = perform(fake_parent, device_units=("maker.service", "idle.service"))
    assert (result.outcome, result.code) == ("returned", "consumer_not_stopped")
    assert result.message == f"{DISK} is still there after maker.service, idle.service was stopped. {BOTH_OLD}"
    assert [call for call in fake_parent.calls if call != SETTLE] == [*DOWN, STOP_MAKER, START_MAKER, *UP]
    assert (fake_parent.installed(), fake_parent.users()[1:]) == (NEW, EVERYBODY[1:])


def test_fake_parent_no_disk_no_users(fake_parent: ReloadDouble) -> None:
    fake_parent.mounted, fake_parent.swaps, fake_parent.running = [], {}, []
    fake_parent.leave("md0", DISK)
    assert perform(fake_parent, devices=(), units=()).is_good
    assert [call for call in fake_parent.calls if call != SETTLE] == RELOAD


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda fake: fake.install_file(UPPER, "3.0"), UPPER),
        (lambda fake: fake.load_module(LOWER, "3.0"), LOWER),
        (lambda fake: fake.unload_module(UPPER), UPPER),
        (lambda fake: fake.put(fake.root / "sys/module/lower/initstate", "going"), LOWER),
    ],
)
def test_fake_parent_what_is_no_longer_so_is_not_touched(fake_parent: ReloadDouble, change: Callable, name: str) -> None:
    request = fake_parent.request()
    change(fake_parent)
    fake_parent.calls.clear()
    result = reload.Transaction(fake_parent.world, request).perform()
    assert (result.outcome, result.code, phases(result)) == ("failed", "stale_reload", ["prepare fail"])
    assert result.message.startswith(f"{name} is no longer as it was when this was asked for. lower is ")
    assert result.next_step == "Run the same task again: it looks afresh."
    assert (fake_parent.calls, fake_parent.users()) == ([], EVERYBODY)


def test_fake_parent_who_cannot_be_stopped_is_told_before_anybody_is(fake_parent: ReloadDouble) -> None:
    fake_parent.build(bitmap="none")
    result = perform(fake_parent)
    assert (result.outcome, result.code, phases(result)) == ("failed", "consumer_not_spare", ["prepare fail"])
    assert result.message.endswith(BOTH_OLD)
    assert (fake_parent.calls, fake_parent.users()) == ([], EVERYBODY)
    assert reload_folder.requests(fake_parent.paths).read("reload-1", "consumers.json") is None


def test_fake_parent_a_full_disk_stops_nobody(fake_parent: ReloadDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    request = fake_parent.request()

    def full(path: str, _text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(request_folder, "write", full)
    fake_parent.calls.clear()
    result = reload.Transaction(fake_parent.world, request).perform()
    assert (result.outcome, result.code, fake_parent.calls, fake_parent.users()) == ("failed", "write_failed", [], EVERYBODY)


def test_fake_parent_a_disk_that_is_gone(fake_parent: ReloadDouble) -> None:
    result = perform(fake_parent, devices=("/dev/sdz",))
    assert (result.outcome, result.code, fake_parent.calls) == ("failed", "no_disk", [])


def test_fake_parent_one_that_does_not_let_go_has_the_others_back(fake_parent: ReloadDouble) -> None:
    fake_parent.deaf = ["swapoff"]
    result = perform(fake_parent)
    assert (result.outcome, result.code, phases(result)) == ("returned", "consumer_not_stopped", ["prepare", "take_down fail", "go_back"])
    assert result.message == f"swap {DISK}p2 was not stopped: swapoff: no. {BOTH_OLD}"
    assert (fake_parent.loaded(), fake_parent.installed(), fake_parent.users(), result.notes) == (OLD, NEW, EVERYBODY, ())
    assert not [call for call in fake_parent.calls if call[0] in ("rmmod", "modprobe", "depmod")]


def test_fake_parent_a_first_module_that_stays_changes_no_file(fake_parent: ReloadDouble) -> None:
    fake_parent.stuck = [UPPER]
    result = perform(fake_parent)
    assert (result.outcome, result.code) == ("returned", "module_in_use")
    assert phases(result) == ["prepare", "take_down", "unload fail", "go_back"]
    assert result.message == f"Module upper cannot be unloaded: in use. {BOTH_OLD}"
    assert (fake_parent.loaded(), fake_parent.installed(), fake_parent.users(), result.notes) == (OLD, NEW, EVERYBODY, ())


def test_fake_parent_of_a_set_that_is_partly_unloaded_the_old_one_comes_back(fake_parent: ReloadDouble) -> None:
    fake_parent.stuck = [LOWER]
    result = perform(fake_parent)
    assert (result.outcome, result.code, result.message) == (
        "returned",
        "module_in_use",
        f"Module lower cannot be unloaded: in use. {BOTH_OLD}",
    )
    assert (fake_parent.loaded(), fake_parent.installed(), fake_parent.users()) == (OLD, OLD, EVERYBODY)
    assert result.notes == notes(fake_parent)
    assert fake_parent.calls.count(["rmmod", "lower"]) == 1  # the one that stays is left alone


def test_fake_parent_without_copies_old_and_new_are_not_mixed(uncopied: ReloadDouble) -> None:
    uncopied.stuck = [LOWER]
    error = stuck(uncopied)
    assert (error.code, uncopied.loaded(), uncopied.users()) == ("module_in_use", ["1.0", "-"], NOBODY)
    request = reload_folder.read_request(uncopied.paths, "reload-1")
    with pytest.raises(TwostepError):
        reload.settle(uncopied.world, request)
    assert uncopied.loaded() == ["1.0", "-"]
    uncopied.stuck = []
    assert reload.settle(uncopied.world, request).notes == ()
    assert (uncopied.loaded(), uncopied.installed(), uncopied.users()) == (NEW, NEW, EVERYBODY)


@pytest.mark.parametrize(
    ("refused", "name", "unloaded"), [("2.0", LOWER, []), ("upper 2.0", UPPER, [["rmmod", "lower"]])], ids=["first", "second"]
)
def test_fake_parent_a_new_module_that_does_not_load(fake_parent: ReloadDouble, refused: str, name: str, unloaded: list) -> None:
    fake_parent.refused = [refused]
    fake_parent.log = "[1.0] other: fine\n[2.0] lower: disagrees about version of symbol module_layout\n"
    result = perform(fake_parent)
    assert (result.outcome, result.code) == ("returned", "load_failed")
    assert phases(result) == ["prepare", "take_down", "unload", "load fail", "go_back", "initramfs"]
    assert result.message == (
        f"Module {name} cannot be loaded: Exec format error. The kernel log says: "
        f"[2.0] lower: disagrees about version of symbol module_layout {BOTH_OLD}"
    )
    assert result.next_step == "Build the module for the running kernel; the kernel log names the difference."
    assert (fake_parent.loaded(), fake_parent.installed(), fake_parent.users()) == (OLD, OLD, EVERYBODY)
    assert (result.notes, fake_parent.unserved) == (notes(fake_parent), [])
    after = fake_parent.calls[fake_parent.calls.index(["modprobe", name]) + 1 :]
    assert [call for call in after if call[0] == "rmmod"] == unloaded


def test_fake_parent_that_the_wrong_module_was_loaded_is_seen(fake_parent: ReloadDouble) -> None:
    def install_another(argv: list[str]) -> None:
        if argv == ["rmmod", UPPER] and not done:
            done.append(fake_parent.install_file(LOWER, "3.0"))

    done: list = []
    fake_parent.on_act = install_another
    result = perform(fake_parent)
    assert (result.outcome, result.code) == ("returned", "not_proven")
    path = fake_parent.look(LOWER).path
    assert result.message == f"Module lower was loaded, but is {SHOWN['3.0']}, not the {SHOWN['2.0']} of {path}. {BOTH_OLD}"
    assert result.next_step == "Run depmod, and look for a second file of that name below /lib/modules."
    assert (fake_parent.loaded(), fake_parent.installed(), fake_parent.users()) == (OLD, OLD, EVERYBODY)


def test_fake_parent_new_modules_that_nobody_comes_back_on(fake_parent: ReloadDouble) -> None:
    fake_parent.useless = ["2.0"]
    result = perform(fake_parent)
    assert (result.outcome, result.code) == ("returned", "consumer_not_restarted")
    assert phases(result) == ["prepare", "take_down", "unload", "load", "bring_back fail", "go_back", "initramfs"]
    assert f"{DISK} in md0 was not restarted: mdadm: no. swap {DISK}p2 was not restarted: swapon: no." in result.message
    assert result.message.endswith(BOTH_OLD)
    assert (fake_parent.loaded(), fake_parent.installed(), fake_parent.users()) == (OLD, OLD, EVERYBODY)
    assert result.notes == notes(fake_parent)


def test_fake_parent_one_that_does_not_come_back_takes_the_others_along(fake_parent: ReloadDouble) -> None:
    mended = fake_parent._do

    def no_swap_on_the_new_one(argv: list[str]) -> None:
        if argv[0] != "swapon" or fake_parent.loaded() == OLD:
            mended(argv)

    fake_parent._do = no_swap_on_the_new_one  # type: ignore[method-assign]
    result = perform(fake_parent)
    assert (result.outcome, result.message) == ("returned", f"swap {DISK}p2 was not restarted. {BOTH_OLD}")
    assert (fake_parent.loaded(), fake_parent.users()) == (OLD, EVERYBODY)
    stops = [call for call in fake_parent.calls if call[:2] == ["systemctl", "stop"]]
    assert len(stops) == 2  # it had come back, and made way


def test_fake_parent_without_copies_the_new_ones_are_loaded_anew(uncopied: ReloadDouble) -> None:
    uncopied.deaf = ["mount"]

    def mend(argv: list[str]) -> None:
        if uncopied.calls.count(["rmmod", "lower"]) == 2:
            uncopied.deaf = []

    uncopied.on_act = mend
    result = perform(uncopied)
    assert (result.outcome, result.code, result.notes) == ("failed", "consumer_not_restarted", ())
    assert result.message.endswith(f" lower is {SHOWN['2.0']}; upper is {SHOWN['2.0']}.")
    assert (uncopied.loaded(), uncopied.installed(), uncopied.users()) == (NEW, NEW, EVERYBODY)


def test_fake_parent_without_copies_a_module_that_does_not_load_leaves_no_result(uncopied: ReloadDouble) -> None:
    uncopied.refused = ["2.0"]
    error = stuck(uncopied)
    assert (error.code, error.message) == (
        "wrong_kernel",
        "Module lower cannot be loaded: Exec format error. Not everything is back: Module lower cannot be loaded: Exec format error.",
    )
    assert (uncopied.loaded(), uncopied.users()) == (["-", "-"], NOBODY)
    assert reload_folder.unfinished(uncopied.paths) is not None
    for name in (LOWER, UPPER):
        uncopied.install_file(name, "1.0")
    result = reload.settle(uncopied.world, reload_folder.read_request(uncopied.paths, "reload-1"))
    assert (result.code, uncopied.loaded(), uncopied.users()) == ("agent_died", OLD, EVERYBODY)


def test_fake_parent_a_copy_of_one_module_is_not_put_beside_new_ones(uncopied: ReloadDouble) -> None:
    uncopied.install_file(LOWER, "1.0")
    uncopied.keep(LOWER)
    uncopied.install_file(LOWER, "2.0")
    uncopied.refused = ["upper 2.0"]
    assert stuck(uncopied).code == "wrong_kernel"
    assert (uncopied.loaded(), uncopied.installed()) == (["2.0", "-"], NEW)


def test_fake_parent_a_copy_that_cannot_be_installed_leaves_no_result_and_the_next_call_goes_on(fake_parent: ReloadDouble) -> None:
    fake_parent.refused = ["2.0"]
    fake_parent.depmod_fails = True
    error = stuck(fake_parent)
    assert error.code == "not_put_back"
    assert error.message.startswith("Module lower cannot be loaded: Exec format error. Not everything is back: /")
    assert reload_folder.read_result(fake_parent.paths, "reload-1") is None
    fake_parent.depmod_fails = False
    result = reload.settle(fake_parent.world, reload_folder.read_request(fake_parent.paths, "reload-1"))
    assert result.message == (
        f"The agent of reload reload-1 ended without an answer. {BOTH_OLD} "
        f"Brought back: unit web.service, mount /srv, swap {DISK}p2, {DISK} in md0."
    )
    assert (result.notes, result.next_step) == (notes(fake_parent), "Run the same task again: it looks afresh.")
    assert (fake_parent.loaded(), fake_parent.installed(), fake_parent.users()) == (OLD, OLD, EVERYBODY)


def test_fake_parent_copies_that_take_longer_are_told_and_nothing_is_undone(fake_parent: ReloadDouble) -> None:
    fake_parent.lasting = True
    result = perform(fake_parent)
    assert (result.outcome, result.code, phases(result)[-1]) == ("failed", "not_redundant", "redundancy fail")
    assert result.message.startswith("After 3600 s md0 has not all its copies again: ")
    assert result.message.endswith(f" lower is {SHOWN['2.0']}; upper is {SHOWN['2.0']}.")
    assert (fake_parent.loaded(), fake_parent.users(), result.notes) == (NEW, EVERYBODY, ())


def test_fake_parent_dead_before_anything_was_written_down(fake_parent: ReloadDouble) -> None:
    request = fake_parent.request()
    fake_parent.calls.clear()
    result = reload.settle(fake_parent.world, request)
    assert result.message == f"The agent of reload reload-1 ended without an answer. {BOTH_OLD}"
    assert (result.outcome, result.code, phases(result), fake_parent.calls) == ("failed", "agent_died", ["settle"], [])
    assert reload_folder.read_result(fake_parent.paths, "reload-1") == result
    assert reload_folder.unfinished(fake_parent.paths) is None


def test_fake_parent_nobody_is_started_by_a_damaged_list(fake_parent: ReloadDouble) -> None:
    request = fake_parent.request()
    reload_folder.requests(fake_parent.paths).put("reload-1", "consumers.json", "{")
    with pytest.raises(TwostepError) as caught:
        reload.settle(fake_parent.world, request)
    assert (caught.value.code, reload_folder.read_result(fake_parent.paths, "reload-1")) == ("bad_swap_file", None)


def test_fake_parent_an_old_user_that_does_not_come_back_is_tried_again(fake_parent: ReloadDouble) -> None:
    fake_parent.stuck, fake_parent.deaf = [UPPER], ["mount"]
    assert stuck(fake_parent).code == "consumer_not_restarted"
    request = reload_folder.read_request(fake_parent.paths, "reload-1")
    with pytest.raises(TwostepError) as caught:
        reload.settle(fake_parent.world, request)
    assert caught.value.message == "mount /srv was not restarted: mount: no. unit web.service was not restarted: /srv is not mounted."
    assert (fake_parent.loaded(), fake_parent.installed()) == (OLD, NEW)
    fake_parent.deaf = []
    assert reload.settle(fake_parent.world, request).message.endswith(" Brought back: unit web.service, mount /srv.")
    assert fake_parent.users() == EVERYBODY


def test_fake_parent_what_stands_is_told_of_a_module_that_is_not_loaded(fake_parent: ReloadDouble) -> None:
    request = fake_parent.request()
    fake_parent.unload_module(UPPER)
    fake_parent.answers["dmesg"] = Result(0, "", "")
    assert reload.stands(fake_parent.world, request) == f"lower is {SHOWN['1.0']}, the old one; upper is not loaded."
