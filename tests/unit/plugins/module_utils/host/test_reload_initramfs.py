# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload on a pretended host whose initramfs carries the modules: what a boot would load is what serves, or it is told."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload as core_reload
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload_request import ReloadResult
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, ledger, reload
from ansible_collections.twostep.hotswap.plugins.module_utils.host.reload_job import Job
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import (
    EVERYBODY,
    LOWER,
    UPPER,
    ReloadDouble,
    identity,
)
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK

OLD, NEW = ["1.0", "1.0"], ["2.0", "2.0"]
SHOWN = {version: str(identity(version)) for version in ("1.0", "2.0")}
PHASES = ["prepare", "take_down", "unload", "load", "bring_back", "initramfs", "redundancy"]


def perform(fake: ReloadDouble) -> ReloadResult:
    fake.calls.clear()
    return reload.Transaction(fake.world, fake.request()).perform()


def phases(result: ReloadResult) -> list[str]:
    return [phase.phase if phase.event == "end" else f"{phase.phase} {phase.event}" for phase in result.phases]


def with_initramfs(root: Path) -> ReloadDouble:
    fake = ReloadDouble(root)
    fake.vendor(carried=True)
    return fake


MADE = ["update-initramfs", "-u", "-k", RELEASE]
AGAIN = f"See that there is room in /boot, and run it by hand: update-initramfs -u -k {RELEASE}."


def test_fake_parent_an_initramfs_that_carries_the_modules_follows(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    result = perform(fake)
    assert (result.outcome, phases(result), fake.carried()) == ("reloaded", PHASES, NEW)
    assert [line.data["made"] for line in ledger.read(fake.paths) if (line.phase, line.event) == ("initramfs", "end")] == [True]
    made = fake.calls.index(MADE)
    assert (fake.calls.count(MADE), ["systemctl", "start", "--", "web.service"] in fake.calls[:made]) == (1, True)
    assert os.listdir(fake.paths.early) == [".lock"]  # what was unpacked is gone


def test_fake_parent_one_that_carries_what_is_installed_already_is_left_alone(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    fake.carry(LOWER, UPPER)
    result = perform(fake)
    assert (result.outcome, fake.carried(), MADE in fake.calls) == ("reloaded", NEW, False)


def test_fake_parent_one_that_carries_none_of_them_is_not_even_unpacked(tmp_path: Path) -> None:
    fake = ReloadDouble(tmp_path)
    fake.vendor()
    fake.carry()
    assert perform(fake).is_good
    assert (fake.carried(), MADE in fake.calls, os.path.exists(fake.paths.early)) == (["-", "-"], False, False)


def test_fake_parent_an_initramfs_that_cannot_be_made_is_told_and_the_new_modules_serve(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    fake.initramfs_rc = 1
    result = perform(fake)
    assert (result.outcome, result.code, phases(result)[-1]) == ("failed", "initramfs_failed", "initramfs fail")
    assert result.message == (
        f"update-initramfs exited 1 for {RELEASE}: No space left on device. lower is {SHOWN['2.0']}; upper is {SHOWN['2.0']}."
    )
    assert result.next_step == AGAIN
    assert (fake.loaded(), fake.users(), fake.carried()) == (NEW, EVERYBODY, OLD)


def test_fake_parent_one_whose_hooks_take_another_file_is_not_believed(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    fake._make_initramfs = lambda: None  # type: ignore[method-assign]
    result = perform(fake)
    assert (result.outcome, result.code) == ("failed", "initramfs_lags")
    assert result.message.startswith(
        f"{fake.paths.boot}/initrd.img-{RELEASE} was made again, but has still another build of lower, upper than is installed. lower is "
    )


def test_fake_parent_after_a_way_back_the_initramfs_is_the_old_one_again(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    fake.carry(LOWER, UPPER)  # whoever installed the new ones has made it
    fake.refused = ["upper 2.0"]
    result = perform(fake)
    assert (result.outcome, result.code, phases(result)[-2:]) == ("returned", "load_failed", ["go_back", "initramfs"])
    assert (fake.loaded(), fake.installed(), fake.carried(), fake.users()) == (OLD, OLD, OLD, EVERYBODY)


def test_fake_parent_after_a_way_back_one_that_cannot_be_made_is_a_note(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    fake.carry(LOWER, UPPER)
    fake.refused, fake.initramfs_rc = ["2.0"], 1
    result = perform(fake)
    assert (result.outcome, result.code, fake.loaded(), fake.carried()) == ("returned", "load_failed", OLD, NEW)
    assert result.notes[-1] == f"update-initramfs exited 1 for {RELEASE}: No space left on device. Next: {AGAIN}"


def test_fake_parent_what_nobody_went_to_leaves_the_initramfs_alone(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    fake.stuck = [UPPER]
    result = perform(fake)
    assert (result.code, phases(result)[-1], fake.installed(), fake.carried()) == ("module_in_use", "go_back", NEW, OLD)


def test_fake_parent_without_a_program_that_lists_it_that_is_a_note(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    run = fake.world.run

    def without(argv: list[str], **options: object) -> Result:
        if argv[0].startswith("lsinit"):
            raise TwostepError("no_command", "x", "y")
        return run(argv, **options)

    fake.calls.clear()
    result = reload.Transaction(replace(fake.world, run=without), fake.request()).perform()
    note = (
        f"Whether {fake.paths.boot}/initrd.img-{RELEASE} has the modules was not looked at: neither lsinitramfs nor lsinitrd is installed."
    )
    assert (result.outcome, result.notes) == ("reloaded", (note,))


def job(fake: ReloadDouble, *modules: str) -> Job:
    wanted = core_reload.wish(list(modules) or [LOWER, UPPER], devices=[DISK], units=["web.service"])
    return Job(fake.world, wanted, "/usr/bin/python3", lambda: "/agent.pyz", lambda: "0")


def test_fake_parent_the_next_call_makes_up_for_one_that_could_not_be_made(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    fake.on_start = lambda reload_id: agent.main(["reload", reload_id], fake.world)
    fake.initramfs_rc = 1
    first = job(fake).apply()
    assert (first.result and first.result.code, first.remade) == ("initramfs_failed", False)
    planned = job(fake).check()
    assert (planned.parts, planned.remade, fake.carried()) == ((), True, OLD)
    with pytest.raises(TwostepError, match="No space left on device"):
        job(fake).apply()
    fake.initramfs_rc = 0
    second = job(fake).apply()
    assert (second.result, second.parts, second.remade, fake.carried(), fake.users()) == (None, (), True, NEW, EVERYBODY)
    fake.calls.clear()
    assert (job(fake).apply().remade, job(fake).check().remade, fake.calls) == (False, False, [])


def test_fake_parent_before_a_boot_it_carries_what_is_installed(tmp_path: Path) -> None:
    fake = with_initramfs(tmp_path)
    assert (job(fake).make_bootable(True).remade, fake.carried()) == (True, OLD)
    assert (job(fake).make_bootable(False).remade, fake.carried(), fake.loaded()) == (True, NEW, OLD)
    assert (job(fake).make_bootable(False).remade, fake.calls.count(MADE)) == (False, 1)
    fake.reboot()
    assert fake.loaded() == NEW
