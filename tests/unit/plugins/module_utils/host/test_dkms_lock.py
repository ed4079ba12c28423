# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import dkms_lock
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths


class Clock:
    def __init__(self) -> None:
        self.time_s = 0.0

    def now(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds


def test_a_second_one_waits_and_then_gives_up(tmp_path: Path) -> None:
    clock = Clock()
    paths = Paths(str(tmp_path))
    with dkms_lock.held(paths):
        with pytest.raises(TwostepError) as caught, dkms_lock.held(paths, 60.0, clock.now, clock.sleep):
            pass
        assert caught.value.code == "dkms_busy"
        assert clock.time_s >= 60.0


def test_it_is_free_again_afterwards_also_after_a_failure(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    clock = Clock()
    with pytest.raises(ValueError, match="inside"), dkms_lock.held(paths):
        raise ValueError("inside")
    with dkms_lock.held(paths, 0.0, clock.now, clock.sleep):
        pass
    assert clock.time_s == 0.0


def test_one_that_waits_gets_it(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    clock = Clock()
    first = dkms_lock.held(paths)
    first.__enter__()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        first.__exit__(None, None, None)

    with dkms_lock.held(paths, 60.0, clock.now, sleep):
        assert 0.0 < clock.time_s < 60.0
