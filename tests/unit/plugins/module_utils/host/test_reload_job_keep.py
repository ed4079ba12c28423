# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `reload` with `state: kept`, and with the parent, on a pretended host."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot as boot_config
from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_plan import Wish as SwapWish
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.core.trial import Trial
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, boot, reload_folder, swap_folder, trials
from ansible_collections.twostep.hotswap.plugins.module_utils.host import reload as reloads
from ansible_collections.twostep.hotswap.plugins.module_utils.host.reload_job import Job
from ansible_collections.twostep.hotswap.plugins.module_utils.host.swap_job import Job as SwapJob
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import LINKED, RELEASE
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import (
    EVERYBODY,
    LOWER,
    PARENT,
    UPPER,
    KilledError,
    ReloadDouble,
    identity,
)
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK

CHILD = "twostep_remap_1_0_0"


@pytest.fixture
def fake_vendor(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor(kept=False)
    for name in (LOWER, UPPER):
        fake.install_file(name, "1.0")
    return fake


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.with_parent(True, "log")
    fake.on_start = lambda reload_id: agent.main(["reload", reload_id], fake.world)
    return fake


def job(fake: ReloadDouble, *modules: str) -> Job:
    return Job(fake.world, reload.wish(list(modules)), "/usr/bin/python3", lambda: "/agent.pyz", lambda: "00000000")


def refused(act, *arguments: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments)
    return caught.value


def copies(fake: ReloadDouble) -> list[str]:
    return sorted(path.name for path in Path(fake.paths.kept).rglob("*.ko*"))


def test_fake_vendor_files_are_kept_once(fake_vendor: ReloadDouble) -> None:
    outcome = job(fake_vendor, LOWER, UPPER).keep(False)
    assert ([module.kept for module in outcome.before], copies(fake_vendor)) == ([None, None], ["lower.ko", "upper.ko"])
    assert all(module.kept and module.kept.startswith(f"{fake_vendor.paths.kept}/{RELEASE}/") for module in outcome.after)
    assert stat.S_IMODE(os.stat(fake_vendor.paths.state).st_mode) == 0o700
    again = job(fake_vendor, LOWER, UPPER).keep(False)
    assert again.before == again.after == outcome.after


def test_fake_vendor_check_keeps_nothing(fake_vendor: ReloadDouble) -> None:
    planned = job(fake_vendor, LOWER).keep(True)
    assert not os.path.exists(fake_vendor.paths.state)
    assert planned == job(fake_vendor, LOWER).keep(False)
    assert [module.kept for module in planned.before] == [None]


@pytest.mark.parametrize("check", [True, False])
def test_fake_vendor_too_late(fake_vendor: ReloadDouble, check: bool) -> None:
    fake_vendor.install_file(UPPER, "2.0")
    error = refused(job(fake_vendor, LOWER, UPPER).keep, check)
    assert (error.code, error.data) == ("no_way_back", {"module": "upper"})


def test_fake_vendor_what_is_not_loaded_is_not_kept(fake_vendor: ReloadDouble) -> None:
    fake_vendor.unload_module(UPPER)
    outcome = job(fake_vendor, LOWER, UPPER, "other").keep(False)
    assert ([module.state for module in outcome.after], copies(fake_vendor)) == (["live", "absent", "absent"], ["lower.ko"])


def running_reload(fake: ReloadDouble) -> None:
    """Have a reload run that has loaded the new modules, and may still need the old ones."""
    job(fake, LOWER, UPPER).keep(False)
    for name in (LOWER, UPPER):
        fake.install_file(name, "2.0")
    fake.request()
    fake.alive = ["reload-1"]
    for name in (LOWER, UPPER):
        fake.load_module(name, "2.0")


@pytest.mark.parametrize("check", [True, False])
def test_fake_vendor_the_copies_of_a_reload_that_runs_are_not_forgotten(fake_vendor: ReloadDouble, check: bool) -> None:
    running_reload(fake_vendor)
    before = sorted(os.listdir(f"{fake_vendor.paths.kept}/{RELEASE}"))
    outcome = job(fake_vendor, LOWER).keep(check)
    assert (outcome.reattached, outcome.before == outcome.after) == (True, True)
    assert sorted(os.listdir(f"{fake_vendor.paths.kept}/{RELEASE}")) == before


@pytest.mark.parametrize("modules", [["other"], ["lower", "other"]])
def test_fake_vendor_other_modules_are_kept_beside_a_reload(fake_vendor: ReloadDouble, modules: list[str]) -> None:
    running_reload(fake_vendor)
    fake_vendor.install_file("other", "1.0")
    fake_vendor.load_module("other", "1.0")
    assert job(fake_vendor, *modules).keep(False).reattached == (len(modules) > 1)
    assert copies(fake_vendor) == ["lower.ko", "other.ko", "upper.ko"]


def test_fake_vendor_a_reload_that_died_is_settled_before_its_copies_may_go(fake_vendor: ReloadDouble) -> None:
    running_reload(fake_vendor)
    fake_vendor.alive = []
    for name in (LOWER, UPPER):
        fake_vendor.load_module(name, "1.0")
    fake_vendor.die_at = fake_vendor.moments + 6
    with pytest.raises(KilledError):
        reloads.Transaction(fake_vendor.world, reload_folder.read_request(fake_vendor.paths, "reload-1")).perform()
    fake_vendor.die_at = 0
    assert job(fake_vendor, LOWER, UPPER).keep(True).reattached  # looking settles nothing
    assert reload_folder.read_result(fake_vendor.paths, "reload-1") is None
    outcome = job(fake_vendor, LOWER, UPPER).keep(False)
    assert outcome.notes[0].startswith("The agent of reload reload-1 ended without an answer. ")
    assert (fake_vendor.users(), [module.state for module in outcome.after]) == (EVERYBODY, ["live", "live"])
    assert reload_folder.read_result(fake_vendor.paths, "reload-1") is not None


def test_fake_parent_is_replaced(fake_parent: ReloadDouble) -> None:
    planned = job(fake_parent, PARENT).check()
    assert ([part.name for part in planned.parts], planned.consumers) == ([PARENT], ("mount /srv", f"swap {DISK}p2", f"{DISK} in md0"))
    outcome = job(fake_parent, PARENT).apply()
    assert outcome.result is not None
    assert (outcome.result.outcome, fake_parent.loaded(PARENT), fake_parent.users()) == ("reloaded", ["2.0.0"], EVERYBODY)
    assert [fake_parent.status.slot(name).state for name in ("data", "log")] == ["serving", "serving"]
    assert job(fake_parent, PARENT).apply().result is None


def swap_request(fake: ReloadDouble) -> SwapRequest:
    request = SwapRequest("data-7", "run", "data", "remap", "1.0.0", "1.1.0", 1, "t", path="/m.ko", module="m", old_module="o")
    swap_folder.write_request(fake.paths, request)
    return request


def on_trial(fake: ReloadDouble) -> None:
    trials.write(fake.paths, Trial("log", "1.1.0", "1.0.0", "log-1", "run", trials.boot_id(fake.paths)))


REFUSALS = [
    (swap_request, "swap_in_progress", "Swap data-7 has no result yet.", "Run that swap again to end it, then this."),
    (lambda fake: fake.set(parked="0.9.0"), "slot_unsettled", "Slot data is not settled: 0.9.0 is parked.", None),
    (on_trial, "slot_unsettled", "Slot log is not settled: a version is on trial.", None),
    (
        lambda fake: boot.remove_slot(fake.paths, "log"),
        "slot_not_configured",
        "Slot log serves remap 1.0.0, which is not what its boot configuration has.",
        None,
    ),
    (
        lambda fake: boot.write_slot(fake.paths, boot_config.boot_slot("idle", "remap", "", "1.0.0")),
        "slot_not_up",
        "Slot idle is in the boot configuration, but does not exist: whether it can be brought up is unknown.",
        None,
    ),
    (
        lambda fake: fake.install("1.0.0", {"versions": {**LINKED["versions"], "twostep_register_child": 1}}),
        "child_does_not_fit",
        f"The installed parent has another checksum for twostep_register_child, which {CHILD} needs.",
        None,
    ),
    (
        lambda fake: (fake.root / f"lib/modules/{RELEASE}/updates/dkms/{CHILD}.ko").unlink(),
        "no_module_file",
        f"No file of {CHILD}, which serves, is installed.",
        "Build and install it with twostep.hotswap.dkms.",
    ),
]


@pytest.mark.parametrize("call", ["check", "apply"])
@pytest.mark.parametrize(("change", "code", "message", "next_step"), REFUSALS, ids=[refusal[1] for refusal in REFUSALS])
def test_fake_parent_that_cannot_be_replaced(fake_parent: ReloadDouble, call: str, change, code: str, message: str, next_step) -> None:
    change(fake_parent)
    error = refused(getattr(job(fake_parent, PARENT), call))
    assert (error.code, error.message, error.next_step) == (code, message, next_step or error.next_step)
    assert (fake_parent.loaded(PARENT), fake_parent.users(), os.path.exists(fake_parent.paths.reloads)) == (["1.0.0"], EVERYBODY, False)


def test_fake_parent_that_is_current_is_left_alone_whatever_its_slots_do(fake_parent: ReloadDouble) -> None:
    fake_parent.install_file(PARENT, "1.0.0")
    swap_request(fake_parent)
    assert job(fake_parent, PARENT).apply().result is None


def test_fake_parent_in_a_file_that_cannot_be_looked_into_is_tried_and_told(fake_parent: ReloadDouble) -> None:
    path = fake_parent.root / f"lib/modules/{RELEASE}/updates/dkms/{CHILD}.ko"
    path.unlink()
    Path(f"{path}.zst").write_bytes(b"(\xb5/\xfd")
    note = f"Whether the children fit the new parent was not looked at: {path}.zst is compressed with zstd."
    planned = job(fake_parent, PARENT).check()
    assert ([part.name for part in planned.parts], planned.notes) == ([PARENT], (note,))


def test_fake_parent_a_finished_swap_does_not_keep_it(fake_parent: ReloadDouble) -> None:
    request = swap_request(fake_parent)
    swap_folder.requests(fake_parent.paths).put(request.swap_id, "result.json", "{}")
    assert job(fake_parent, PARENT).check().parts != ()


@pytest.mark.parametrize("call", ["check", "apply"])
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_fake_parent_no_swap_while_it_is_replaced(fake_parent: ReloadDouble, call: str, version: str) -> None:
    fake_parent.install("1.1.0")
    fake_parent.request(PARENT)
    swap = SwapJob(fake_parent.world, SwapWish("data", version), "python3", lambda: "/agent.pyz", lambda: "0")
    error = refused(getattr(swap, call))
    assert (error.code, error.data) == ("reload_in_progress", {"reload_id": "reload-1"})
    assert error.message == "The parent is being replaced by reload reload-1, which has no result yet."
    assert error.next_step == "Run that reload again to end it, then this."
    assert (os.path.exists(fake_parent.paths.swaps), fake_parent.writes) == (False, [])


def test_fake_parent_a_vendors_reload_keeps_no_swap(fake_parent: ReloadDouble) -> None:
    request = fake_parent.request(PARENT)
    part = replace(request.parts[0], name=LOWER, old=identity("1.0"), new=identity("2.0"))
    reload_folder.requests(fake_parent.paths).put(
        "reload-1", "request.json", reload_folder.reload_request.render(replace(request, parts=(part,)))
    )
    SwapJob(fake_parent.world, SwapWish("data", "1.0.0"), "python3", lambda: "/agent.pyz", lambda: "0").check()
