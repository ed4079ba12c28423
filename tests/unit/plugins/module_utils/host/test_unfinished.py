# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose work a slot is: a swap's or a reload's, by their requests and what systemd says of their agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import swap_folder, unfinished
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import PARENT, ReloadDouble


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.with_parent()
    return fake


def swap(fake: ReloadDouble) -> None:
    request = SwapRequest(
        "data-1",
        "run",
        "data",
        "remap",
        "1.0.0",
        "1.1.0",
        1,
        "t",
        path="/m/x.ko",
        module="twostep_remap_1_1_0",
        old_module="twostep_remap_1_0_0",
    )
    swap_folder.write_request(fake.paths, request)


def refused(fake: ReloadDouble, *slots: str, dead_too: bool = False) -> TwostepError | None:
    try:
        unfinished.refuse(fake.paths, fake.run, slots, dead_too)
    except TwostepError as error:
        return error
    return None


def test_fake_parent_nothing_is_at_work(fake_parent: ReloadDouble) -> None:
    assert refused(fake_parent, "data", dead_too=True) is None


def test_fake_parent_a_swap_that_runs(fake_parent: ReloadDouble) -> None:
    swap(fake_parent)
    fake_parent.alive = ["data-1"]
    error = refused(fake_parent, "data")
    assert error is not None
    assert (error.code, error.message, error.data) == ("swap_in_progress", "Swap data-1 of slot data is at work.", {"swap_id": "data-1"})
    assert error.next_step == "Wait until it has ended, then run again."
    assert refused(fake_parent, "log", dead_too=True) is None


def test_fake_parent_a_swap_whose_agent_has_died(fake_parent: ReloadDouble) -> None:
    swap(fake_parent)
    assert refused(fake_parent, "data") is None
    error = refused(fake_parent, "data", dead_too=True)
    assert error is not None
    assert error.message == "Swap data-1 of slot data has no result, and its agent is gone."
    assert error.next_step == "Run that swap again to end it, then this."


def test_fake_parent_a_reload_of_the_parent_is_about_all_slots(fake_parent: ReloadDouble) -> None:
    fake_parent.request(PARENT)
    assert refused(fake_parent, "log") is None
    fake_parent.alive = ["reload-1"]
    error = refused(fake_parent, "log")
    assert error is not None
    assert (error.code, error.message) == ("reload_in_progress", "Reload reload-1 of the parent is at work.")


def test_fake_parent_a_reload_of_other_modules_is_about_none(tmp_path: Path) -> None:
    fake = ReloadDouble(tmp_path)
    fake.vendor()
    fake.request()
    fake.alive = ["reload-1"]
    assert refused(fake, "data", dead_too=True) is None


def test_fake_parent_a_damaged_request_names_no_slot(fake_parent: ReloadDouble) -> None:
    swap_folder.requests(fake_parent.paths).add("data-2", "{")
    assert refused(fake_parent, "data", dead_too=True) is None
