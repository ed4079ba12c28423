# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.trial import Trial
from ansible_collections.twostep.hotswap.plugins.module_utils.host import trials
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

BOOT_ID = "00000000-0000-4000-8000-000000000001"
TRIAL = Trial("data", "2.0.0", "1.0.0", "data-1", "run-1", BOOT_ID)


def test_written_read_and_removed(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    assert trials.read(paths, "data") is None
    trials.write(paths, TRIAL)
    trials.write(paths, TRIAL)
    assert trials.read(paths, "data") == TRIAL
    assert [os.stat(place).st_mode & 0o777 for place in (paths.trials, f"{paths.trials}/data.json")] == [0o700, 0o600]
    trials.remove(paths, "data")
    trials.remove(paths, "data")
    assert trials.read(paths, "data") is None


def test_one_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    os.makedirs(paths.state)
    Path(paths.trials).touch()
    with pytest.raises(TwostepError) as caught:
        trials.write(paths, TRIAL)
    assert (caught.value.code, caught.value.data) == ("write_failed", {"path": f"{paths.trials}/data.json"})


def test_one_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    os.makedirs(f"{paths.trials}/data.json")
    with pytest.raises(TwostepError) as caught:
        trials.read(paths, "data")
    assert (caught.value.code, caught.value.message) == ("read_failed", f"{paths.trials}/data.json cannot be read: Is a directory.")


def test_one_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    os.makedirs(f"{paths.trials}/data.json")
    with pytest.raises(TwostepError) as caught:
        trials.remove(paths, "data")
    assert (caught.value.code, caught.value.message) == ("write_failed", f"{paths.trials}/data.json cannot be removed: Is a directory.")


def test_a_name_is_checked_before_it_gets_into_a_path(tmp_path: Path) -> None:
    for act in (trials.read, trials.remove):
        with pytest.raises(TwostepError) as caught:
            act(Paths(str(tmp_path)), "../x")
        assert caught.value.code == "bad_slot"


def test_the_name_of_this_boot() -> None:
    assert trials.boot_id(Paths()) == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
