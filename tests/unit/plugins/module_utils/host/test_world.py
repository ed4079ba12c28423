# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import os

from ansible_collections.twostep.hotswap.plugins.module_utils.host import world


def test_this_host() -> None:
    this = world.real()
    assert (this.paths.root, this.release) == ("", os.uname().release)
    assert this.control.status is this.status


def test_clocks() -> None:
    this = world.real()
    first = this.monotonic_ns()
    assert this.monotonic_s() >= first / 1e9
    moment = datetime.datetime.strptime(this.now(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    assert abs(moment.timestamp() - datetime.datetime.now(datetime.timezone.utc).timestamp()) < 60
