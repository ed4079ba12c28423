# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sources share: the time at which they looked is one that the gate can read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_probe


def test_the_time_of_a_look_is_now_in_utc() -> None:
    told = datetime.strptime(health_probe.utc_now(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs(datetime.now(timezone.utc) - told) < timedelta(minutes=1)
