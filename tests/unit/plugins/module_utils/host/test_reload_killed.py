# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that is killed in any moment of a reload, against a pretended host: whoever comes next brings modules and users back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import reload, reload_folder
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import (
    EVERYBODY,
    PARENT,
    KilledError,
    ReloadDouble,
)


@pytest.fixture(autouse=True)
def _nothing_waits_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


def vendor(fake: ReloadDouble) -> None:
    fake.vendor(carried=True)
    fake.request()


def parent(fake: ReloadDouble) -> None:
    fake.with_parent(True, "log", carried=True)
    fake.request(PARENT)


def changed(**fields: object) -> Callable[[ReloadDouble], None]:
    def change(fake: ReloadDouble) -> None:
        for name, value in fields.items():
            setattr(fake, name, value)

    return change


def perform(fake: ReloadDouble) -> None:
    """Run the agent; a failure that leaves no result is one, too."""
    try:
        reload.Transaction(fake.world, reload_folder.read_request(fake.paths, "reload-1")).perform()
    except (KilledError, TwostepError):
        pass


def moments(root: Path, make: Callable[[ReloadDouble], None], trouble: Callable[[ReloadDouble], None]) -> int:
    fake = ReloadDouble(root)
    make(fake)
    trouble(fake)
    fake.moments = 0
    perform(fake)
    return fake.moments


TROUBLES = {
    "none": changed(),
    "second does not load": changed(refused=["upper 2.0"]),
    "nobody comes back": changed(useless=["2.0", "2.0.0"]),
    "second stays": changed(stuck=["lower"]),
}
CASES = [(vendor, trouble) for trouble in TROUBLES] + [(parent, "none"), (parent, "nobody comes back")]


def dead(root: Path, make: Callable[[ReloadDouble], None], trouble: str, moment: int) -> ReloadDouble:
    """Return a host whose agent was killed in that moment."""
    fake = ReloadDouble(root)
    make(fake)
    TROUBLES[trouble](fake)
    fake.moments, fake.die_at = 0, moment
    perform(fake)
    fake.die_at = 0
    return fake


def wrong(fake: ReloadDouble, make: Callable) -> list:
    """Settle the request, and return what is not as it should be."""
    at = [*fake.calls[-1:], *fake.writes[-1:]]
    try:
        result = reload.settle(fake.world, reload_folder.read_request(fake.paths, "reload-1"))
    except TwostepError as error:
        return [at, error.code, error.message]
    names = ("lower", "upper") if make is vendor else (PARENT,)
    loaded, installed = fake.loaded(*names), fake.installed(*names)
    # What a boot loads is what serves; what is installed and not loaded is still to be gone to.
    boots = fake.carried(*names)
    slots = {name: fake.status.slot(name).state for name in fake.status.slot_names()}
    is_good = bool(
        (result.outcome, result.code) == ("failed", "agent_died")
        and reload_folder.read_result(fake.paths, "reload-1") == result
        and fake.users() == EVERYBODY
        and len(set(loaded)) == len(set(installed)) == 1
        and loaded[0] in ("1.0", "2.0", "1.0.0", "2.0.0")
        and boots == loaded
        and (fake.useless or not fake.unserved)
        and slots == ({"data": "serving"} if make is vendor else {"data": "serving", "log": "serving"})
        and (installed[0].startswith("1.") or not result.notes)
    )
    return [] if is_good else [at, result, fake.users(), loaded, installed, boots, fake.unserved, slots]


@pytest.mark.parametrize(("make", "trouble"), CASES)
def test_fake_parent_killed_in_any_moment_and_everybody_is_back(tmp_path: Path, make: Callable, trouble: str) -> None:
    end = moments(tmp_path / "0", make, TROUBLES[trouble])
    assert end > 10
    for moment in range(1, end + 1):
        fake = dead(tmp_path / str(moment), make, trouble, moment)
        assert (moment, wrong(fake, make)) == (moment, [])


@pytest.mark.parametrize(("make", "trouble"), [(vendor, "nobody comes back"), (parent, "none")])
def test_fake_parent_power_lost_in_any_moment_and_everybody_is_back(tmp_path: Path, make: Callable, trouble: str) -> None:
    for moment in range(5, moments(tmp_path / "0", make, TROUBLES[trouble]) + 1, 2):
        fake = dead(tmp_path / str(moment), make, trouble, moment)
        fake.reboot()
        assert (moment, wrong(fake, make)) == (moment, [])
